"""What workers give the web process: contents as they were kept, adapters from the settings, events stored."""

import datetime as dt
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import Settings
from domain.attempt import AttemptState
from domain.channel import Channel
from domain.errors import BadSettings, Tampered
from domain.event import DeliveryEvent
from domain.message import Content, Email, Letter, Sms, Voice
from storage.crypto import KeyRing, seal
from storage.session import Database
from storage.vault import Vault
from tests.web.book import write_book
from tests.web.serving import Clock
from workers.contents import CONTEXT, pack, unpack
from workers.incoming import adapters, contents, receiver
from workers.providers import channel_settings

NOW = dt.datetime(2026, 11, 24, 10, 42, tzinfo=dt.UTC)
CONTENTS = st.one_of(*(st.builds(kind) for kind in (Sms, Voice, Email, Letter)))


@given(content=CONTENTS)
def test_a_content_comes_back_as_it_was_packed(content: Content) -> None:
    assert unpack(pack(content)) == content


@pytest.mark.parametrize(
    "packed", [b"", b"{", b"[]", b'{"kind":"fax"}', b'{"kind":"sms"}', b'{"kind":"sms","to":1,"x":2}']
)
def test_what_is_no_content_is_told(packed: bytes) -> None:
    with pytest.raises(Tampered):
        unpack(packed)


def test_what_an_attempt_says_and_what_comes_of_it(settings: Settings) -> None:
    db, ring = Database(str(settings.database_url)), KeyRing.open(settings.keys_path, create=True)
    try:
        book = write_book(db, ring, NOW, debtors=2)
        said = Sms("+447700900000", "Please pay.")
        with db.tenant(book.creditor_id) as connection:
            key = Vault(ring, 1).keys(connection, [book.debtors[0]])[book.debtors[0]]
            ids = connection.exec_driver_sql(
                "SELECT attempt_id FROM attempts WHERE debtor_id = %(id)s ORDER BY reserved_at", {"id": book.debtors[0]}
            )
            [kept, empty, *_] = [UUID(str(row[0])) for row in ids]
            connection.exec_driver_sql(
                "UPDATE attempts SET content_cipher = %(c)s WHERE attempt_id = %(id)s",
                {"c": seal(key, CONTEXT, kept, pack(said)), "id": kept},
            )
        content_of = contents(db, ring)
        assert content_of(book.creditor_id, kept) == said
        assert content_of(book.creditor_id, empty) is None
        assert content_of(book.creditor_id, UUID(int=1)) is None
        assert content_of(UUID(int=1), kept) is None, "another creditor's attempt is absent"
        event = DeliveryEvent("k", "sandbox", Channel.SMS, NOW, kept, "ref", AttemptState.DELIVERED)
        receive = receiver(db, ring, Clock(NOW))
        receive(book.creditor_id, [event])
        receive(book.creditor_id, [event])
        with db.tenant(book.creditor_id) as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM delivery_events").scalar_one() == 1
    finally:
        db.close()


def test_the_sandbox_carries_everything_until_others_are_set_up(settings: Settings) -> None:
    ring = KeyRing.open(settings.keys_path, create=True)
    assert set(adapters(settings, ring, Clock(NOW))) == {"sandbox"}
    live = settings.model_copy(
        update={
            "live": True,
            "sms_provider": "twilio",
            "twilio_account_sid": "AC" + "0" * 32,
            "twilio_auth_token": type(settings.twilio_auth_token)("secret"),
            "twilio_sms_from": "+15005550006",
        }
    )
    assert set(adapters(live, ring, Clock(NOW))) == {"sandbox", "twilio"}
    with pytest.raises(BadSettings, match="live sending is off"):
        adapters(live.model_copy(update={"live": False}), ring, Clock(NOW))


def test_a_dkim_key_that_cannot_be_read_is_told(settings: Settings, tmp_path: Path) -> None:
    ring = KeyRing.open(settings.keys_path, create=True)
    with pytest.raises(BadSettings, match="FORBEAR_DKIM_KEY_FILE"):
        channel_settings(settings.model_copy(update={"dkim_key_file": tmp_path / "absent"}), ring)
