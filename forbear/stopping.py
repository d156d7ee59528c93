"""The emergency stop: which creditors a command means, and stopping or starting them one after the other.

What is reserved stays reserved. The final gate asks whether the creditor is stopped, so nothing passes it after the
commit; what is still inside its hours goes on after a start.
"""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import Connection

from config.logging import get_logger
from domain.errors import BadInput
from forbear.creditor_desk import Desk, find

log = get_logger(__name__)


def meant(desk: Desk, creditor: str | None, *, everyone: bool) -> dict[str, UUID]:
    """The creditors that the options name, by code. Raises BadInput unless they name one, or all."""
    if (creditor is not None) == everyone:
        raise BadInput("name one creditor, or all of them.", where="--creditor", remedy="`--creditor CODE` or `--all`.")
    return desk.database.creditors() if creditor is None else {creditor: find(desk, creditor)}


def change(desk: Desk, creditors: dict[str, UUID], event: str, work: Callable[[Connection], bool]) -> list[str]:
    """Do the work in a transaction of each creditor and log it; the codes of those that it changed."""
    changed = []
    for code, creditor_id in creditors.items():
        with desk.database.tenant(creditor_id) as connection:
            is_changed = work(connection)
        log.warning(event, creditor=creditor_id, state="changed" if is_changed else "unchanged")
        if is_changed:
            changed.append(code)
    return changed
