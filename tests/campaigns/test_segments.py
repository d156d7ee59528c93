"""Segments of text messages, against an implementation that cuts the text one character after another."""

import json
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.segments import ALPHABET, EXTENSION, segments
from forbear import cli

GSM = st.text(st.sampled_from(sorted(ALPHABET)), max_size=700)
SHORT_OF_EDGES = st.builds(
    lambda lead, tail: "a" * lead + tail, st.integers(140, 170), st.text(st.sampled_from("a€[x"), max_size=200)
)
ANY = st.text(st.sampled_from("aé€中😀𠮷x"), max_size=300)


def cut(text: str) -> tuple[str, list[int]]:
    """The encoding and how many units each segment holds, found by filling one segment after another."""
    is_gsm = all(character in ALPHABET for character in text)
    widths = [
        (2 if character in EXTENSION else 1) if is_gsm else (2 if ord(character) > 0xFFFF else 1) for character in text
    ]
    whole, part = (160, 153) if is_gsm else (70, 67)
    encoding = "GSM-7" if is_gsm else "UCS-2"
    if sum(widths) <= whole:
        return encoding, [sum(widths)]
    filled = [0]
    for width in widths:
        if filled[-1] + width > part:
            filled.append(0)
        filled[-1] += width
    return encoding, filled


@given(GSM | SHORT_OF_EDGES | ANY | st.text(max_size=200))
def test_it_counts_as_a_slow_implementation_does(text: str) -> None:
    encoding, filled = cut(text)
    found = segments(text)
    assert (found.encoding, found.segments, found.units) == (encoding, len(filled), sum(filled))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("GSM-7", 1, 0)),
        ("a" * 160, ("GSM-7", 1, 160)),
        ("a" * 161, ("GSM-7", 2, 161)),
        ("€" * 80, ("GSM-7", 1, 160)),
        ("a" * 152 + "€" + "a" * 152, ("GSM-7", 3, 306)),  # the escape pair moves as a whole, and fills a third
        ("中" * 70, ("UCS-2", 1, 70)),
        ("中" * 71, ("UCS-2", 2, 71)),
        ("中" * 66 + "😀" + "中" * 66, ("UCS-2", 3, 134)),
        ("`", ("UCS-2", 1, 1)),
    ],
)
def test_the_edges(text: str, expected: tuple[str, int, int]) -> None:
    found = segments(text)
    assert (found.encoding, found.segments, found.units) == expected


def test_the_command_answers_every_good_line_and_names_the_bad_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [b'{"id": 1, "text": "hi"}', b"secret words", b"", b'{"id": "b", "text": "\xe4\xb8\xad"}', b'{"id": 3}']

    class Input:
        buffer = BytesIO(b"\n".join(lines))

    monkeypatch.setattr("sys.stdin", Input)
    assert cli.run(["sms", "segments"]) == 2
    shown = capsys.readouterr()
    assert [json.loads(line) for line in shown.out.splitlines()] == [
        {"id": 1, "encoding": "GSM-7", "segments": 1, "units": 2},
        {"id": "b", "encoding": "UCS-2", "segments": 1, "units": 1},
    ]
    assert "line 2: the line is not JSON" in shown.err
    assert "line 5: `text` is missing" in shown.err
    assert "secret" not in shown.err
