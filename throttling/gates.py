"""Gates, and duties of content that a proposal itself breaks: whether contact is possible at all, and until when."""

from domain.facts import PointKind, Stop
from throttling import spans_of_time, zonetime
from throttling.bounds import Bound
from throttling.compose import CompiledRule
from throttling.conditions import concerns, evaluate
from throttling.dossier import Asked, Dossier
from throttling.intervals import ALL, NONE, Intervals, complement, unite
from throttling.language import Content, Gate
from throttling.selectors import VOICE
from throttling.zonetime import FOREVER

HOME = frozenset({PointKind.LANDLINE, PointKind.ADDRESS})
WORK = frozenset({PointKind.WORK, PointKind.WORK_EMAIL})


def gate_bound(compiled: CompiledRule, rule: Gate, dossier: Dossier, asked: Asked) -> Bound | None:
    """A gate. None where it stands open."""
    if rule.stop is not None:
        if not dossier.debtor.stops:
            return None
        spans, note = _stopped(rule, compiled, dossier, asked)
        return Bound(compiled, spans=complement(spans), note=note) if spans else None
    if rule.bars is not None:
        note = _barred(rule.bars, dossier, asked)
        return Bound(compiled, spans=NONE, note=note) if note else None
    if rule.forbid or rule.requires is None:
        return Bound(compiled, spans=NONE)
    known = evaluate(rule.requires, dossier, asked, compiled)
    allowed = known.possible if rule.unknown == "passes" else known.certain
    note = "Something that it asks for is not known." if known.possible != known.certain else ""
    return None if allowed == ALL else Bound(compiled, spans=allowed, note=note)


def _stopped(rule: Gate, compiled: CompiledRule, dossier: Dossier, asked: Asked) -> tuple[Intervals, str]:
    spans: list[tuple[int, int]] = []
    note = ""
    for stop in dossier.debtor.stops:
        gate = rule.stop
        if gate is None or stop.kind is not gate.kind or (gate.form is not None and stop.form != gate.form):
            continue
        if gate.per == "debt" and not concerns(stop, dossier, asked):
            continue
        spans.append((zonetime.floor_second(stop.at), _stops_until(stop, rule, compiled, dossier)))
        note = f"On file since {stop.at.date().isoformat()}: {stop.kind.value} ({stop.form})."
    return unite(spans), note


def _stops_until(stop: Stop, rule: Gate, compiled: CompiledRule, dossier: Dossier) -> int:
    ends = [FOREVER]
    if stop.until is not None:
        ends.append(zonetime.ceil_second(stop.until))
    if rule.stop is not None and rule.stop.until_answered and stop.answered_at is not None:
        ends.append(zonetime.ceil_second(stop.answered_at))
    if rule.stop is not None and rule.stop.lasts is not None:
        clocks = dossier.zones(compiled)[1]
        ends.append(spans_of_time.over_at(rule.stop.lasts, zonetime.ceil_second(stop.at), clocks, compiled.calendar))
    return min(ends)


def _barred(what: str, dossier: Dossier, asked: Asked) -> str:
    """Why the debtor's own ban holds here; empty where it does not."""
    debtor, shape = dossier.debtor, asked.shape
    if what == "channel":
        banned = set(debtor.banned_channels)
        if "call" in banned:
            banned |= VOICE  # whoever asks not to be called is not to be called by a machine either
        return f"The debtor asked not to be contacted by {shape.channel.value}." if shape.channel in banned else ""
    if what == "point":
        if not debtor.banned_points or (asked.point is not None and asked.point not in debtor.banned_points):
            return ""
        return "The debtor asked not to be contacted there." if asked.point else "It is not said at which number."
    for place, kinds in (("home", HOME), ("work", WORK)):
        if place in debtor.inconvenient_places and (shape.point in kinds or _may_reach(place, asked)):
            return f"The debtor called {place} inconvenient."
    return ""


def _may_reach(place: str, asked: Asked) -> bool:
    """Whether a contact whose point is unknown may reach a place; mobiles, texts and mailboxes go with the person."""
    if asked.shape.point is not None:
        return asked.shape.channel == "visit" and asked.shape.point is PointKind.ADDRESS and place == "home"
    return asked.shape.channel in VOICE or asked.shape.channel in ("visit", "letter") or place == "work"


def content_bound(compiled: CompiledRule, rule: Content, asked: Asked) -> Bound | None:
    """A content duty that the proposal itself says is not met. What is not said yet is checked on the message."""
    shape = asked.shape
    if rule.duty == "opt_out" and shape.has_opt_out_notice is False:
        return Bound(compiled, spans=NONE, note="The message has no opt-out notice.")
    if rule.duty == "limited" and shape.limited_content is False:
        return Bound(compiled, spans=NONE, note="The message is not limited to what may be said there.")
    return None
