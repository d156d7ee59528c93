"""Debtors, cadences and rules made by hand, for tests of what happens next."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from campaigns.audience import Audience
from campaigns.cadence import Anchor, Cadence, Exit, Pacing, Step, Window
from campaigns.cadence_graph import spacings
from campaigns.next_action import NextAction, next_action
from campaigns.view import AccountView, DebtorView, EnrolmentView, PointView
from domain.account import Balances
from domain.channel import CONTACT_CHANNEL, Channel
from domain.decision import Decision, Verdict
from domain.facts import AccountFacts, Collector, DebtorFacts, PointFacts, PointKind, Proposal

NOW = datetime(2026, 6, 10, 2, 0, tzinfo=UTC)
"""Ten in the morning of a Wednesday in Shanghai."""
TODAY = date(2026, 6, 10)
SHANGHAI = DebtorFacts(timezones=("Asia/Shanghai",))
CAMPAIGN = UUID(int=900)
DAY = timedelta(days=1)


def step(id_: str = "a", days: int = 3, *, anchor: Anchor = Anchor.DAY_IN_ARREARS, **more: object) -> Step:
    said: dict[str, object] = {
        "stage": "early",
        "channels": (Channel.SMS,),
        "template": "t",
        "window": Window(9 * 60, 18 * 60),
    } | more
    return Step(id_, anchor=anchor, days=days, **said)  # type: ignore[arg-type]


def after(id_: str, days: int = 4, **more: object) -> Step:
    return step(id_, days, anchor=Anchor.LAST_CONTACT, **more)


def cadence(*steps: Step, **more: object) -> Cadence:
    """A cadence of steps in a row."""
    row = steps or (step(),)
    linked = [
        replace(one, then=one.then or following, otherwise=one.otherwise or following)
        for one, following in zip(row, [*(one.id for one in row[1:]), None], strict=True)
    ]
    spaced = spacings(linked)
    stages = tuple(dict.fromkeys(one.stage for one in spaced))
    said: dict[str, object] = {
        "name": "test",
        "title": "Test",
        "audience": Audience(frozenset({"credit_card"}), 1, 90),
        "exits": frozenset(Exit),
        "leaves_above": 90,
        "pacing": Pacing(),
        "packs": (),
        "priority": 5,
        "verification": (),
        "balances_no_older_than": 7,
    } | more
    return Cadence(
        stages=stages,
        steps=spaced,
        by_id={one.id: one for one in spaced},
        stage_rank={stage: number for number, stage in enumerate(stages)},
        **said,  # type: ignore[arg-type]
    )


def account(number: int = 1, days_past_due: int | None = 5, owed: int = 100_00, **more: object) -> AccountView:
    said: dict[str, object] = {"state": "open", "tags": frozenset()} | more
    currency = str(said.pop("currency", "CNY"))
    as_of = said.pop("as_of", TODAY - DAY)
    assert isinstance(as_of, date)
    return AccountView(
        account_id=UUID(int=number),
        facts=AccountFacts(str(UUID(int=number)), "credit_card", days_past_due),
        balances=Balances(currency, owed, 0, 0, 0, as_of),
        **said,  # type: ignore[arg-type]
    )


def enrolment(on: Cadence, number: int = 1, **more: object) -> EnrolmentView:
    """Account `number` on the cadence's first step, entered two days ago."""
    said: dict[str, object] = {
        "campaign_id": CAMPAIGN,
        "is_running": True,
        "step": on.first.id,
        "rank": 0,
        "attempt_id": None,
        "last_contact_at": None,
        "entered_at": NOW - 2 * DAY,
    } | more
    at = said["step"]
    stage = on.by_id[str(at)].stage if at else on.stages[-1]
    return EnrolmentView(
        enrolment_id=UUID(int=100 + number),
        cadence=on,
        account_id=UUID(int=number),
        stage=stage,
        **said,  # type: ignore[arg-type]
    )


def point(kind: PointKind = PointKind.MOBILE, name: str = "m1", **more: object) -> PointView:
    said: dict[str, object] = {"channels_off": frozenset(), "is_dead": False, "priority": 0} | more
    zones = said.pop("timezones", ())
    return PointView(PointFacts(name, kind, tuple(zones)), **said)  # type: ignore[arg-type]


MOBILE = point()
EMAIL = point(PointKind.EMAIL, "e1")


def debtor(enrolments: Iterable[EnrolmentView], accounts: Iterable[AccountView] = (), **more: object) -> DebtorView:
    ours = tuple(enrolments)
    said: dict[str, object] = {
        "kind": "person",
        "language": "en",
        "flags": frozenset(),
        "collector": Collector(True, "lender"),
        "facts": SHANGHAI,
        "points": (MOBILE, EMAIL),
    } | more
    made = tuple(accounts) or tuple(account(one.account_id.int) for one in ours)
    return DebtorView(debtor_id=UUID(int=7), accounts=made, enrolments=ours, **said)  # type: ignore[arg-type]


Answer = Callable[[Proposal], Decision]
ALLOWED = Decision(Verdict.ALLOWED)
REFUSED = Decision(Verdict.REFUSED)


@dataclass
class Rules:
    """Rules that answer as a test wants: `next_action` is given it as both rules and what they are prepared to."""

    answer: Answer = lambda _: ALLOWED
    asked: list[Proposal] = field(default_factory=list)

    def __call__(self, facts: object) -> "Rules":
        return self

    def decide(self, proposal: Proposal) -> Decision:
        self.asked.append(proposal)
        return self.answer(proposal)


def open_between(*spans: tuple[datetime, datetime]) -> Answer:
    """Rules that allow inside these half-open spans, defer to the next one, and refuse after the last."""

    def answer(proposal: Proposal) -> Decision:
        for start, end in spans:
            if start <= proposal.at < end:
                return Decision(Verdict.ALLOWED, closes=end)
            if proposal.at < start:
                return Decision(Verdict.DEFERRED, until=start)
        return REFUSED

    return answer


def refusing(*channels: Channel) -> Answer:
    """Rules that refuse these channels and allow all others."""
    refused = {CONTACT_CHANNEL[channel] for channel in channels}
    return lambda proposal: REFUSED if proposal.channel in refused else ALLOWED


def look(view: DebtorView, rules: Rules | None = None, now: datetime = NOW) -> NextAction:
    return next_action(view, now, rules or Rules())  # type: ignore[arg-type]


def one(*steps: object, **more: object) -> DebtorView:
    """A debtor with one account on the first of these steps."""
    return debtor([enrolment(cadence(*steps), **more)])  # type: ignore[arg-type]


def local(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)
