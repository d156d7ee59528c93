"""When a step is due, and what its condition may ask: counted from the last contact made, not by the calendar alone."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from campaigns.cadence import Anchor, Cadence, Step
from campaigns.calendar import day_instant, local_day_of
from campaigns.conditions import Scope, Value
from campaigns.view import AccountView, DebtorView, EnrolmentView
from domain.channel import REACHES, Channel
from domain.money import minor_digits


class Place(NamedTuple):
    """Where and when a look happens: the debtor's zones (never empty), the instant, and the day that it is there."""

    zones: tuple[str, ...]
    now: datetime
    today: date


def due_day(
    step: Step, contacted_at: datetime | None, enrolment: EnrolmentView, account: AccountView, place: Place
) -> date | None:
    """The local day on which the step is due; None where the days past due that it needs are unknown.

    `contacted_at` is when the last contact for the enrolment was made. The distance to the step before is kept from it,
    and a part payment counts like a contact: what was late moves everything after it, so that no stage is rushed
    through or skipped.
    """
    last = _last(contacted_at, enrolment, account)
    if step.anchor is Anchor.LAST_CONTACT:
        return local_day_of(place.zones, last or enrolment.entered_at) + timedelta(days=step.days)
    if account.facts.days_past_due is None:
        return None
    day = place.today + timedelta(days=step.days - account.facts.days_past_due)
    if last is not None:
        day = max(day, local_day_of(place.zones, last) + timedelta(days=step.spacing))
    return day


def due_instant(step: Step, day: date, place: Place) -> datetime:
    """The opening of the step's preferred hours on its day."""
    return day_instant(day, step.window.start, place.zones)


def is_overtaken(cadence: Cadence, step: Step, due: date, account: AccountView, today: date) -> bool:
    """Whether a step that can't be made gives way: the step after it, of the same stage, is due by its own count.

    A stage is never left this way: stages advance by contacts.
    """
    following = cadence.by_id[step.then] if step.then else None
    if following is None or following.stage != step.stage or account.facts.days_past_due is None:
        return False
    if following.anchor is Anchor.DAY_IN_ARREARS:
        by_calendar = today + timedelta(days=following.days - account.facts.days_past_due)
        return today >= max(by_calendar, due + timedelta(days=max(1, following.spacing)))
    return today >= due + timedelta(days=max(1, following.days))


def scope_of(view: DebtorView, account: AccountView, enrolment: EnrolmentView, step: Step, now: datetime) -> Scope:
    """The facts that the condition of `step` may ask for."""
    balances = account.balances
    scale = -minor_digits(balances.currency)
    last = enrolment.last_contact_at
    days = account.facts.days_past_due
    values: dict[str, Value] = {
        "balance": balances.total.decimal,
        "principal": Decimal(balances.principal).scaleb(scale),
        "interest": Decimal(balances.interest).scaleb(scale),
        "penalty": Decimal(balances.penalty).scaleb(scale),
        "fees": Decimal(balances.fees).scaleb(scale),
        "days_past_due": None if days is None else Decimal(days),
        "days_enrolled": Decimal((now - enrolment.entered_at).days),
        "days_since_contact": None if last is None else Decimal((now - last).days),
        "accounts": Decimal(sum(other.state == "open" for other in view.accounts)),
        "product": account.facts.product,
        "currency": balances.currency,
        "kind": view.kind,
        "language": view.language,
        "stage": step.stage,
    }
    channels = frozenset(channel.value for channel in Channel if reaches(view, channel))
    return Scope(values, view.flags, account.tags, channels)


def reaches(view: DebtorView, channel: Channel) -> bool:
    """Whether a live contact point of the debtor takes this channel."""
    return any(
        not point.is_dead and point.point.kind in REACHES[channel] and channel not in point.channels_off
        for point in view.points
    )


def _last(contacted_at: datetime | None, enrolment: EnrolmentView, account: AccountView) -> datetime | None:
    """The last contact made or, if later, the last payment since the account was enrolled."""
    paid = account.paid_at
    if paid is None or paid < enrolment.entered_at:
        return contacted_at
    return paid if contacted_at is None else max(contacted_at, paid)
