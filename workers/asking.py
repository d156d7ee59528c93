"""Ask: providers are asked about attempts in doubt, and what they say is kept as if it had come by a callback.

A provider lists what it made by recipient and time. Whatever another attempt may have become, of any debtor and any
creditor, proves nothing of this one: then it stays in doubt until its callback, the next answer, or a person.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from channels.protocol import Adapter, SentAttempt
from config.logging import get_logger
from domain.attempt import AttemptState
from domain.channel import Channel
from domain.event import DeliveryEvent, ProviderEvent
from storage import sweeping
from storage.crypto import KeyRing, blind, unseal
from storage.session import Database
from storage.sweeping import Doubtful, Rival
from storage.vault import Vault
from workers.composing import VALUE

RIVALRY = dt.timedelta(hours=1)
"""What was sent to the same recipient so close by may be what a provider lists: clocks differ, and calls take time."""
KNOWN = dt.timedelta(hours=6)
"""So far around an attempt the names of what others became are looked up: farther than any provider's list is read."""
log = get_logger(__name__)


class Asked(NamedTuple):
    """One attempt in doubt, and where it was sent."""

    doubt: Doubtful
    to: str


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks about attempts of any creditor. `keep` stores the answers. The same one is asked about every `again`."""

    db: Database
    vault: Vault
    ring: KeyRing
    adapters: Mapping[str, Adapter]
    again: dt.timedelta
    keep: Callable[[UUID, list[ProviderEvent]], None]

    def settle(self, creditor_id: UUID, wait: Callable[..., Any], limit: int = 50) -> int:
        """Ask about attempts in doubt and keep what is certain; how many were asked about."""
        with self.db.tenant(creditor_id) as connection:
            rows = sweeping.doubtful(connection, creditor_id, self.again, limit)
            keys = self.vault.keys(connection, {row.debtor_id for row in rows})
        asked = [
            Asked(row, unseal(keys[row.debtor_id], VALUE, row.point_id, row.value_cipher).decode())
            for row in rows
            if row.debtor_id in keys
        ]
        if not asked:
            return len(rows)
        others = {one.doubt.attempt_id: _names(rivals) for one, rivals in self._rivals(asked)}
        found = wait(self._ask(creditor_id, asked, others))
        for (doubt, _), rivals in self._rivals([one for one in asked if one.doubt.attempt_id in found]):
            if not _is_sure(doubt, found[doubt.attempt_id], rivals, others[doubt.attempt_id]):
                del found[doubt.attempt_id]
        if found:
            self.keep(creditor_id, list(found.values()))
        return len(rows)

    async def _ask(
        self, creditor_id: UUID, asked: Iterable[Asked], others: Mapping[UUID, frozenset[str]]
    ) -> dict[UUID, DeliveryEvent]:
        """What the providers say, by attempt."""
        found: dict[UUID, DeliveryEvent] = {}
        for one, to in asked:
            adapter = self.adapters.get(one.provider)
            if adapter is None:
                log.error("provider_of_doubt_is_gone", provider=one.provider, creditor=creditor_id)
                continue
            sent = SentAttempt(
                one.attempt_id,
                Channel(one.channel),
                one.sending_at,
                to,
                one.provider_ref,
                others.get(one.attempt_id, frozenset()),
            )
            answer = await adapter.find(sent)
            if answer is not None:
                found[one.attempt_id] = answer
        return found

    def _rivals(self, asked: Sequence[Asked]) -> list[tuple[Asked, list[Rival]]]:
        """What else was sent where each of them was, by any creditor: they may share an account with the provider.

        Without those whose provider finds them by the attempt's own name: they have no rivals.
        """
        guessing = {name for name, adapter in self.adapters.items() if not adapter.finds_by_attempt}
        asked = [one for one in asked if one.doubt.provider in guessing]
        if not asked:
            return []
        since = min(one.doubt.sending_at for one in asked) - KNOWN
        until = max(one.doubt.sending_at for one in asked) + KNOWN
        found: dict[str, list[Rival]] = defaultdict(list)
        for creditor_id in self.db.creditors().values():
            blinds = {blind(self.ring, creditor_id, one.to): one.to for one in asked}
            with self.db.tenant(creditor_id) as connection:
                for rival in sweeping.rivals(connection, creditor_id, blinds, since, until):
                    found[blinds[bytes(rival.blind)]].append(rival)
        return [(one, [rival for rival in found[one.to] if _is_rival(one.doubt, rival)]) for one in asked]


def _names(rivals: Iterable[Rival]) -> frozenset[str]:
    """What the provider calls those that it is known to have made."""
    return frozenset(rival.provider_ref for rival in rivals if rival.provider_ref)


def _is_sure(doubt: Doubtful, found: DeliveryEvent, rivals: Iterable[Rival], others: frozenset[str]) -> bool:
    """Whether what was found can be no rival's. `rivals` as they are after the answer, `others` named in the question.

    Absence is sure without them, and so is what the provider was asked for by its own name for it.
    """
    if doubt.provider_ref or found.state is AttemptState.REJECTED:
        return True
    return all(rival.provider_ref in others for rival in rivals if abs(rival.sending_at - doubt.sending_at) <= RIVALRY)


def _is_rival(doubt: Doubtful, rival: Rival) -> bool:
    is_same = (rival.channel, rival.provider) == (doubt.channel, doubt.provider)
    return is_same and rival.attempt_id != doubt.attempt_id
