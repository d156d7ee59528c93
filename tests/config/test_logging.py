"""Logs are JSON, one line an event, and personal data cannot get into them."""

import io
import json
import logging as standard
from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import logging as logs
from config.logging import FIELDS, WITHHELD, UnlistedField, get_logger, harmless

PERSONAL = ["Zhang San", "+14155550123", "zhang@example.com", "张三", "Dear Mr Zhang, you owe 300", "4155550123"]


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    logs.configure("debug", stream=stream)
    yield stream
    logs.configure("warning", strict=True)


def only(lines: io.StringIO) -> dict[str, object]:
    (line,) = lines.getvalue().splitlines()
    return dict(json.loads(line))


def test_an_event_is_one_line_of_json(lines: io.StringIO) -> None:
    get_logger("workers.deliver").info("attempts_recorded", count=100, took_ms=12, attempt=UUID(int=1))
    line = only(lines)
    assert line.pop("at")
    assert line == {
        "event": "attempts_recorded",
        "level": "info",
        "logger": "workers.deliver",
        "count": 100,
        "took_ms": 12,
        "attempt": "00000000-0000-0000-0000-000000000001",
    }


@pytest.mark.parametrize("personal", PERSONAL)
def test_personal_data_does_not_pass(lines: io.StringIO, personal: str) -> None:
    log = get_logger("x")
    log.info("x_happened", name=personal, reason=personal, codes=[personal], code=[personal], debtor=personal)
    log.info(personal)
    try:
        raise ValueError(personal)
    except ValueError:
        log.exception("x_failed")
    standard.getLogger("sqlalchemy.engine").warning("parameters: %s", personal)
    standard.getLogger("dramatiq").warning("received %s", personal)
    standard.getLogger("dramatiq").warning(f"received {personal}")
    standard.getLogger("aiosmtplib").error(personal, exc_info=ValueError(personal))
    standard.getLogger("py.warnings").warning("%s", personal)
    assert personal not in lines.getvalue()
    assert json.dumps(personal)[1:-1] not in lines.getvalue()
    assert len(lines.getvalue().splitlines()) == 8


def test_a_dropped_field_is_named_so_that_someone_lists_or_removes_it(lines: io.StringIO) -> None:
    get_logger("x").info("x_happened", name="Zhang San", count=1)
    assert only(lines)["dropped"] == ["name"]


def test_in_tests_a_field_that_is_not_listed_raises() -> None:
    with pytest.raises(UnlistedField, match="FIELDS"):
        get_logger("x").warning("x_happened", name="Zhang San")


def test_an_exception_keeps_its_type_and_place(lines: io.StringIO) -> None:
    try:
        try:
            raise KeyError("Zhang San")
        except KeyError as error:
            raise ValueError("secret") from error
    except ValueError:
        get_logger("x").exception("x_failed", code="30001")
    line = only(lines)
    assert line["error"] == "builtins.ValueError < builtins.KeyError"
    assert "test_an_exception_keeps_its_type_and_place" in str(line["error_at"])


def test_a_known_library_keeps_its_template(lines: io.StringIO) -> None:
    standard.getLogger("dramatiq.worker").info("Fetched %d messages from %s", 3, "Zhang San")
    assert only(lines)["template"] == "Fetched %d messages from %s"


def test_the_level_is_a_floor(lines: io.StringIO) -> None:
    logs.configure("warning", stream=lines)
    get_logger("x").info("x_happened")
    standard.getLogger("dramatiq").info("x")
    assert lines.getvalue() == ""


@pytest.mark.parametrize(
    ("value", "logged"),
    [(True, True), (3, 3), (None, None), (Decimal("1.50"), "1.50"), ("PT-30001", "PT-30001"), ({"a": 1}, WITHHELD)],
)
def test_harmless_values_pass(value: object, logged: object) -> None:
    assert harmless(value) == logged


@given(st.text())
def test_text_passes_only_as_a_short_code(text: str) -> None:
    passed = harmless(text)
    assert passed == WITHHELD or (passed == text and len(text) <= 100 and " " not in text and "@" not in text)


def test_no_listed_field_is_named_after_personal_data() -> None:
    assert FIELDS.isdisjoint({"name", "phone", "email", "address", "number", "to", "from", "body", "text", "message"})
