"""Reads template files: front matter, sections, shared parts. Every mistake has its place; nothing is compiled here.

A file is named `<channel>.<language>.<ending>`; docs/templates.md describes what stands in it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from ruamel.yaml.nodes import Node, ScalarNode

from campaigns import located
from campaigns.duties import DUTIES
from campaigns.source import Line, Problem, Source, Spot, joined, lines_of, stripped
from domain.channel import Channel
from domain.event import Intent

ENDINGS = {Channel.SMS: "liquid", Channel.VOICE: "yaml", Channel.EMAIL: "mjml", Channel.LETTER: "liquid"}
SHARED = "_shared"
FRAME = "frame"
"""The shared part that holds every mail; `{% include "body" %}` stands where the mail's own text goes."""
VOICE_SECTIONS = ("opening", "verify", "message", "machine", "goodbye")
_NEEDED = {
    Channel.SMS: ("carries",),
    Channel.VOICE: ("carries", "opening", "verify", "message", "goodbye", "keys"),
    Channel.EMAIL: ("carries", "subject"),
    Channel.LETTER: ("carries",),
}
_ALLOWED = {**_NEEDED, Channel.VOICE: ("carries", *VOICE_SECTIONS, "keys")}
_INCLUDE = re.compile(r"\{%-?\s*include\s+[\"']([\w-]+)[\"']\s*-?%\}")
_INCLUDE_DEPTH = 4


@dataclass(frozen=True, slots=True)
class TemplateFile:
    """One file as it was read. `sections` are texts by part: `text`, or `subject` and `body`, or those of a call."""

    id: str
    channel: Channel
    language: str
    file: str
    digest: str
    carries: frozenset[str]
    sections: Mapping[str, Source]
    keys: tuple[tuple[str, str], ...]
    problems: tuple[Problem, ...]

    def at_top(self, found: str, would_be_right: str) -> Problem:
        """A problem of the file as a whole."""
        return Problem(Spot(self.file, 1, 1), found, would_be_right)


@dataclass(slots=True)
class _Reading:
    """One file while it is read: what it includes goes into the digest as well."""

    file: str
    channel: Channel
    language: str
    shared: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)
    read: list[str] = field(default_factory=list)

    def note(self, spot: Spot, found: str, would_be_right: str) -> None:
        self.problems.append(Problem(spot, found, would_be_right))


def read_template(
    id_: str, channel: Channel, language: str, file: str, text: str, shared: Mapping[str, str]
) -> TemplateFile:
    """One template from its text; `shared` are the texts of the shared parts by path."""
    reading = _Reading(file, channel, language, shared)
    reading.read.append(text)
    is_call = channel is Channel.VOICE
    head, body, first_line = (text, "", 1) if is_call else _split(reading, text)
    node, report = _front_matter(file, head)
    known = located.mapping(node, report, "the front matter", _ALLOWED[channel], _NEEDED[channel]) if node else {}
    carries = located.choices(known.get("carries"), report, "what it carries", DUTIES)
    keys = _keys(known.get("keys"), report)
    shift = 0 if is_call else 1
    for problem in report.problems:
        spot = Spot(file, problem.mark.line + shift, problem.mark.column)
        reading.note(spot, problem.what, problem.remedy)
    sections = _sections(reading, known, head, lines_of(file, body, first_line), shift)
    digest = sha256("\0".join([channel.value, language, *reading.read]).encode()).hexdigest()
    return TemplateFile(id_, channel, language, file, digest, carries, sections, keys, tuple(reading.problems))


def _split(reading: _Reading, text: str) -> tuple[str, str, int]:
    """Front matter, body, and the line on which the body begins."""
    lines = text.split("\n")
    if lines[0].strip() != "---" or "---" not in (line.strip() for line in lines[1:]):
        reading.note(Spot(reading.file, 1, 1), "there is no front matter", "Begin with ---, `carries: […]`, ---.")
        return "", text, 1
    end = next(number for number, line in enumerate(lines[1:], start=1) if line.strip() == "---")
    return "\n".join(lines[1:end]), "\n".join(lines[end + 1 :]), end + 2


def _front_matter(file: str, head: str) -> tuple[Node | None, located.Report]:
    report = located.Report(file)
    try:
        return (located.compose(head, report) if head else None), report
    except located.BadFile:
        return None, report


def _keys(node: Node | None, report: located.Report) -> tuple[tuple[str, str], ...]:
    """The digits of a call and what each means."""
    if node is None:
        return ()
    meanings = [intent.value for intent in Intent if intent not in (Intent.OTHER, Intent.START)]
    found = located.mapping(node, report, "keys", [str(digit) for digit in range(10)])
    read = ((digit, located.choice(value, report, "a key's meaning", meanings)) for digit, value in found.items())
    return tuple((digit, meaning) for digit, meaning in read if meaning is not None)


