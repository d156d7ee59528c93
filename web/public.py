"""What debtors reach from a message, without a log-in: stop these messages, how to pay, how to get help.

Nothing here names the debtor or says that there is a debt. Opening a page does nothing; mail scanners open them all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from domain.channel import Channel
from domain.errors import BadInput, Tampered
from domain.event import Inbound, Intent
from storage import creditors, screens
from web.intake import Intake
from web.problems import problem
from web.render import page
from web.services import Services
from workers.links import Purpose, verify


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes, under a name that tells of no debts, and how to reach them. Empty: not known."""

    name: str
    phone: str
    hours: str
    email: str
    pay_url: str


def sender_of(profile: Mapping[str, Any]) -> Sender:
    """The sender in a creditor's profile."""
    words = profile.get("sender") or {}
    return Sender(
        _text(words.get("neutral_name")) or "Customer service",
        _text(words.get("callback_number")) or _text(profile.get("phone")),
        _text(words.get("office_hours")),
        _text(words.get("reply_email")),
        _web_address(_text(profile.get("pay_url"))),
    )


def _text(value: object) -> str:
    """A text of a profile, which may be one for each language: these pages speak English."""
    if isinstance(value, Mapping):
        value = value.get("en") or next(iter(value.values()), "")
    return str(value or "")


def _web_address(url: str) -> str:
    """An address that may stand in a link; anything but https is left out."""
    return url if url.startswith("https://") else ""


PROVIDER = "link"
"""What stands as the provider of an event that came by one of our own links."""


def routes(services: Services, intake: Intake) -> APIRouter:
    """`/unsubscribe/{token}`, `/pay/{token}`, `/help/{token}`."""
    router = APIRouter(include_in_schema=False)

    def opened(purpose: Purpose, token: str) -> tuple[UUID, ...]:
        return verify(services.link_key, purpose, token, services.clock.now().date())

    def sender(creditor_id: UUID) -> Sender:
        with screens.reading(services.db, creditor_id) as connection:
            return sender_of(creditors.profile(connection))

    def message_of(creditor_id: UUID, attempt_id: UUID) -> tuple[Channel | None, Sender]:
        """The channel of the message that a link stood in, and its sender."""
        with screens.reading(services.db, creditor_id) as connection:
            channel = screens.channel_of(connection, creditor_id, attempt_id)
            return Channel(channel) if channel else None, sender_of(creditors.profile(connection))

    def shown(purpose: Purpose, token: str, template: str) -> Response:
        try:
            creditor_id, *_ = opened(purpose, token)
        except (Tampered, BadInput) as error:
            return _refused(error)
        return page(template, {"sender": sender(creditor_id), "done": False})

    @router.get("/pay/{token}")
    def pay(token: str) -> Response:
        """How to pay the sender."""
        return shown(Purpose.PAY, token, "pay.html")

    @router.get("/help/{token}")
    def help_(token: str) -> Response:
        """How to reach the sender: to ask, to dispute, to say that one cannot pay."""
        return shown(Purpose.HELP, token, "help.html")

    @router.get("/unsubscribe/{token}")
    def ask(token: str) -> Response:
        """A button that stops these messages; opening the page stops nothing."""
        return shown(Purpose.UNSUBSCRIBE, token, "unsubscribe.html")

    @router.post("/unsubscribe/{token}")
    async def unsubscribe(token: str) -> Response:
        """Stop at once: the button, and the one click of mail programs (RFC 8058), which ask nothing more."""
        try:
            creditor_id, attempt_id = opened(Purpose.UNSUBSCRIBE, token)
        except Tampered:
            return problem(404, "The link is not one of ours.")
        except BadInput as error:
            return _refused(error)
        channel, shown_sender = await run_in_threadpool(message_of, creditor_id, attempt_id)
        if channel is None:
            return problem(404, "The link is not one of ours.")
        wish = Inbound(
            key=f"{attempt_id}/stop",
            provider=PROVIDER,
            channel=channel,
            at=services.clock.now(),
            sender=None,
            attempt_id=attempt_id,
            intent=Intent.STOP,
        )
        await intake.store(creditor_id, [wish])
        return page("unsubscribe.html", {"sender": shown_sender, "done": True})

    return router


def _refused(error: Tampered | BadInput) -> Response:
    is_old = isinstance(error, BadInput)
    detail = "It is too old. The one in the newest message works." if is_old else "It may have been cut short."
    return page(
        "error.html",
        {"title": "This link does not work", "detail": detail, "back": None},
        410 if is_old else 404,
    )
