"""Reads a cadence from YAML text: every mistake of the file at once, each with line, column and what would be right.

`docs/cadences.md` describes the language. What needs more than the file (templates, packs) is checked by
`campaigns/cadence_check.py`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from campaigns.audience_file import MAX_DAYS, read_audience
from campaigns.cadence import ALL_DAYS, ALWAYS, MINUTES, Anchor, Cadence, Exit, Kind, Pacing, Step, Window
from campaigns.cadence_graph import check_graph, spacings
from campaigns.conditions import BadCondition, Condition, parse_condition
from campaigns.located import (
    BadFile,
    Mark,
    Report,
    choice,
    choices,
    compose,
    items,
    mapping,
    mark_of,
    text,
    texts,
    truth,
    whole,
)
from domain.channel import Channel

VERIFICATION = ("birth_date", "id_last4", "postcode", "account_last4")
"""What a caller can be asked to key in before the debt is spoken of."""
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
END = "end"
_NEEDED = ("name", "title", "audience", "stages", "steps")
KEYS = (*_NEEDED, "exits", "window", "pacing", "packs", "priority", "verification", "balances_no_older_than")
_STEP_NEEDED = ("id", "stage", "when", "channel", "template")
STEP_KEYS = (*_STEP_NEEDED, "window", "fallback", "condition", "merge", "kind", "then", "otherwise")
_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_HOURS = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_CHANNELS = [channel.value for channel in Channel]


@dataclass(frozen=True, slots=True)
class CadenceFile:
    """A cadence with the text that it was read from and where its parts stand in it: `steps.ID.KEY`, `packs.ID`."""

    cadence: Cadence
    file: str
    source: str
    marks: Mapping[str, Mark]

    @property
    def digest(self) -> bytes:
        """The SHA-256 of the source: what identifies a launched version."""
        return sha256(self.source.encode()).digest()


def read_cadence(source: str, file: str) -> CadenceFile:
    """The cadence in `source`; `file` names it in errors. Raises `campaigns.located.BadFile` with every mistake."""
    report = Report(file)
    root = compose(source, report)
    found = mapping(root, report, "a cadence", KEYS, _NEEDED)
    marks: dict[str, Mark] = {key: mark_of(node) for key, node in found.items()}
    stages = _stages(found.get("stages"), report)
    window = _window(found.get("window"), report) or Window(9 * 60, 20 * 60)
    steps = _steps(found.get("steps"), report, stages, window, marks)
    audience = read_audience(found.get("audience"), report, marks)
    exits, above = _exits(found.get("exits"), report)
    name = _id(found.get("name"), report, "the name")
    title = text(found.get("title"), report, "the title")
    packs = _packs(found.get("packs"), report, marks)
    priority = whole(found.get("priority"), report, "the priority", 0, 9)
    oldest = whole(found.get("balances_no_older_than"), report, "balances_no_older_than", 0, MAX_DAYS)
    verification = choices(found.get("verification"), report, "verification", VERIFICATION)
    pacing = _pacing(found.get("pacing"), report)
    leaves_above = above if above is not None else audience.days_past_due_to if audience else None
    if any(Channel.VOICE in step.channels for step in steps) and "verification" not in found:
        report.add(
            root, "steps call by voice, but nothing says what is asked first", "Add `verification: [birth_date]`."
        )
    check_graph(steps, stages, leaves_above, marks, report)
    _check_kinds(steps, exits, marks, report)
    if report.problems or name is None or title is None or audience is None:
        raise BadFile(file, report.problems)
    steps = spacings(steps)
    cadence = Cadence(
        name=name,
        title=title,
        audience=audience,
        stages=stages,
        steps=steps,
        exits=exits | ALWAYS | {Exit.ABOVE},
        leaves_above=leaves_above,
        pacing=pacing,
        packs=packs,
        priority=5 if priority is None else priority,
        verification=tuple(sorted(verification)),
        balances_no_older_than=7 if oldest is None else oldest,
        by_id={step.id: step for step in steps},
        stage_rank={stage: number for number, stage in enumerate(stages)},
    )
    return CadenceFile(cadence, file, source, marks)


def _id(node: Node | None, report: Report, what: str) -> str | None:
    found = text(node, report, what)
    if node is None or found is None:
        return None
    if _ID.fullmatch(found):
        return found
    report.add(node, f"{what} is `{found}`", "Write small letters, digits and single hyphens: card-early.")
    return None


def _stages(node: Node | None, report: Report) -> tuple[str, ...]:
    found = [_id(item, report, "a stage") for item in items(node, report, "stages")]
    stages = tuple(dict.fromkeys(stage for stage in found if stage))
    if node is not None and not found:
        report.add(node, "there is no stage", "Write, say, `stages: [early]`.")
    if node is not None and len(stages) < len([stage for stage in found if stage]):
        report.add(node, "a stage is named twice", "Name each once, in the order in which they are gone through.")
    return stages


def _packs(node: Node | None, report: Report, marks: dict[str, Mark]) -> tuple[str, ...]:
    for item in items(node, report, "packs"):
        if isinstance(item, ScalarNode):
            marks[f"packs.{item.value}"] = mark_of(item)
    return tuple(dict.fromkeys(texts(node, report, "a pack")))


def _steps(
    node: Node | None, report: Report, stages: tuple[str, ...], window: Window, marks: dict[str, Mark]
) -> tuple[Step, ...]:
    nodes = items(node, report, "steps")
    if node is not None and not nodes:
        report.add(node, "there is no step", "Add at least one.")
    found: list[tuple[Step, dict[str, Node]]] = []
    for number, item in enumerate(nodes):
        read = mapping(item, report, "a step", STEP_KEYS, _STEP_NEEDED)
        step = _step(read, report, stages, window, number == 0)
        if step is None:
            continue
        if any(step.id == other.id for other, _ in found):
            report.add(read["id"], f"there are two steps `{step.id}`", "Give each its own id.")
            continue
        marks[f"steps.{step.id}"] = mark_of(item)
        marks.update({f"steps.{step.id}.{key}": mark_of(value) for key, value in read.items()})
        found.append((step, read))
    if report.problems:
        return tuple(step for step, _ in found)
    return _linked(found, report)


def _step(
    read: dict[str, Node], report: Report, stages: tuple[str, ...], window: Window, is_first: bool
) -> Step | None:
    """One step, its links not yet set."""
    id_ = _id(read.get("id"), report, "a step's id")
    stage = choice(read.get("stage"), report, "the stage", stages)
    when = _when(read.get("when"), report, is_first)
    channels = _channels(read, report)
    template = text(read.get("template"), report, "the template")
    own = _window(read.get("window"), report)
    kind = choice(read.get("kind"), report, "the kind", [kind.value for kind in Kind])
    condition = _condition(read.get("condition"), report)
    merge = truth(read.get("merge"), report, "merge")
    if "otherwise" in read and "condition" not in read:
        report.add(read["otherwise"], "`otherwise` stands without a condition", "Add a condition, or use `then`.")
    if id_ is None or stage is None or when is None or not channels or template is None:
        return None
    return Step(
        id=id_,
        stage=stage,
        anchor=when[0],
        days=when[1],
        channels=channels,
        template=template,
        window=own or window,
        kind=Kind(kind) if kind else Kind.REMINDER,
        condition=condition,
        merge=merge,
    )


def _linked(found: list[tuple[Step, dict[str, Node]]], report: Report) -> tuple[Step, ...]:
    """The steps with what follows each: the next of the file, unless the step says otherwise."""
    ids = [step.id for step, _ in found]
    linked: list[Step] = []
    for number, (step, read) in enumerate(found):
        following = ids[number + 1] if number + 1 < len(ids) else None
        then = _link(read.get("then"), following, ids, report)
        otherwise = _link(read.get("otherwise"), then, ids, report)
        linked.append(replace(step, then=then, otherwise=otherwise))
    return tuple(linked)


def _link(node: Node | None, default: str | None, ids: list[str], report: Report) -> str | None:
    if node is None:
        return default
    name = choice(node, report, "the step that follows", [*ids, END])
    return None if name in (None, END) else name


def _when(node: Node | None, report: Report, is_first: bool) -> tuple[Anchor, int] | None:
    if node is None:
        return None
    anchors = [anchor.value for anchor in Anchor]
    found = mapping(node, report, "when", anchors)
    if len(found) != 1:
        if isinstance(node, MappingNode) and len(node.value) != 1:
            report.add(
                node, "`when` says not exactly one thing", "Write `day_in_arrears: 3`, or `days_after_last_contact: 4`."
            )
        return None
    [(key, value)] = found.items()
    least = 0 if is_first or key == Anchor.DAY_IN_ARREARS else 1
    days = whole(value, report, key, least, MAX_DAYS)
    return None if days is None else (Anchor(key), days)


def _channels(read: dict[str, Node], report: Report) -> tuple[Channel, ...]:
    first = choice(read.get("channel"), report, "the channel", _CHANNELS)
    channels = [first] if first else []
    for item in items(read.get("fallback"), report, "fallback"):
        name = choice(item, report, "a fallback channel", _CHANNELS)
        if name in channels:
            report.add(item, f"the fallback `{name}` was tried already", "Name each channel of a step once.")
        elif name:
            channels.append(name)
    return tuple(Channel(name) for name in channels)


def _window(node: Node | None, report: Report) -> Window | None:
    """`09:30-20:00`, or `{hours: …, days: [Mon, Tue]}`."""
    if node is None:
        return None
    days = ALL_DAYS
    if isinstance(node, MappingNode):
        found = mapping(node, report, "a window", ("hours", "days"), ("hours",))
        if "days" in found:
            days = _days(found["days"], report)
        if "hours" not in found:
            return None
        node = found["hours"]
    match = _HOURS.fullmatch(str(node.value)) if isinstance(node, ScalarNode) else None
    if match is None:
        report.add(node, "the window is no span of hours", "Write local hours: 09:30-20:00.")
        return None
    start, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if not start < end <= MINUTES:
        report.add(node, f"the window {match[0]} is empty or longer than the day", "It ends after it begins, by 24:00.")
        return None
    return Window(start, end, days)


def _days(node: Node, report: Report) -> frozenset[int]:
    """`Mon-Fri`, or a list of days."""
    if isinstance(node, ScalarNode) and "-" in str(node.value):
        first, _, last = str(node.value).partition("-")
        if first in DAYS and last in DAYS and DAYS.index(first) <= DAYS.index(last):
            return frozenset(range(DAYS.index(first), DAYS.index(last) + 1))
        report.add(node, f"`{node.value}` is no span of days", "Write Mon-Fri, or [Mon, Wed].")
        return ALL_DAYS
    return frozenset(DAYS.index(day) for day in choices(node, report, "a day", DAYS)) or ALL_DAYS


def _condition(node: Node | None, report: Report) -> Condition | None:
    if node is None:
        return None
    source = text(node, report, "the condition")
    if source is None:
        return None
    try:
        return parse_condition(source)
    except BadCondition as error:
        mark = mark_of(node)
        # Quoted and folded scalars begin a character later, or on another line: the column is exact for plain ones.
        shift = 0 if isinstance(node, ScalarNode) and node.style is None else 1
        is_block = isinstance(node, ScalarNode) and node.style in (">", "|")
        at = mark if is_block else Mark(mark.line, mark.column + error.column + shift)
        report.add(at, f"the condition does not hold together: {error.what}", error.remedy)
        return None


def _exits(node: Node | None, report: Report) -> tuple[frozenset[Exit], int | None]:
    """The exits, and the days past due above which an account leaves. Left out: all exits."""
    if node is None:
        return frozenset(Exit), None
    found: set[Exit] = set()
    above: int | None = None
    for item in items(node, report, "exits"):
        if isinstance(item, MappingNode):
            read = mapping(item, report, "an exit", (Exit.ABOVE.value,))
            above = whole(read.get(Exit.ABOVE.value), report, Exit.ABOVE.value, 0, MAX_DAYS)
            continue
        name = choice(item, report, "an exit", [exit_.value for exit_ in Exit if exit_ is not Exit.ABOVE])
        if name is not None:
            found.add(Exit(name))
    return frozenset(found), above


def _check_kinds(steps: tuple[Step, ...], exits: frozenset[Exit], marks: Mapping[str, Mark], report: Report) -> None:
    """Note reminders of promises and plans in a cadence that leaves accounts alone while there is one."""
    ending = {Kind.PROMISE_REMINDER: Exit.PROMISED, Kind.PLAN_REMINDER: Exit.PLAN_ACTIVE}
    for step in steps:
        exit_ = ending.get(step.kind)
        if exit_ in exits:
            what = f"a {step.kind.value} is never made: accounts are left alone by the exit `{exit_}`"
            report.add(marks[f"steps.{step.id}.kind"], what, "List the exits without it.")


def _pacing(node: Node | None, report: Report) -> Pacing:
    if node is None:
        return Pacing()
    found = mapping(node, report, "pacing", ("per_hour", "per_day", "channels"))
    per_hour = whole(found.get("per_hour"), report, "per_hour", 1, 10**9)
    per_day = whole(found.get("per_day"), report, "per_day", 1, 10**9)
    limits: dict[Channel, int] = {}
    if "channels" in found:
        for name, value in mapping(found["channels"], report, "pacing's channels", _CHANNELS).items():
            limit = whole(value, report, f"{name} an hour", 1, 10**9)
            if limit is not None:
                limits[Channel(name)] = limit
    return Pacing(per_hour, per_day, limits)
