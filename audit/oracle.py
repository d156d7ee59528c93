"""An independent oracle for the rules: slow, obvious, written from docs/policies.md and the domain alone.

It reads the packs' YAML itself and asks, for one instant at a time, whether each rule permits the contact then. It
knows no intervals, no tables and no caches; T is found by asking at one instant after another.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from audit.conditions import Conditions
from audit.days import calendar, is_holiday, knows, local_day
from audit.matching import event_matches, proposal_matches
from audit.places import candidates, zones
from audit.question import Question, debts, ordered
from audit.rulebook import LONG_NAMES, VOICE, packs, time_zone, whole
from audit.weekly import in_weekly, minutes
from audit.windows import by_clock, is_over, still_counts
from domain.facts import Facts


class Oracle:
    """The rules of some packs, asked one instant at a time about one case.

    The packs are those that ship under these ids, and `others`: documents as YAML reads them.
    """

    def __init__(self, ids: Iterable[str], facts: Facts, others: Sequence[dict[str, Any]] = ()) -> None:
        self.packs = [*packs(ids), *others]
        self.facts = facts
        clocks = [rule.get("clock", {}) for pack in self.packs for rule in pack["rules"]]
        self.conditions = Conditions(self)
        self.legal = list(dict.fromkeys(clock["zone"] for clock in clocks if "zone" in clock))

    def permits(self, at: datetime) -> bool:
        """Whether the contact may be made at an instant (a whole second)."""
        return not self.refusing(at)

    def refusing(self, at: datetime) -> list[str]:
        """The rules, as pack/rule, that do not permit it at an instant."""
        question = Question(self.facts, self.facts.proposal, at, ordered(self.facts))
        found = [] if candidates(self.facts, self.legal) else ["nowhere"]
        for pack in self.packs:
            for rule in pack["rules"]:
                if self.in_force(pack, rule, at) and not self.rule_permits(pack, rule, question):
                    found.append(f"{pack['id']}/{rule['id']}")
        return found

    def in_force(self, pack: dict[str, Any], rule: dict[str, Any], at: datetime) -> bool:
        day = local_day(at, pack["zone"])
        for source in (pack, rule):
            if source.get("effective_from") and day < source["effective_from"]:
                return False
            if source.get("effective_until") and day >= source["effective_until"]:
                return False
        return True

    def rule_permits(self, pack: dict[str, Any], rule: dict[str, Any], q: Question) -> bool:
        if rule["kind"] == "retention" or proposal_matches(rule.get("applies", {}), q) is False:
            return True
        judge = getattr(self, "judge_" + rule["kind"])
        return bool(judge(pack, rule, q)) or self.lifted(pack, rule, q)

    def lifted(self, pack: dict[str, Any], rule: dict[str, Any], q: Question) -> bool:
        for lift in rule.get("lifts", []):
            if self.conditions.holds(lift["when"], pack, rule, q) is True and self.has_uses(lift, pack, rule, q):
                return True
        for other in self.packs:
            for override in other.get("overrides", []):
                named = (override["pack"], override["rule"]) == (pack["id"], rule["id"])
                lifts = named and proposal_matches(override.get("applies", {}), q) is True
                if lifts and self.in_force(other, {}, q.at):
                    return True
        return False

    def has_uses(self, lift: dict[str, Any], pack: dict[str, Any], rule: dict[str, Any], q: Question) -> bool:
        if "uses" not in lift:
            return True
        used = 0
        for when, _, past in q.history:
            if past.direction != "out":
                continue
            if "counts" in lift:
                if event_matches(lift["counts"], self.facts, past, past.direction, past.outcome) is False:
                    continue
            elif (past.purpose, past.channel) != (q.contact.purpose, q.contact.channel):
                continue
            if "within" not in lift or self.counts_somewhere(lift["within"], when, pack, rule, q):
                used += 1
        return used < int(lift["uses"])

    def zones(self, rule: dict[str, Any]) -> list[str]:
        return zones(self.facts, rule.get("clock", {}), self.legal)

    def counts_somewhere(
        self, window: dict[str, Any], when: datetime, pack: dict[str, Any], rule: dict[str, Any], q: Question
    ) -> bool:
        listed: list[str | None] = [*self.zones(rule)] or [None]
        return any(still_counts(window, when, q.at, zone, pack.get("calendar")) for zone in listed)

    def is_over_everywhere(
        self, wait: dict[str, Any], when: datetime, pack: dict[str, Any], rule: dict[str, Any], at: datetime
    ) -> bool:
        listed = self.zones(rule)
        if not listed:
            return bool(by_clock(wait)) and at >= when + by_clock(wait)
        return all(is_over(wait, when, at, zone, pack.get("calendar")) for zone in listed)

    def is_over_somewhere(
        self, wait: dict[str, Any], when: datetime, pack: dict[str, Any], rule: dict[str, Any], at: datetime
    ) -> bool:
        listed = self.zones(rule)
        if not listed:
            return not by_clock(wait) or at >= when + by_clock(wait)
        return any(is_over(wait, when, at, zone, pack.get("calendar")) for zone in listed)

    # Rules -----------------------------------------------------------------------------------------------------

    def judge_hours(self, pack: dict[str, Any], rule: dict[str, Any], q: Question) -> bool:
        debtor = self.facts.debtor
        narrows = set(rule.get("narrowed_by", []))
        limits = [
            debtor.agreed_hours if "agreement" in narrows else None,
            debtor.requested_hours if "request" in narrows else None,
        ]
        asks = {"holidays", "makeup_workdays"} & rule["open"].keys()
        bare = not asks and all(spans == ["00:00-24:00"] for spans in self.week_of(rule["open"]).values())
        personal = any(limits) or ("inconvenient" in narrows and debtor.inconvenient)
        widened = "consent" in rule.get("widened_by", []) and any(c.hours for c in debtor.consents)
        if bare and not personal and not widened:
            return True
        listed = self.zones(rule)
        if not listed:
            return False
        instants = [q.at]
        delivery = self.facts.proposal.expected_delivery
        if delivery is not None and rule.get("judged_at", "sending") != "sending" and not q.is_past:
            arrives = q.at + (whole(delivery, False) - whole(self.facts.proposal.at, False))
            instants = [arrives] if rule["judged_at"] == "arrival" else [q.at, arrives]
        return all(self.open_then(pack, rule, q, at, listed) for at in instants)

    def open_then(
        self, pack: dict[str, Any], rule: dict[str, Any], q: Question, at: datetime, listed: list[str]
    ) -> bool:
        if not self.in_force(pack, rule, at):
            return True
        if self.base_open(pack, rule, at, listed) and self.not_narrowed(rule, at, listed):
            return True
        if "consent" not in rule.get("widened_by", []):
            return False
        wanted = rule.get("consent", {"hours_stated": True})
        for consent in self.facts.debtor.consents:
            asked = Question(self.facts, q.contact, at, q.history)
            if consent.hours is None or not self.conditions.consent_fits(wanted, consent, asked):
                continue
            if not self.conditions.consent_lives(wanted, consent, pack, rule, asked):
                continue
            if wanted.get("in_contact") and not self.given_properly(pack, rule, consent, listed):
                continue
            if all(in_weekly(consent.days, consent.hours, at, zone) for zone in listed):
                return True
        return False

    def given_properly(self, pack: dict[str, Any], rule: dict[str, Any], consent: Any, listed: list[str]) -> bool:
        given = whole(consent.at, True)
        if self.base_open(pack, rule, given, listed):
            return True
        before = [past for when, _, past in ordered(self.facts) if when <= given]
        return bool(before) and before[-1].direction == "in"

    def base_open(self, pack: dict[str, Any], rule: dict[str, Any], at: datetime, listed: list[str]) -> bool:
        debtor = self.facts.debtor
        if all(self.in_table(pack, rule["open"], at, zone) for zone in listed):
            return True
        for name, hours in (("agreement", debtor.agreed_hours), ("request", debtor.requested_hours)):
            if hours and name in rule.get("widened_by", []) and all(in_weekly((), hours, at, z) for z in listed):
                return True
        return False

    def not_narrowed(self, rule: dict[str, Any], at: datetime, listed: list[str]) -> bool:
        debtor, narrows = self.facts.debtor, rule.get("narrowed_by", [])
        for name, hours in (("agreement", debtor.agreed_hours), ("request", debtor.requested_hours)):
            if hours and name in narrows and not all(in_weekly((), hours, at, zone) for zone in listed):
                return False
        return not (
            "inconvenient" in narrows
            and any(in_weekly(i.days, (i.start, i.end), at, zone) for i in debtor.inconvenient for zone in listed)
        )

    def week_of(self, table: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for index, name in enumerate(LONG_NAMES):
            group = table.get("weekdays", table.get("every_day")) if index < 5 else table.get("every_day")
            found[name] = table.get(name, group)
        return found

    def in_table(self, pack: dict[str, Any], table: dict[str, Any], at: datetime, zone: str) -> bool:
        local = at.astimezone(time_zone(zone))
        spans = self.week_of(table)[LONG_NAMES[local.weekday()]]
        if "holidays" in table or "makeup_workdays" in table:
            name = pack["calendar"]
            if not knows(name, local.date()):
                return False
            if "holidays" in table and is_holiday(name, local.date()):
                spans = table["holidays"]
            elif "makeup_workdays" in table and local.date() in calendar(name).get("makeup_workdays", []):
                spans = table["makeup_workdays"]
        second = local.hour * 3600 + local.minute * 60 + local.second
        return any(minutes(a) * 60 <= second < minutes(b) * 60 for a, b in (span.split("-") for span in spans))

    def judge_cap(self, pack: dict[str, Any], rule: dict[str, Any], q: Question) -> bool:
        counts = rule["counts"]
        made = event_matches(counts, self.facts, q.contact, "out", None)
        if made is False or counts.get("direction") == "in":
            return True
        if any(self.excluded_itself(each, pack, rule, q) for each in rule.get("excludes", [])):
            return True
        limit = self.limit(pack, rule)
        keys = self.keys(rule, q)
        return all(len(self.counted(pack, rule, q, key)) < limit for key in keys)

    def limit(self, pack: dict[str, Any], rule: dict[str, Any]) -> int:
        known = {rule["id"], f"{pack['id']}/{rule['id']}", f"{pack['id']}:{rule['id']}"}
        agreed = [number for name, number in self.facts.debtor.agreed_caps if name in known]
        if not agreed:
            return int(rule["at_most"])
        return min(agreed) if rule.get("agreement") else min([rule["at_most"], *agreed])

    def keys(self, rule: dict[str, Any], q: Question) -> list[str | None]:
        if "debt" in rule["by"]:
            return [*sorted(debts(self.facts, q.contact.accounts))] or [None]
        if "account" in rule["by"]:
            return [*sorted(q.contact.accounts)] or [None]
        return [None]

    def counted(self, pack: dict[str, Any], rule: dict[str, Any], q: Question, key: str | None) -> list[int]:
        found = []
        first: tuple[datetime, int] | None = None
        if "after_first" in rule:
            firsts = [
                (when, index)
                for when, index, past in q.history
                if event_matches(rule["after_first"], self.facts, past, past.direction, past.outcome) is not False
            ]
            if not firsts:
                return []
            first = firsts[0]
        for when, index, past in q.history:
            if first is not None and (when, index) <= first:
                continue
            if not self.event_on_keys(rule["counts"], rule, q, past, key):
                continue
            if any(self.past_excluded(each, pack, rule, when, index, past) for each in rule.get("excludes", [])):
                continue
            if self.counts_somewhere(rule["within"], when, pack, rule, q):
                found.append(index)
        return found

    def event_on_keys(self, selector: dict[str, Any], rule: dict[str, Any], q: Question, past: Any, key: Any) -> bool:
        if event_matches(selector, self.facts, past, past.direction, past.outcome) is False:
            return False
        by = rule["by"]
        if "person" in by and past.person != q.contact.person:
            return False
        points = (past.contact_point, q.contact.contact_point)
        if "point" in by and None not in points and points[0] != points[1]:
            return False
        if "channel" in by and past.channel != q.contact.channel:
            return False
        same = selector.get("placed_by") == "collector" or "collector" in by
        if same and past.by is not None and q.by is not None and past.by != q.by:
            return False
        if key is not None and past.accounts:
            return key in (debts(self.facts, past.accounts) if "debt" in by else past.accounts)
        return True

    def past_excluded(self, each: dict[str, Any], pack: Any, rule: Any, when: datetime, index: int, past: Any) -> bool:
        if "events" in each:
            return event_matches(each["events"], self.facts, past, past.direction, past.outcome) is True
        before = [entry for entry in ordered(self.facts) if entry[:2] < (when, index)]
        return self.conditions.holds(each["when"], pack, rule, Question(self.facts, past, when, before)) is True

    def excluded_itself(self, each: dict[str, Any], pack: Any, rule: Any, q: Question) -> bool:
        if "events" in each:
            selector = each["events"]
            if "outcomes" in selector or selector.get("direction") == "in":
                return False
            return event_matches(selector, self.facts, q.contact, "out", None) is True
        return self.conditions.holds(each["when"], pack, rule, q) is True

    def judge_cool_down(self, pack: dict[str, Any], rule: dict[str, Any], q: Question) -> bool:
        excludes = rule.get("excludes", [])
        if any("when" in each and self.excluded_itself(each, pack, rule, q) for each in excludes):
            return True
        for key in self.keys(rule, q):
            for when, index, past in q.history:
                if not self.event_on_keys(rule["after"], rule, q, past, key):
                    continue
                if any(self.past_excluded(each, pack, rule, when, index, past) for each in excludes):
                    continue
                if not self.is_over_everywhere(rule["rests"], when, pack, rule, q.at):
                    return False
        return True

    def judge_gate(self, pack: dict[str, Any], rule: dict[str, Any], q: Question) -> bool:
        if "stop" in rule:
            return not any(self.stops(stop, pack, rule, q) for stop in self.facts.debtor.stops)
        if "bars" in rule:
            return not self.barred(rule["bars"], q)
        if "requires" in rule:
            found = self.conditions.holds(rule["requires"], pack, rule, q)
            return found is True or (found is None and rule.get("unknown") == "passes")
        return False

    def stops(self, stop: Any, pack: dict[str, Any], rule: dict[str, Any], q: Question) -> bool:
        gate = rule["stop"]
        if stop.kind != gate["kind"] or ("form" in gate and stop.form != gate["form"]):
            return False
        if gate.get("per", "debt") == "debt" and not self.conditions.concerns(stop, q):
            return False
        if q.at < whole(stop.at, False) or (stop.until is not None and q.at >= whole(stop.until, True)):
            return False
        if gate.get("until_answered") and stop.answered_at is not None and q.at >= whole(stop.answered_at, True):
            return False
        return not ("lasts" in gate and self.is_over_everywhere(gate["lasts"], whole(stop.at, True), pack, rule, q.at))

    def barred(self, what: str, q: Question) -> bool:
        debtor, contact = self.facts.debtor, q.contact
        if what == "channel":
            return contact.channel in debtor.banned_channels or (
                "call" in debtor.banned_channels and contact.channel in VOICE
            )
        if what == "point":
            return bool(debtor.banned_points) and contact.contact_point in (None, *debtor.banned_points)
        kind = None if q.point is None else q.point.kind
        for place in debtor.inconvenient_places:
            tied = {"home": {"landline", "address"}, "work": {"work", "work_email"}}[place]
            if kind in tied:
                return True
            if kind is None and (contact.channel in VOICE | {"visit", "letter"} or place == "work"):
                return True
        return False

    def judge_content(self, pack: dict[str, Any], rule: dict[str, Any], q: Question) -> bool:
        if rule["duty"] == "opt_out":
            return q.said("has_opt_out_notice") is not False
        return not (rule["duty"] == "limited" and q.said("limited_content") is False)
