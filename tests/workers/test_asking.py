"""What a provider lists by recipient and time may be another attempt's: then it settles no doubt."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from channels.twilio import Twilio
from config.settings import Settings
from storage.crypto import seal, unseal
from storage.vault import Vault
from tests.contract.rigs import twilio_settings
from tests.contract.twilio_stub import TwilioStub
from tests.workers.world import World, world
from workers.asking import Asker
from workers.composing import VALUE


@dataclass(frozen=True, slots=True)
class Doubt:
    """Two debtors with one number, the first of whom has an attempt in doubt; and Twilio, which never got it."""

    one: World
    stub: TwilioStub
    asker: Asker
    attempt: UUID
    rival: UUID
    to: str

    def lists(self, minutes: float = 0.0) -> str:
        """Twilio has something that was created so long after the attempt in doubt was sent; its name for it."""
        made = self.stub._create("Messages", {"To": self.to, "From": "+13125550100"})
        made.created = (self.one.clock.at + dt.timedelta(minutes=minutes)).timestamp()
        return made.sid

    def stands(self, attempt: UUID, state: str, ref: str | None = None, minutes: float = 0.0) -> None:
        """Have an attempt stand so, sent so long after the one in doubt."""
        stand(self.one, attempt, state, ref, minutes)

    def settle(self, later: float = 3.0) -> str:
        """Ask so many minutes later; where the attempt then stands."""
        with self.one.shop.db.tenant(self.one.creditor_id) as connection:
            connection.exec_driver_sql("UPDATE attempts SET lease_until = NULL WHERE state = 'in_doubt'")
        began = self.one.clock.at
        self.one.clock.at = began + dt.timedelta(minutes=later)
        self.asker.settle(self.one.creditor_id, self.one.shop.loop.wait)
        self.one.shop.receiver.apply(self.one.creditor_id)
        self.one.clock.at = began
        [[state]] = self.one.query("SELECT state FROM attempts WHERE attempt_id = %(id)s", id=self.attempt)
        return str(state)


def stand(one: World, attempt: UUID, state: str, ref: str | None = None, minutes: float = 0.0) -> None:
    with one.shop.db.tenant(one.creditor_id) as connection:
        connection.exec_driver_sql(
            """UPDATE attempts SET state = %(state)s, provider = 'twilio', provider_ref = %(ref)s,
                    sending_at = %(at)s, tries = 1 WHERE attempt_id = %(id)s""",
            {"state": state, "ref": ref, "at": one.clock.at + dt.timedelta(minutes=minutes), "id": attempt},
        )


@pytest.fixture
def doubt(small: World) -> Iterator[Doubt]:
    attempt, rival = small.look()["sms"][:2]
    to = share_number(small, small.shop.asker.vault, attempt, rival)
    wait, stub = small.shop.loop.wait, TwilioStub()
    wait(stub.start())
    adapter = Twilio(twilio_settings(stub.url), small.clock.now)
    asker = small.shop.asker
    mine = Asker(asker.db, asker.vault, asker.ring, {"twilio": adapter}, asker.again, asker.keep)
    found = Doubt(small, stub, mine, attempt, rival, to)
    found.stands(attempt, "in_doubt")
    yield found
    wait(adapter.close())
    wait(stub.stop())


def share_number(one: World, vault: Vault, attempt: UUID, rival: UUID) -> str:
    """Give the rival's debtor the number of the other; what it is."""
    with one.shop.db.tenant(one.creditor_id) as connection:
        rows = {
            row.attempt_id: row
            for row in connection.exec_driver_sql(
                """SELECT a.attempt_id, a.debtor_id, p.point_id, p.blind, p.value_cipher
                   FROM attempts a JOIN contact_points p USING (point_id)"""
            )
        }
        mine, other = rows[attempt], rows[rival]
        keys = vault.keys(connection, [mine.debtor_id, other.debtor_id])
        value = unseal(keys[mine.debtor_id], VALUE, mine.point_id, mine.value_cipher)
        connection.exec_driver_sql(
            "UPDATE contact_points SET blind = %(blind)s, value_cipher = %(cipher)s WHERE point_id = %(id)s",
            {
                "blind": mine.blind,
                "cipher": seal(keys[other.debtor_id], VALUE, other.point_id, value),
                "id": other.point_id,
            },
        )
    return value.decode()


def test_what_only_it_can_be_settles_it(doubt: Doubt) -> None:
    doubt.lists()
    assert doubt.settle() == "accepted"


def test_what_is_known_to_be_anothers_is_not_its_own(doubt: Doubt) -> None:
    doubt.stands(doubt.rival, "delivered", doubt.lists(minutes=9), minutes=9)
    assert doubt.settle(later=15) == "in_doubt"
    assert doubt.settle(later=40) == "rejected", "nothing is listed but the other's, so it never arrived"


def test_beside_anothers_its_own_is_found(doubt: Doubt) -> None:
    doubt.stands(doubt.rival, "accepted", doubt.lists(minutes=9), minutes=9)
    doubt.lists()
    assert doubt.settle(later=15) == "accepted"


@pytest.mark.parametrize("state", ["sending", "in_doubt", "closed"])
def test_what_may_be_anothers_settles_nothing(doubt: Doubt, state: str) -> None:
    doubt.stands(doubt.rival, state, minutes=9)
    doubt.lists(minutes=9)
    assert doubt.settle(later=15) == "in_doubt"
    assert doubt.settle(later=120) == "in_doubt"


def test_who_left_while_the_provider_was_asked_is_a_rival_too(doubt: Doubt) -> None:
    adapter = doubt.asker.adapters["twilio"]
    find = adapter.find

    async def meanwhile(sent: object) -> object:
        doubt.stands(doubt.rival, "accepted", doubt.lists(minutes=1), minutes=1)
        return await find(sent)  # type: ignore[arg-type]

    adapter.find = meanwhile  # type: ignore[method-assign, assignment]
    assert doubt.settle() == "in_doubt"


def test_an_attempt_of_another_creditor_is_a_rival_too(doubt: Doubt, own_settings: Settings, tmp_path: Path) -> None:
    with world(own_settings, tmp_path, code="other-bank") as other:
        ids = other.look()["sms"]
        [[reference]] = doubt.one.query(
            "SELECT d.reference FROM attempts a JOIN debtors d USING (debtor_id) WHERE attempt_id = %(id)s",
            id=doubt.attempt,
        )
        [[rival]] = other.query(
            """SELECT attempt_id FROM attempts a JOIN debtors d USING (debtor_id)
               WHERE d.reference = %(reference)s AND channel = 'sms'""",
            reference=reference,
        )
        assert rival in ids
        stand(other, UUID(str(rival)), "sending", minutes=1)
        doubt.lists(minutes=1)
        assert doubt.settle() == "in_doubt"


def test_what_the_provider_is_asked_for_by_name_needs_no_guess(doubt: Doubt) -> None:
    doubt.stands(doubt.attempt, "in_doubt", doubt.lists())
    doubt.stands(doubt.rival, "sending")
    doubt.lists()
    assert doubt.settle() == "accepted"
