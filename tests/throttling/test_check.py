"""The check of packs says what is wrong and what is missing, with the line; the page on new jurisdictions is true."""

import datetime as dt
import re
from pathlib import Path

import pytest

from throttling import describe
from throttling.check import Finding, check
from throttling.packs import load_packs

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "adding-a-jurisdiction.md").read_text(encoding="utf-8")
PACK, CALENDAR = (str(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
TODAY = dt.date(2026, 6, 1)


def _check(folder: Path, pack: str, today: dt.date = TODAY) -> list[Finding]:
    for name, text in (("packs", pack), ("calendars", CALENDAR)):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "nz-example.yaml").write_text(text, encoding="utf-8")
    library = load_packs(folder / "packs")
    return list(check(library.filed[0], library, today))


def _changed(old: str, new: str) -> str:
    assert PACK.count(old) == 1
    return PACK.replace(old, new)


def _without(first: str, last: str) -> str:
    start = PACK.index(first)
    return PACK[:start] + PACK[PACK.index(last, start) :]


def _line_of(pack: str, text: str) -> int:
    return pack[: pack.index(text)].count("\n") + 1


def test_the_pack_on_the_page_is_whole(tmp_path: Path) -> None:
    assert _check(tmp_path, PACK) == []


def test_an_example_that_does_not_hold_is_an_error_with_its_line(tmp_path: Path) -> None:
    pack = _changed('weekdays: ["08:00-20:00"]', 'weekdays: ["08:00-19:00"]')
    found = _check(tmp_path, pack)
    errors = [finding for finding in found if finding.is_error]
    assert errors
    line = int(errors[0].where.split(":")[1])
    assert "08:00:00+12:00" in pack.splitlines()[line - 1]


@pytest.mark.parametrize(
    ("pack", "rule", "says"),
    [
        (_without("  - name: Two days after", "  - name: A neighbour"), "rest-after-talk", "no example shows rule"),
        (
            _without('      - {at: "2026-06-10T12:00:00+12:00", change: {proposal: {purpose: locate', "content:\n"),
            "third-persons",
            "show only what rule third-persons stops",
        ),
        (
            _changed("certainty: primary\n    counts", "certainty: unverified\n    counts"),
            "three-a-week",
            "was not seen",
        ),
        (
            _changed("cite: Fair Collection Act 2025, s. 6\n", "cite: Order 777\n").replace(
                'the first."}\n    certainty: primary', 'the first."}\n    certainty: secondary'
            ),
            "rest-after-talk",
            "no source names the text",
        ),
    ],
    ids=["no example", "one side", "unverified", "no source"],
)
def test_what_a_rule_lacks_is_named_with_its_line(tmp_path: Path, pack: str, rule: str, says: str) -> None:
    (finding,) = _check(tmp_path, pack)
    assert not finding.is_error
    assert rule in finding.what
    assert says in finding.what
    assert finding.where.endswith(f"nz-example.yaml:{_line_of(pack, f'- id: {rule}')}")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("    applies: {channels: [voice, electronic, visit]}\n    open", "    open", None),
        (
            "    applies: {channels: [voice, electronic, visit]}\n    open",
            "    applies: {channels: [voice, electronic]}\n    open",
            "no rule on hours of visits",
        ),
        (
            "    counts: {channels: [voice, electronic, visit], direction: out}",
            "    counts: {channels: [electronic, visit], direction: out}",
            "no rule on how often, for calls",
        ),
        ("    applies: {persons: third}\n", "    applies: {purposes: [ask_consent]}\n", "no rule on third persons"),
    ],
    ids=["all channels", "hours", "caps", "third persons"],
)
def test_what_the_pack_leaves_out_is_named(tmp_path: Path, old: str, new: str, says: str | None) -> None:
    found = [finding.what for finding in _check(tmp_path, _changed(old, new)) if finding.what.startswith("no rule on")]
    assert found == ([] if says is None else [says])


def test_gaps_of_content_records_and_rest_are_named(tmp_path: Path) -> None:
    head, _, examples = PACK.partition("\n---\n")
    only_hours = (
        head[: head.index("  - id: three-a-week")] + "---\n" + examples[: examples.index("  - name: The fourth")]
    )
    said = " / ".join(finding.what for finding in _check(tmp_path, only_hours))
    for gap in (
        "how often, for calls",
        "third persons",
        "rest after a contact",
        "what a message says",
        "how long records",
    ):
        assert f"no rule on {gap}" in said


def test_a_calendar_that_ends_is_a_note_and_then_an_error(tmp_path: Path) -> None:
    for today, is_error in ((dt.date(2028, 10, 2), False), (dt.date(2028, 12, 31), False), (dt.date(2029, 1, 1), True)):
        (finding,) = _check(tmp_path, PACK, today)
        assert finding.is_error is is_error
        assert "calendar nz-example" in finding.what
        assert finding.where.endswith(f":{_line_of(PACK, 'calendar: nz-example')}")
    assert _check(tmp_path, PACK, dt.date(2028, 10, 1)) == []


def test_the_page_lists_every_sentence_of_the_check() -> None:
    source = (ROOT / "throttling" / "check.py").read_text(encoding="utf-8")
    for sentence in (
        "no example shows rule",
        "the examples show only what rule",
        "the text of rule",
        "no source names",
    ):
        assert sentence in source
        assert sentence in PAGE


def test_the_table_of_jurisdictions_is_what_the_packs_say() -> None:
    page = (ROOT / "docs" / "jurisdictions.md").read_text(encoding="utf-8")
    assert page == describe.table(load_packs()), "run: forbear policy docs --write docs/jurisdictions.md"


def test_groups_are_named_and_marks_told_in_the_table() -> None:
    page = describe.table(load_packs())
    row = next(line for line in page.splitlines() if line.startswith("| [gr-law-3758"))
    assert "electronic, voice: Mon-Fri 09:00-20:00, Sat-Sun closed, holidays closed (S)" in row
    assert "1 of outgoing electronic, voice per person in each 2 local days (S)" in row
    assert "Ν. 3758/2009, Art. 4" in row