def _sections(
    reading: _Reading, known: Mapping[str, Node], head: str, body: list[Line], shift: int
) -> dict[str, Source]:
    joint = "" if reading.language.startswith("zh") else " "
    made: dict[str, Source] = {}
    for name in ("subject", *VOICE_SECTIONS):
        node = known.get(name)
        if node is not None:
            made[name] = _folded(_included(reading, _block(reading, node, head, shift)), joint)
    if reading.channel is Channel.SMS:
        made["text"] = _folded(_included(reading, body), joint)
    if reading.channel is Channel.LETTER:
        made["text"] = joined(_included(reading, body))
    if reading.channel is Channel.EMAIL:
        made["body"] = joined(_framed(reading, _included(reading, body)))
    for name, source in made.items():
        if not source.text.strip():
            reading.note(Spot(reading.file, 1, 1), f"`{name}` is empty", "Write it, or drop it.")
    return made


def _block(reading: _Reading, node: Node, head: str, shift: int) -> list[Line]:
    """The lines of a YAML text as they stand in the file."""
    if not isinstance(node, ScalarNode):
        spot = Spot(reading.file, node.start_mark.line + 1 + shift, node.start_mark.column + 1)
        reading.note(spot, "this is no text", "Write one line, or a block that begins with |.")
        return []
    line, column = node.start_mark.line, node.start_mark.column
    if node.style == "|":
        rows = head.split("\n")[line + 1 : node.end_mark.line if node.end_mark.column == 0 else node.end_mark.line + 1]
        return [stripped(found) for found in lines_of(reading.file, "\n".join(rows), line + 2 + shift)]
    if "\n" in node.value or node.style == ">" or node.end_mark.line != line:
        spot = Spot(reading.file, line + 1 + shift, column + 1)
        reading.note(spot, "this text runs over several lines", "Write it as a block that begins with |.")
    return [Line(Spot(reading.file, line + 1 + shift, column + 1 + (node.style is not None)), node.value)]


def _included(reading: _Reading, lines: list[Line], depth: int = 0) -> list[Line]:
    """The lines with those of the shared parts in the place of `{% include "name" %}`."""
    found: list[Line] = []
    for line in lines:
        match = _INCLUDE.search(line.text)
        if match is None:
            found.append(line)
        elif match[0] != line.text.strip():
            at = Spot(line.spot.file, line.spot.line, line.spot.column + match.start())
            reading.note(at, "an include shares its line with something else", "Give it a line of its own.")
        else:
            found += _part(reading, match[1], stripped(line).spot, depth)
    return found


def _part(reading: _Reading, name: str, spot: Spot, depth: int) -> Iterator[Line] | list[Line]:
    ending = "mjml" if reading.channel is Channel.EMAIL else "liquid"
    for path in (f"{SHARED}/{name}.{reading.language}.{ending}", f"{SHARED}/{name}.{ending}"):
        text = reading.shared.get(path)
        if text is not None and depth < _INCLUDE_DEPTH:
            reading.read.append(text)
            return _included(reading, lines_of(path, text), depth + 1)
    if depth >= _INCLUDE_DEPTH:
        reading.note(spot, "parts include each other too deeply", f"At most {_INCLUDE_DEPTH} deep, and in no circle.")
        return []
    names = sorted({path.removeprefix(f"{SHARED}/").split(".")[0] for path in reading.shared if path.endswith(ending)})
    reading.note(spot, f"there is no shared part `{name}` for {reading.language}", located.did_you_mean(name, names))
    return []


def _framed(reading: _Reading, body: list[Line]) -> list[Line]:
    """A mail's text inside the frame of all mails, with the language written into it."""
    text = reading.shared.get(f"{SHARED}/{FRAME}.mjml", '{% include "body" %}')
    reading.read.append(text)
    framed: list[Line] = []
    for line in lines_of(f"{SHARED}/{FRAME}.mjml", text.replace("{{ language }}", reading.language)):
        match = _INCLUDE.fullmatch(line.text.strip())
        if match and match[1] == "body":
            framed += body
        elif match:
            framed += _part(reading, match[1], stripped(line).spot, 0)
        else:
            framed.append(line)
    return framed


def _folded(lines: list[Line], joint: str) -> Source:
    """Lines that are one text: line ends are a blank in English and nothing in Chinese; empty lines do not count."""
    kept = [stripped(line) for line in lines if line.text.strip()]
    return joined(kept, joint)
