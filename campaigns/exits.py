"""Why an enrolment ends before its last step, or rests: looked at before anything else, every time."""

from datetime import date, datetime

from campaigns.cadence import Cadence, Exit
from campaigns.view import AccountView, DebtorView
from domain.channel import CONTACT_CHANNEL
from domain.facts import Stop, StopKind

_STOPS: dict[StopKind, Exit] = {
    StopKind.DISPUTE: Exit.DISPUTED,
    StopKind.CEASE: Exit.OPTED_OUT,
    StopKind.ATTORNEY: Exit.ATTORNEY,
    StopKind.BANKRUPTCY: Exit.BANKRUPTCY,
    StopKind.DECEASED: Exit.DECEASED,
}
_GONE: dict[str, Exit] = {"paid": Exit.PAID, "vanished": Exit.VANISHED, "closed": Exit.CLOSED}


def exit_of(cadence: Cadence, account: AccountView | None, view: DebtorView, now: datetime) -> Exit | None:
    """The exit of the cadence that holds for this account at `now`; None: it stays."""
    if account is None:
        return Exit.VANISHED
    found = _of_account(cadence, account) or _of_stops(cadence, account, view.facts.stops, now)
    if found:
        return found
    if Exit.PLAN_ACTIVE in cadence.exits and account.account_id in view.has_plan:
        return Exit.PLAN_ACTIVE
    if Exit.OPTED_OUT in cadence.exits and view.facts.banned_channels:
        banned = frozenset(view.facts.banned_channels)
        if all(CONTACT_CHANNEL[channel] in banned for channel in cadence.channels):
            return Exit.OPTED_OUT
    return None


def rests_until(cadence: Cadence, account: AccountView, view: DebtorView, today: date) -> date | None:
    """The day of an open promise, through which the account is left alone; None where it is not to rest."""
    if Exit.PROMISED not in cadence.exits:
        return None
    promised = view.promised_until.get(account.account_id)
    return promised if promised is not None and today <= promised else None


def _of_account(cadence: Cadence, account: AccountView) -> Exit | None:
    if account.state in _GONE:
        return _GONE[account.state]
    if account.balances.owed <= 0:
        return Exit.PAID
    days = account.facts.days_past_due
    if days is None:
        return None
    if days < cadence.audience.days_past_due_from:
        return Exit.CURED
    if cadence.leaves_above is not None and days > cadence.leaves_above:
        return Exit.ABOVE
    return None


def _of_stops(cadence: Cadence, account: AccountView, stops: tuple[Stop, ...], now: datetime) -> Exit | None:
    for stop in stops:
        exit_ = _STOPS.get(stop.kind)
        if exit_ is None or exit_ not in cadence.exits or (stop.until is not None and stop.until <= now):
            continue
        if stop.kind is StopKind.DISPUTE and stop.answered_at is not None:
            continue
        if not stop.accounts or account.facts.id in stop.accounts or str(account.account_id) in stop.accounts:
            return exit_
    return None
