"""See how providers stand, pause them, set their rates."""

import asyncio
import datetime as dt
import re
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from config.clock import Clock, open_clock
from config.routes import Route
from config.settings import load_settings, resolve
from domain.errors import BadInput
from throttling.provider_limits import ProviderLimits, State
from workers.routing import Router, day_of, open_router

app = typer.Typer()

Name = Annotated[str, typer.Argument(help="The provider, on all its channels, or one route such as sms:twilio.")]
DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LONGEST = 366 * 86_400


@app.callback(invoke_without_command=True)
def show(context: typer.Context) -> None:
    """See how providers stand, pause them, set their rates."""
    if context.invoked_subcommand is not None:
        return
    router, clock = _router()
    routes = [route for each in router.routes.values() for route in each]
    now = clock.now()
    states: list[State] = []

    async def look(limits: ProviderLimits) -> None:
        states.extend([await limits.state(one.name, day_of(now), now_ms=router.now_ms(now)) for one in routes])

    _do(router, look)
    table = Table(box=box.SIMPLE)
    for name in ("channel", "provider", "priority", "weight", "circuit", "paused", "rate", "in flight", "spend today"):
        table.add_column(name)
    for route, state in zip(routes, states, strict=True):
        table.add_row(*row(route, state))
    Console().print(table)


@app.command()
def pause(name: Name, duration: Annotated[str, typer.Option("--for", help="Such as 90s, 10m, 2h.")]) -> None:
    """Send a provider nothing for a while. Others take over where the routes name any."""
    seconds = seconds_of(duration)

    async def work(limits: ProviderLimits, route: Route, now_ms: int) -> None:
        await limits.pause(route.name, seconds, now_ms=now_ms)

    typer.echo(f"Paused for {duration}: {_each(name, work)}.")


@app.command()
def resume(name: Name) -> None:
    """End a pause, and close the circuit."""

    async def work(limits: ProviderLimits, route: Route, now_ms: int) -> None:
        await limits.pause(route.name, 0, now_ms=now_ms)

    typer.echo(f"Resumed: {_each(name, work)}.")


@app.command()
def rate(
    name: Name,
    messages: Annotated[float | None, typer.Argument(help="Messages a second; left out: what the route says.")] = None,
) -> None:
    """Set how many messages a second a provider gets, for all workers at once."""

    async def work(limits: ProviderLimits, route: Route, _now_ms: int) -> None:
        await limits.set_rate(route.name, messages)

    done = _each(name, work)
    typer.echo(f"{'As routed' if messages is None else f'{messages:g} a second'}: {done}.")


def row(route: Route, state: State) -> tuple[str, ...]:
    """One line of the table."""
    circuit = "closed"
    if state.is_open:
        circuit = f"open {state.opened_for:.0f} s" if state.opened_for else "trying"
    allowed = route.rate if state.rate is None else state.rate
    spend = f"{state.spend / 1e6:.2f} of {route.daily_spend / 1e6:.2f}" if route.daily_spend is not None else "–"
    return (
        route.channel,
        route.provider,
        str(route.priority),
        f"{route.weight:g}" + ("" if state.health == 1 else f" × {state.health:.2f}"),
        circuit,
        f"{state.paused_for:.0f} s" if state.paused_for else "–",
        "–" if allowed is None else f"{allowed:g}/s" + ("" if state.rate is None else " (set)"),
        f"{state.in_flight} of {route.concurrency}" if route.concurrency else "–",
        spend,
    )


def seconds_of(duration: str) -> float:
    """A duration such as 90s, 10m, 2h in seconds. Raises BadInput."""
    found = DURATION.fullmatch(duration)
    seconds = float(found[1]) * SECONDS[found[2]] if found else 0.0
    if not 0 < seconds <= LONGEST:
        raise BadInput("that is no duration.", where="--for", remedy="Such as 90s, 10m, 2h or 1d, up to a year.")
    return seconds


def _router() -> tuple[Router, Clock]:
    settings = resolve(load_settings())
    return open_router(settings), open_clock(settings)


def _do(router: Router, work: Callable[[ProviderLimits], Awaitable[None]]) -> None:
    async def run() -> None:
        try:
            await work(router.of_loop())
        finally:
            await router.close()

    asyncio.run(run())


def _each(name: str, work: Callable[[ProviderLimits, Route, int], Awaitable[None]]) -> str:
    """Do the work with every route of the provider; their names. Raises BadInput where there is none."""
    router, clock = _router()
    routes = [one for each in router.routes.values() for one in each if name in (one.provider, one.name)]
    if not routes:
        known = ", ".join(sorted({one.provider for each in router.routes.values() for one in each}))
        raise BadInput(f"no channel is carried by `{name}`.", where="NAME", remedy=f"Known: {known}.")
    now: dt.datetime = clock.now()

    async def run(limits: ProviderLimits) -> None:
        for route in routes:
            await work(limits, route, router.now_ms(now))

    _do(router, run)
    return ", ".join(one.name for one in routes)
