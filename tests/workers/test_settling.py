"""What people settle goes under the lane lock and into the ledger, once, and what is tried again passes the gate."""

from uuid import UUID, uuid4

import pytest

from domain.channel import Channel
from domain.errors import BadInput, Refused
from domain.event import Inbound
from domain.message import InDoubt
from storage import dead_letters, doubts
from tests.workers.test_path import answering
from tests.workers.world import World
from workers.settling import ENDS, close_letter, read_reply, settle_doubt


@pytest.mark.parametrize(("end", "state"), [("made", "closed"), ("delivered", "delivered"), ("never-made", "rejected")])
def test_a_doubt_is_settled_once_by_a_persons_word(small: World, end: str, state: str) -> None:
    answering(small, InDoubt("timeout"))
    ids = small.look()["sms"][:1]
    small.deliver({"sms": ids})
    with small.shop.db.tenant(small.creditor_id) as connection:
        assert [one.attempt_id for one in doubts.listed(connection)] == ids
    settle_doubt(small.shop.db, small.creditor_id, ids[0], end, "ops", small.clock.at)
    assert small.query("SELECT state FROM attempts WHERE attempt_id = %(id)s", id=ids[0]) == [(state,)]
    [[who]] = small.query(
        "SELECT body->>'who' FROM ledger WHERE kind = %(kind)s AND body->>'attempt' = %(id)s",
        kind=state,
        id=str(ids[0]),
    )
    assert who == "ops"
    with pytest.raises(Refused):
        settle_doubt(small.shop.db, small.creditor_id, ids[0], end, "ops", small.clock.at)
    assert small.audit().violations == []


def test_what_is_no_end_or_no_attempt_is_refused(small: World) -> None:
    with pytest.raises(BadInput, match="One of"):
        settle_doubt(small.shop.db, small.creditor_id, uuid4(), "perhaps", "ops", small.clock.at)
    for end in ENDS:
        with pytest.raises(BadInput, match="no such attempt"):
            settle_doubt(small.shop.db, small.creditor_id, uuid4(), end, "ops", small.clock.at)


def test_a_dead_letter_that_is_tried_again_wakes_its_debtor(small: World) -> None:
    reserved = small.look()
    attempt = reserved["sms"][0]
    with small.shop.db.tenant(small.creditor_id) as connection:
        connection.exec_driver_sql("UPDATE attempts SET template = 'none' WHERE attempt_id = %(id)s", {"id": attempt})
    small.deliver(reserved)
    with small.shop.db.tenant(small.creditor_id) as connection:
        [letter] = dead_letters.listed(connection)
    close_letter(small.shop.db, small.creditor_id, letter.dead_letter_id, "tried again", small.clock.at, retry=True)
    again = small.look()
    [[debtor]] = small.query("SELECT debtor_id FROM attempts WHERE attempt_id = %(id)s", id=attempt)
    fresh = small.query("SELECT attempt_id FROM attempts WHERE debtor_id = %(id)s AND state = 'reserved'", id=debtor)
    assert [row[0] for row in fresh] == [one for ids in again.values() for one in ids if (one,) in fresh]
    assert len(fresh) == 1
    small.deliver(again)
    with small.shop.db.tenant(small.creditor_id) as connection:
        assert dead_letters.listed(connection) == []
        assert [one.resolution for one in dead_letters.listed(connection, is_open=False)] == ["tried again"]
    with pytest.raises(Refused):
        close_letter(small.shop.db, small.creditor_id, letter.dead_letter_id, "x", small.clock.at, retry=False)


def test_a_reply_that_was_read_lets_reminders_go_on(small: World) -> None:
    reserved = small.look()
    attempt = reserved["sms"][0]
    small.deliver(reserved)
    words = Inbound("key", "sandbox", Channel.SMS, small.clock.at, None, attempt, "what is this about?", None)
    small.shop.asker.keep(small.creditor_id, [words])
    small.shop.receiver.apply(small.creditor_id)
    with small.shop.db.tenant(small.creditor_id) as connection:
        [found] = doubts.unread(connection)
    read_reply(small.shop.db, small.creditor_id, UUID(str(found[0])), "agent", small.clock.at)
    with small.shop.db.tenant(small.creditor_id) as connection:
        assert doubts.unread(connection) == []
    with pytest.raises(Refused):
        read_reply(small.shop.db, small.creditor_id, UUID(str(found[0])), "agent", small.clock.at)
    assert small.audit().violations == []
