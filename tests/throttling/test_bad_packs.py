"""A pack that cannot be right is told with file, line, column and remedy before anything runs."""

import re
from pathlib import Path

import pytest

from domain.errors import BadInput
from throttling.packs import load_packs

PACK = """\
id: test-pack
title: Test
country: US
version: "2026"
effective_from: 2026-01-01
effective_until: null
zone: America/New_York
strength: law
language: en
caveat: Made for a test.
sources: [{title: None, seen: nothing}]
rules:
  - id: hours
    kind: hours
    cite: s. 1
    meaning: {en: "By day."}
    certainty: primary
    open: {every_day: ["08:00-21:00"]}
  - id: cap
    kind: cap
    cite: s. 2
    meaning: {en: "Three a week."}
    certainty: primary
    counts: {channels: voice}
    by: [person]
    at_most: 3
    within: {days: 7}
"""


def complain(tmp_path: Path, *texts: str) -> str:
    folder = tmp_path / "packs"
    folder.mkdir()
    (tmp_path / "calendars").mkdir()
    for index, text in enumerate(texts):
        (folder / f"pack-{index}.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as told:
        load_packs(folder)
    assert told.value.remedy or "Did you mean" in told.value.describe()
    return told.value.describe()


def test_the_pack_that_the_tests_spoil_is_good(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(PACK, encoding="utf-8")
    assert load_packs(tmp_path).ids == {"test-pack"}


@pytest.mark.parametrize(
    ("old", "new", "line", "word"),
    [
        ("    at_most: 3", "    at_mots: 3", 26, "at_most"),
        ("    cite: s. 1\n", "", 13, "cite"),
        ('["08:00-21:00"]', '["21:00-08:00"]', 18, "21:00"),
        ('["08:00-21:00"]', '["08:00-25:00"]', 18, "25:00"),
        ('["08:00-21:00"]', '["08:00-12:00", "11:00-21:00"]', 18, "overlap"),
        ("{every_day:", "{weekdays:", 18, "Sat"),
        ("within: {days: 7}", "within: {days: 0}", 27, "days"),
        ("within: {days: 7}", "within: {days: 7, hours: 24}", 27, "within"),
        ("within: {days: 7}", "within: {per: fortnight}", 27, "fortnight"),
        ("channels: voice", "channels: pigeon", 24, "pigeon"),
        ("by: [person]", "by: [planet]", 25, "planet"),
        ("America/New_York", "America/Boston", 7, "America/Boston"),
        ("country: US\n", "country: US\nregion: ZZ\n", 4, "ZZ"),
        ("country: US\n", "country: XX\n", 3, "XX"),
        ("effective_until: null", "effective_until: 2025-01-01", 1, "effective_until"),
        ("  - id: cap", "  - id: hours", 19, "hours"),
        ("within: {days: 7}", "within: {business_days: 7}", 19, "calendar"),
        ("strength: law\n", "strength: law\ncalendar: nowhere\n", 9, "nowhere"),
        ('meaning: {en: "By day."}', 'meaning: {fr: "De jour."}', 13, "`en`"),
        ("title: Test", "title: [Test", 3, "YAML"),
    ],
)
def test_a_mistake_is_told_where_it_is(tmp_path: Path, old: str, new: str, line: int, word: str) -> None:
    assert PACK.count(old) >= 1
    text = complain(tmp_path, PACK.replace(old, new, 1))
    told = {int(number) for number in re.findall(r"pack-0\.yaml:(\d+):\d+", text)}
    assert line in told, text
    assert word in text


def test_versions_that_overlap_are_told_with_how_to_end_the_older(tmp_path: Path) -> None:
    later = PACK.replace('"2026"', '"2027"').replace("effective_from: 2026", "effective_from: 2027")
    text = complain(tmp_path, PACK, later)
    assert "pack-1.yaml:5:" in text
    assert "effective_until: 2027-01-01" in text
