"""One debtor's story, from the ledger: what was done, what was not and by which clause, what came back. Pure.

The debtor's page and `forbear why` tell the same story. The entries of one attempt become one item; the same proposal
held again and again for the same reasons becomes one item with a count.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from storage.debtor_screen import EntryRow, MadeRow, PromisedRow, Story, SuppressedRow
from web import wording
from web.wording import label


@dataclass(frozen=True, slots=True)
class Clause:
    """One rule that spoke, with the clause it comes from and, where it only defers, until when."""

    pack: str
    version: str
    rule: str
    cite: str
    effect: str
    why: str
    until: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Item:
    """One thing in a debtor's timeline. `kind`: contact, held, reply, stop, money, note.

    `tone`: good, bad, doubt, wait or plain. `course` are the states of an attempt with their instants. `times` is how
    often the same was held, the last time at `last_at`.
    """

    at: dt.datetime
    kind: str
    tone: str
    title: str
    detail: str
    clauses: tuple[Clause, ...] = ()
    until: dt.datetime | None = None
    course: tuple[tuple[str, dt.datetime], ...] = ()
    channel: str | None = None
    attempt_id: str | None = None
    times: int = 1
    last_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds now: when the debtor is looked at next, and what stands against contact until when."""

    next_at: dt.datetime | None
    held: tuple[Item, ...]
    suppressions: tuple[SuppressedRow, ...]
    promises: tuple[PromisedRow, ...]


TONES = {
    "delivered": "good",
    "accepted": "good",
    "undelivered": "bad",
    "rejected": "bad",
    "expired": "bad",
    "in_doubt": "doubt",
    "cancelled": "plain",
    "closed": "plain",
}


def standing(story: Story, now: dt.datetime) -> Standing:
    """What stands against contact at `now`."""
    return Standing(
        story.subject.due_at,
        tuple(waiting_items(story.subject.waiting, now)),
        tuple(one for one in story.suppressions if is_in_force(one, now)),
        tuple(one for one in story.promises if one.state == "open"),
    )


def is_in_force(suppression: SuppressedRow, now: dt.datetime) -> bool:
    """Whether it still stands: neither lifted, nor answered, nor over."""
    is_over = suppression.until is not None and suppression.until <= now
    return suppression.lifted_at is None and suppression.answered_at is None and not is_over


def waiting_items(waiting: Mapping[str, Any] | None, now: dt.datetime) -> Iterable[Item]:
    """What held the last look, from a lane's `waiting`: one object, or several under `held`."""
    if not waiting:
        return
    found = waiting.get("held")
    for one in found if isinstance(found, list) else [waiting]:
        if one.get("rules") or one.get("channel"):
            yield _held(now, one, str(one.get("verdict") or ("deferred" if one.get("until") else "refused")))


def timeline(entries: Sequence[EntryRow], attempts: Sequence[MadeRow] = ()) -> tuple[Item, ...]:
    """All of a debtor's ledger as items, the newest first."""
    made = {str(one.attempt_id): one for one in attempts}
    items: list[Item] = []
    places: dict[str, int] = {}
    for entry in entries:
        attempt = str(entry.body.get("attempt") or "")
        if entry.kind in wording.STATES and attempt in places:
            items[places[attempt]] = _moved(items[places[attempt]], entry)
            continue
        item = _item(entry, made)
        if entry.kind in wording.STATES and attempt:
            places[attempt] = len(items)
        elif items and _is_again(items[-1], item):
            items[-1] = replace(
                items[-1], times=items[-1].times + 1, last_at=item.at, until=item.until, clauses=item.clauses
            )
            continue
        items.append(item)
    return tuple(reversed(items))


def clauses(rules: object) -> tuple[Clause, ...]:
    """The rules of a decision as the ledger keeps them; those that bound come before those that were close."""
    found = [
        Clause(
            str(rule.get("pack", "")),
            str(rule.get("version", "")),
            str(rule.get("rule", "")),
            str(rule.get("cite", "")),
            str(rule.get("effect", "defers")),
            str(rule.get("why", "")),
            instant(rule.get("until")),
        )
        for rule in (rules if isinstance(rules, list) else [])
        if isinstance(rule, Mapping)
    ]
    return tuple(sorted(found, key=lambda clause: clause.effect == "allows"))


def instant(text: object) -> dt.datetime | None:
    """An instant as the ledger writes it; None where there is none."""
    return dt.datetime.fromisoformat(text) if isinstance(text, str) and text else None


