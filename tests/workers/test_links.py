"""Links in messages: what was signed comes back, anything else is refused."""

import datetime as dt
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput, Tampered
from workers.links import EPOCH, IDS, Purpose, link_key, sign, verify

KEY = link_key(b"secret")
DAYS = st.dates(EPOCH, dt.date(2190, 1, 1))


@given(purpose=st.sampled_from(Purpose), ids=st.lists(st.uuids(), min_size=2, max_size=2), day=DAYS)
def test_what_was_signed_comes_back(purpose: Purpose, ids: list[UUID], day: dt.date) -> None:
    given_ids = tuple(ids[: IDS[purpose]])
    token = sign(KEY, purpose, given_ids, day)
    assert verify(KEY, purpose, token, day) == given_ids
    assert token.replace("-", "").replace("_", "").isalnum()


@given(ids=st.tuples(st.uuids()), place=st.integers(0, 41), letter=st.sampled_from("AZaz09-_"))
def test_any_change_is_noticed(ids: tuple[UUID], place: int, letter: str) -> None:
    token = sign(KEY, Purpose.PAY, ids, dt.date(2030, 1, 1))
    changed = token[:place] + letter + token[place + 1 :]
    if changed != token:
        with pytest.raises(Tampered):
            verify(KEY, Purpose.PAY, changed, dt.date(2026, 1, 1))


@given(text=st.text(max_size=130))
def test_no_text_is_a_link_by_chance(text: str) -> None:
    with pytest.raises(Tampered):
        verify(KEY, Purpose.PAY, text, dt.date(2026, 1, 1))


def test_a_link_has_one_purpose_one_key_and_an_end() -> None:
    creditor, day = UUID(int=1), dt.date(2026, 11, 24)
    token = sign(KEY, Purpose.PAY, [creditor], day)
    assert len(token) == 42
    with pytest.raises(Tampered):
        verify(KEY, Purpose.HELP, token, day)
    with pytest.raises(Tampered):
        verify(link_key(b"other"), Purpose.PAY, token, day)
    with pytest.raises(BadInput, match="too old"):
        verify(KEY, Purpose.PAY, token, day + dt.timedelta(days=1))
    with pytest.raises(ValueError, match="takes 2 ids"):
        sign(KEY, Purpose.UNSUBSCRIBE, [creditor], day)