def _item(entry: EntryRow, made: Mapping[str, MadeRow]) -> Item:
    body = entry.body
    if entry.kind in wording.STATES:
        return _attempt(entry, made.get(str(body.get("attempt"))))
    match entry.kind:
        case "deferred" | "refused":
            return _held(entry.at, body, entry.kind)
        case "inbound":
            title = f"Debtor {label(wording.INTENTS, body.get('intent') or 'other')}"
            return Item(entry.at, "reply", "plain", title, _channel(body), channel=body.get("channel"))
        case "suppressed":
            detail = _joined(_channel(body), f"source: {body['source']}" if body.get("source") else "")
            until = instant(body.get("until"))
            return Item(entry.at, "stop", "bad", label(wording.STOPS, body.get("kind")), detail, until=until)
        case "lifted":
            title = f"Lifted: {label(wording.STOPS, body.get('kind'))}"
            return Item(entry.at, "stop", "good", title, _channel(body))
        case "paid":
            amount = wording.money(int(body.get("minor") or 0), str(body.get("currency") or "¤"))
            return Item(entry.at, "money", "good", f"Paid {amount}", "")
        case "promised":
            title = f"Promised to pay by {body.get('due_on')}"
            return Item(entry.at, "money", "wait", title, "contact rests until the day after")
        case "outside_contact":
            title = f"{label(wording.CHANNELS, body.get('channel'))} by {body.get('by') or 'others'}, outside Forbear"
            return Item(entry.at, "contact", "plain", title, label(wording.OUTCOMES, body.get("outcome")))
        case "looked":
            detail = _joined(body.get("what"), body.get("why"))
            return Item(entry.at, "note", "plain", f"Looked at by {body.get('who')}", detail)
        case "debtor_imported":
            accounts, points = len(body.get("accounts") or ()), len(body.get("contact_points") or ())
            return Item(
                entry.at,
                "note",
                "plain",
                "Imported",
                f"{_several(accounts, 'account')}, {_several(points, 'contact point')}",
            )
        case "enrolled" | "exited" | "finished":
            title = {"enrolled": "Enrolled in a campaign", "exited": "Left a campaign"}.get(
                entry.kind, "Campaign finished"
            )
            return Item(entry.at, "note", "plain", title, _reason(body))
    return Item(entry.at, "note", "plain", entry.kind.replace("_", " ").capitalize(), "")


def _attempt(entry: EntryRow, made: MadeRow | None) -> Item:
    body = entry.body
    channel = label(wording.CHANNELS, body.get("channel")) or "Contact"
    detail = _joined(
        body.get("stage"),
        f"step {body['step']}" if body.get("step") else "",
        f"template {made.template} ({made.language})" if made else "",
        f"{made.segments} segments" if made and made.segments else "",
    )
    item = Item(
        entry.at,
        "contact",
        "wait",
        channel,
        detail,
        clauses(body.get("rules")),
        channel=body.get("channel"),
        attempt_id=str(body.get("attempt")),
    )
    return _moved(item, entry)


def _moved(item: Item, entry: EntryRow) -> Item:
    """The item of an attempt after one more entry of it."""
    body = entry.body
    name = item.title.split(":")[0]
    said = _joined(
        label(wording.OUTCOMES, body.get("outcome")),
        label(wording.FAILURES, body.get("failure")),
        f"code {body['code']}" if body.get("code") else "",
        sep=", ",
    )
    state = label(wording.STATES, entry.kind).lower()
    title = f"{name}: {state}" + (f" – {said}" if said and said != state else "")
    return replace(item, title=title, tone=TONES.get(entry.kind, "wait"), course=(*item.course, (entry.kind, entry.at)))


def _held(at: dt.datetime, body: Mapping[str, Any], verdict: str) -> Item:
    channel = label(wording.CHANNELS, body.get("channel")) or "Contact"
    title = f"{channel} not made: {'deferred' if verdict == 'deferred' else 'refused'}"
    detail = _joined(f"step {body['step']}" if body.get("step") else "")
    found = clauses(body.get("rules"))
    tone = "wait" if verdict == "deferred" else "bad"
    return Item(at, "held", tone, title, detail, found, instant(body.get("until")), channel=body.get("channel"))


def _is_again(last: Item, item: Item) -> bool:
    def gist(one: Item) -> object:
        return one.kind, one.title, one.detail, [(clause.pack, clause.rule, clause.effect) for clause in one.clauses]

    return item.kind == "held" and gist(last) == gist(item)


def _channel(body: Mapping[str, Any]) -> str:
    return f"by {label(wording.CHANNELS, body['channel'])}" if body.get("channel") else ""


def _reason(body: Mapping[str, Any]) -> str:
    return f"because: {str(body['reason']).replace('_', ' ')}" if body.get("reason") else ""


def _several(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _joined(*parts: object, sep: str = " · ") -> str:
    return sep.join(str(part) for part in parts if part)


def debtor_zone(story: Story) -> str:
    """The time zone that the debtor's times are shown in: their own, else that of their first contact point."""
    facts = story.subject.facts
    own = facts.get("timezones") or []
    places = [place.get("timezone") for place in facts.get("places") or []]
    points = [zone for point in story.points for zone in point.timezones]
    return wording.zone_of(*own, *places, *points)
