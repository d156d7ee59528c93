"""An independent oracle for the rules engine: slow, obvious, written from docs/policies.md and the domain alone.

It reads the packs' YAML itself and asks, for one instant at a time, whether each rule permits the contact then. It
knows no intervals, no tables and no caches; T is found by asking at one instant after another.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from math import ceil, floor
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.easter import easter
from ruamel.yaml import YAML

from domain.facts import Facts, PastContact, Proposal

CONFIG = Path(__file__).resolve().parents[1] / "config"
DAY_NAMES = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
LONG_NAMES = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
VOICE = {"call", "ai_call", "ringless_voicemail"}
CHANNELS = {
    "any": {"call", "ai_call", "ringless_voicemail", "sms", "email", "letter", "in_app", "im", "visit", "social"},
    "voice": VOICE,
    "text": {"sms", "im", "in_app"},
    "electronic": {"sms", "email", "im", "in_app"},
    "remote": {"call", "ai_call", "ringless_voicemail", "sms", "email", "letter", "in_app", "im", "social"},
}
PERSONS = {
    "liable": {"debtor", "co_debtor", "guarantor"},
    "third": {"spouse", "household", "neighbour", "emergency_contact", "employer", "stranger"},
}
POINTS = {"personal": {"mobile", "landline", "email", "address"}, "workplace": {"work", "work_email"}}
SECOND = timedelta(seconds=1)


@cache
def documents(folder: str) -> list[dict[str, Any]]:
    """The first document of every YAML file of a folder under config."""
    found = []
    for path in sorted((CONFIG / folder).glob("*.yaml")):
        text = path.read_text(encoding="utf-8").partition("\n---\n")[0]
        found.append(YAML(typ="safe", pure=True).load(text))
    return found


@cache
def place_table() -> dict[str, Any]:
    return YAML(typ="safe", pure=True).load((CONFIG / "places.yaml").read_text(encoding="utf-8"))


def packs(ids: Iterable[str]) -> list[dict[str, Any]]:
    wanted = {*ids, "debtor-wishes"}
    return [pack for pack in documents("packs") if pack["id"] in wanted]


def whole(at: datetime, up: bool) -> datetime:
    seconds = ceil(at.timestamp()) if up else floor(at.timestamp())
    return datetime.fromtimestamp(seconds, UTC)


def names(value: Any, groups: dict[str, set[str]] | None = None) -> set[str]:
    listed = value if isinstance(value, list) else [value]
    return {name for item in listed for name in (groups or {}).get(item, {item})}


# Days --------------------------------------------------------------------------------------------------------------


def local_day(at: datetime, zone: str) -> date:
    """The local date; one that comes back because clocks are set back over midnight ends when it ends the last time."""
    day = at.astimezone(ZoneInfo(zone)).date()
    for minutes in range(15, 181, 15):
        later = (at + timedelta(minutes=minutes)).astimezone(ZoneInfo(zone)).date()
        day = min(day, later)
    return day


def add_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    try:
        return date(year, month + 1, day.day)
    except ValueError:
        year, month = divmod(day.year * 12 + day.month + months, 12)
        return date(year, month + 1, 1)


@cache
def calendar(name: str) -> dict[str, Any]:
    return next(each for each in documents("calendars") if each["id"] == name)


@cache
def holidays(name: str, year: int) -> frozenset[date]:
    return frozenset(day for each in calendar(name).get("holidays", []) for day in holiday_in(each, year))


def holiday_in(entry: dict[str, Any], year: int) -> Iterator[date]:
    if not entry.get("years_from", 1) <= year <= entry.get("years_until", 9999):
        return
    day: date | None = None
    if "date" in entry:
        day = entry["date"] if entry["date"].year == year else None
    elif "easter" in entry:
        day = easter(year) + timedelta(entry["easter"])
    elif "day" in entry:
        try:
            day = date(year, entry["month"], entry["day"])
        except ValueError:
            day = None
    else:
        days = [date(year, 1, 1) + timedelta(n) for n in range(366)]
        days = [d for d in days if (d.year, d.month) == (year, entry["month"])]
        days = [d for d in days if DAY_NAMES[d.weekday()] == entry["weekday"]]
        if "before" in entry:
            day = [d for d in days if d.day < entry["before"]][-1]
        else:
            nth = entry["nth"]
            if nth <= len(days):
                day = days[nth if nth < 0 else nth - 1]
    if day is None:
        return
    yield day
    if day.weekday() >= 5 and entry.get("observed"):
        back = entry["observed"] == "nearest_weekday" and day.weekday() == 5
        yield day - timedelta(1) if back else day + timedelta(7 - day.weekday())


def knows(name: str, day: date) -> bool:
    return calendar(name)["known_from"] <= day <= calendar(name)["known_until"]


def is_holiday(name: str, day: date) -> bool:
    return any(day in holidays(name, year) for year in (day.year, day.year + 1))


def is_business_day(name: str, day: date) -> bool:
    if is_holiday(name, day):
        return False
    return day.weekday() < 5 or day in calendar(name).get("makeup_workdays", [])


# One question ------------------------------------------------------------------------------------------------------


class Question:
    """A contact at an instant, with what is known at that moment; a past contact is asked about as of its moment."""

    def __init__(self, facts: Facts, contact: Proposal | PastContact, at: datetime, history: list[Any]) -> None:
        self.facts = facts
        self.contact = contact
        self.at = at
        self.history = history
        self.is_past = isinstance(contact, PastContact)
        self.point = next((p for p in facts.contact_points if p.id == contact.contact_point), None)
        self.by = contact.by or facts.collector.name

    def said(self, name: str) -> Any:
        return getattr(self.contact, name, None)

    @property
    def products(self) -> set[str | None]:
        accounts = {a.id: a.product for a in self.facts.accounts}
        listed = self.contact.accounts or tuple(accounts)
        return {accounts.get(a) for a in listed} or {None}

    @property
    def first_party(self) -> bool | None:
        if self.is_past and self.contact.by != self.facts.collector.name:
            return None
        return self.facts.collector.first_party


def debts(facts: Facts, accounts: Iterable[str]) -> set[str]:
    groups = {a.id: a.group or a.id for a in facts.accounts}
    return {groups.get(a, a) for a in accounts}


def ordered(facts: Facts) -> list[tuple[datetime, int, PastContact]]:
    return sorted(((whole(h.at, True), i, h) for i, h in enumerate(facts.history)), key=lambda x: x[:2])


def kind_of(facts: Facts, point: str | None) -> str | None:
    return next((p.kind.value for p in facts.contact_points if p.id == point), None)


# Zones -------------------------------------------------------------------------------------------------------------


def candidates(facts: Facts, legal: list[str]) -> list[tuple[str, str, str | None, str | None]]:
    debtor = facts.debtor
    found: list[tuple[str, str, str | None, str | None]] = [(z, "stated", None, None) for z in debtor.timezones]
    for place in debtor.places:
        if debtor.location_known and place.basis == "number":
            continue
        if place.timezone:
            found.append((place.timezone, place.basis, place.country, place.region))
        elif place.region or not debtor.timezones:
            found += [(z, place.basis, place.country, place.region) for z in lawful(place.country, place.region)]
    if not (debtor.location_known and found):
        for point in facts.contact_points:
            if point.used_by_debtor is not False:
                found += [(z, "number", point.country, None) for z in point.timezones]
    return found or [(z, "law", None, None) for z in legal]


def lawful(country: str, region: str | None) -> list[str]:
    table = place_table()
    region = {("US", "NYC"): "NY"}.get((country, region or ""), region)
    if region in table.get(country, {}):
        return list(table[country][region])
    if country in table["_legal"]:
        return list(table["_legal"][country])
    return [line.split("\t")[2] for line in zone_tab() if line.startswith(country + "\t")]


@cache
def zone_tab() -> tuple[str, ...]:
    import importlib.resources

    text = importlib.resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if not line.startswith("#"))


@cache
def alike(a: str, b: str) -> bool:
    moments = [datetime(y, m, 15, tzinfo=UTC) for y in (2024, 2026) for m in range(1, 13)]
    return all(m.astimezone(ZoneInfo(a)).utcoffset() == m.astimezone(ZoneInfo(b)).utcoffset() for m in moments)


def zones(facts: Facts, clock: dict[str, Any], legal: list[str]) -> list[str]:
    found = candidates(facts, legal)
    by = clock.get("by", "candidates")
    if by == "legal":
        return [clock["zone"]]
    if by == "presumed":
        better = [c[0] for c in found if c[1] == "stated" or c[1] in clock.get("unless", [])]
        presumed = [c[0] for c in found if c[1] in clock["presume"]]
        return better or presumed or [c[0] for c in found]
    if by == "statutory":
        listed: list[str] = []
        for zone, basis, country, region in found:
            law = lawful(country, region) if country and basis != "number" else []
            listed += [z for z in law if alike(z, zone)] or law or [zone]
        return listed
    return [c[0] for c in found]


# Lengths of time ---------------------------------------------------------------------------------------------------


def days_later(wait: dict[str, Any], first: date, name: str | None) -> date | None:
    if "business_days" in wait:
        left, day = wait["business_days"], first
        while left:
            if name is None or not knows(name, day):
                return None
            left -= is_business_day(name, day)
            day += timedelta(1)
        return day
    if "months" in wait or "years" in wait:
        return add_months(first, wait.get("months", 0) + 12 * wait.get("years", 0))
    return first + timedelta(wait.get("days", 0) + 7 * wait.get("weeks", 0))


def is_over(wait: dict[str, Any], event: datetime, at: datetime, zone: str, name: str | None) -> bool:
    if "hours" in wait:
        return at >= event + timedelta(hours=wait["hours"])
    first = local_day(event, zone) + timedelta(wait.get("first_day", "event") == "next")
    last = days_later(wait, first, name)
    return last is not None and local_day(at, zone) >= last


def still_counts(window: dict[str, Any], event: datetime, at: datetime, zone: str | None, name: str | None) -> bool:
    if "hours" in window:
        return at < event + timedelta(hours=window["hours"])
    if window.get("ever") or zone is None:
        return True
    then, now = local_day(event, zone), local_day(at, zone)
    if "per" not in window:
        wait = {"days": window.get("days", window.get("every"))} if "business_days" not in window else window
        last = days_later(wait, then, name)
        return last is None or now < last
    return now < period_end(then, window)


def period_end(day: date, window: dict[str, Any]) -> date:
    end = day + timedelta(1)
    while not starts_period(end, window):
        end += timedelta(1)
    return end


def starts_period(day: date, window: dict[str, Any]) -> bool:
    per = window["per"]
    if per == "week":
        return day.weekday() == (6 if window.get("week_starts") == "sunday" else 0)
    months = {"month": range(1, 13), "quarter": (1, 4, 7, 10), "year": (1,)}
    return per == "day" or (day.day == 1 and day.month in months[per])


# Selectors ---------------------------------------------------------------------------------------------------------


def event_matches(selector: dict[str, Any], facts: Facts, contact: Any, direction: str, outcome: Any) -> bool | None:
    if "channels" in selector and contact.channel not in names(selector["channels"], CHANNELS):
        return False
    if "direction" in selector and direction != selector["direction"]:
        return False
    if "purposes" in selector and contact.purpose not in names(selector["purposes"]):
        return False
    if "persons" in selector and contact.person not in names(selector["persons"], PERSONS):
        return False
    if "in_reply" in selector and contact.in_reply != selector["in_reply"]:
        return False
    answer: bool | None = True
    if "outcomes" in selector:
        if outcome in (None, "pending"):
            answer = True if outcome is not None and outcome in names(selector["outcomes"]) else None
        elif outcome not in names(selector["outcomes"]):
            return False
    if "points" in selector:
        kind = kind_of(facts, contact.contact_point)
        if kind is None:
            answer = None
        elif kind not in names(selector["points"], POINTS):
            return False
    return answer


def proposal_matches(selector: dict[str, Any], q: Question) -> bool | None:
    answers: list[bool | None] = []
    contact = q.contact
    for key, wanted in selector.items():
        if key == "channels":
            answers.append(contact.channel in names(wanted, CHANNELS))
        elif key == "persons":
            answers.append(contact.person in names(wanted, PERSONS))
        elif key == "purposes":
            answers.append(contact.purpose in names(wanted))
        elif key == "collector_account":
            answers.append(contact.collector_account == wanted)
        elif key == "points":
            answers.append(None if q.point is None else q.point.kind in names(wanted, POINTS))
        elif key == "parties":
            party = {True: "first_party", False: "third_party", None: None}[q.first_party]
            answers.append(party in names(wanted) if party else (None if len(names(wanted)) == 1 else True))
        elif key == "products":
            hit = bool(q.products & names(wanted))
            answers.append(hit or (None if None in q.products else False))
        elif key == "except_products":
            hit = bool(q.products - names(wanted) - {None})
            answers.append(hit or (None if None in q.products else False))
        else:
            found = q.said(key)
            answers.append(None if found is None else found == wanted)
    return conjunction(answers)


def conjunction(answers: Iterable[bool | None]) -> bool | None:
    listed = list(answers)
    return False if False in listed else None if None in listed else True


def disjunction(answers: Iterable[bool | None]) -> bool | None:
    listed = list(answers)
    return True if True in listed else None if None in listed else False


# Conditions --------------------------------------------------------------------------------------------------------


class Oracle:
    """The rules of some packs, asked one instant at a time about one case."""

    def __init__(self, ids: Iterable[str], facts: Facts, chosen: bool = False) -> None:
        self.packs = packs(ids)
        self.facts = facts
        self.chosen = chosen
        clocks = [rule.get("clock", {}) for pack in self.packs for rule in pack["rules"]]
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
        return judge(pack, rule, q) or self.lifted(pack, rule, q)

    def lifted(self, pack: dict[str, Any], rule: dict[str, Any], q: Question) -> bool:
        for lift in rule.get("lifts", []):
            if self.holds(lift["when"], pack, rule, q) is True and self.has_uses(lift, pack, rule, q):
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
        return used < lift["uses"]

    def zones(self, rule: dict[str, Any]) -> list[str]:
        return zones(self.facts, rule.get("clock", {}), self.legal)

    def counts_somewhere(
        self, window: dict[str, Any], when: datetime, pack: dict[str, Any], rule: dict[str, Any], q: Question
    ) -> bool:
        listed = self.zones(rule) or [None]
        return any(still_counts(window, when, q.at, zone, pack.get("calendar")) for zone in listed)

    def is_over_everywhere(
        self, wait: dict[str, Any], when: datetime, pack: dict[str, Any], rule: dict[str, Any], at: datetime
    ) -> bool:
        listed = self.zones(rule)
        if not listed:
            return "hours" in wait and at >= when + timedelta(hours=wait["hours"])
        return all(is_over(wait, when, at, zone, pack.get("calendar")) for zone in listed)

    def is_over_somewhere(
        self, wait: dict[str, Any], when: datetime, pack: dict[str, Any], rule: dict[str, Any], at: datetime
    ) -> bool:
        listed = self.zones(rule)
        if not listed:
            return "hours" not in wait or at >= when + timedelta(hours=wait["hours"])
        return any(is_over(wait, when, at, zone, pack.get("calendar")) for zone in listed)

    def holds(self, condition: dict[str, Any], pack: dict[str, Any], rule: dict[str, Any], q: Question) -> bool | None:
        return conjunction(
            getattr(self, "when_" + key)(value, pack, rule, q) for key, value in condition.items() if value is not None
        )

    def when_any(self, value: Any, *rest: Any) -> bool | None:
        return disjunction(self.holds(each, *rest) for each in value)

    def when_all(self, value: Any, *rest: Any) -> bool | None:
        return conjunction(self.holds(each, *rest) for each in value)

    def when_none(self, value: Any, *rest: Any) -> bool | None:
        found = disjunction(self.holds(each, *rest) for each in value)
        return None if found is None else not found

    def when_proposal(self, value: Any, pack: Any, rule: Any, q: Question) -> bool | None:
        return proposal_matches(value, q)

    def when_reachable(self, value: bool, pack: Any, rule: Any, q: Question) -> bool | None:
        found = self.facts.debtor.reachable
        return None if found is None else found == value

    def when_location_known(self, value: bool, pack: Any, rule: Any, q: Question) -> bool | None:
        found = self.facts.debtor.location_known
        return None if found is None else found == value

    def when_stop(self, value: str, pack: Any, rule: Any, q: Question) -> bool:
        return any(
            stop.kind == value
            and self.concerns(stop, q)
            and whole(stop.at, False) <= q.at
            and (stop.until is None or q.at < whole(stop.until, True))
            for stop in self.facts.debtor.stops
        )

    def concerns(self, stop: Any, q: Question) -> bool:
        mine, its = debts(self.facts, q.contact.accounts), debts(self.facts, stop.accounts)
        return not mine or not its or bool(mine & its)

    def when_consent(self, value: dict[str, Any], pack: Any, rule: Any, q: Question) -> bool:
        return any(self.consent_covers(value, consent, pack, rule, q) for consent in self.facts.debtor.consents)

    def consent_covers(self, value: dict[str, Any], consent: Any, pack: Any, rule: Any, q: Question) -> bool:
        if not self.consent_fits(value, consent, q) or not self.consent_lives(value, consent, pack, rule, q):
            return False
        if not consent.days and consent.hours is None:
            return True
        listed = self.zones(rule)
        return bool(listed) and all(in_weekly(consent.days, consent.hours or (0, 1440), q.at, zone) for zone in listed)

    def consent_fits(self, value: dict[str, Any], consent: Any, q: Question) -> bool:
        if value.get("direct") and not consent.direct:
            return False
        if value.get("in_contact") and consent.during is None:
            return False
        if value.get("hours_stated") and consent.hours is None:
            return False
        return value.get("channels") == "any" or not consent.channels or q.contact.channel in consent.channels

    def consent_lives(self, value: dict[str, Any], consent: Any, pack: Any, rule: Any, q: Question) -> bool:
        start = whole(consent.at, True)
        if q.at < start or (consent.until is not None and q.at >= whole(consent.until, False)):
            return False
        if "lasts" in value and self.is_over_somewhere(value["lasts"], start, pack, rule, q.at):
            return False
        talks = [when for when, _, past in q.history if past.outcome == "conversation" and when > start]
        return not (value.get("until_conversation") and any(when <= q.at for when in talks))

    def when_reply(self, value: dict[str, Any], pack: Any, rule: Any, q: Question) -> bool:
        def medium(channel: str) -> str:
            return "voice" if channel in VOICE else channel

        if not q.contact.in_reply:
            return False
        same = [each for each in q.history if medium(each[2].channel) == medium(q.contact.channel)]
        began = [each for each in same if each[2].direction == "in" and each[0] <= q.at]
        if q.is_past is False:
            began = [each for each in began if each[0] <= q.at]
        if not began:
            return False
        last = began[-1]
        answers = [each for each in same if each[2].direction == "out" and each[:2] > last[:2]]
        if len(answers) >= value.get("times", 1):
            return False
        return "within" not in value or not self.is_over_somewhere(value["within"], last[0], pack, rule, q.at)

    def when_notice(self, value: dict[str, Any], pack: Any, rule: Any, q: Question) -> bool:
        for notice in self.facts.debtor.notices:
            given = whole(notice.at, True)
            if notice.kind != value["notice"] or given > q.at:
                continue
            waited = "wait" not in value or self.is_over_everywhere(value["wait"], given, pack, rule, q.at)
            fresh = "within" not in value or not self.is_over_somewhere(value["within"], given, pack, rule, q.at)
            if waited and fresh:
                return True
        return False

    def due_days(self, q: Question, zone: str) -> list[date] | None:
        by_id = {a.id: a for a in self.facts.accounts}
        found = []
        for name in q.contact.accounts or tuple(by_id):
            account = by_id.get(name)
            if account is not None and account.days_past_due is not None:
                as_of = whole(self.facts.proposal.at, False)
                found.append(local_day(as_of, zone) - timedelta(account.days_past_due))
            elif account is not None and account.due_at is not None:
                found.append(local_day(whole(account.due_at, False), zone))
            else:
                return None
        return found or None

    def when_days_past_due(self, value: dict[str, Any], pack: Any, rule: Any, q: Question) -> bool | None:
        answers: list[bool | None] = []
        for zone in self.zones(rule):
            due = self.due_days(q, zone)
            if due is None:
                return None
            for day in due:
                late = (local_day(q.at, zone) - day).days
                answers.append(value.get("min", late) <= late <= value.get("max", late))
        return conjunction(answers) if answers else None

    def when_debt_age(self, value: dict[str, Any], pack: Any, rule: Any, q: Question) -> bool | None:
        answers: list[bool | None] = []
        for zone in self.zones(rule):
            due = self.due_days(q, zone)
            if due is None:
                return None
            for day in due:
                noon = datetime.combine(day, time(12), ZoneInfo(zone)).astimezone(UTC)
                answers.append(not is_over(value, noon, q.at, zone, pack.get("calendar")))
        return conjunction(answers) if answers else None

    def when_point(self, value: dict[str, Any], pack: Any, rule: Any, q: Question) -> bool | None:
        answers: list[bool | None] = []
        point = q.point
        if "used_by_debtor" in value:
            used = None if point is None else point.used_by_debtor
            answers.append(None if used is None else used == value["used_by_debtor"])
        if "checked_within" in value:
            checked = None if point is None else point.reassigned_check_at
            if checked is None:
                answers.append(None)
            else:
                when = whole(checked, True)
                over = self.is_over_somewhere(value["checked_within"], when, pack, rule, q.at)
                answers.append(when <= q.at and not over)
        if "is_only_one" in value:
            dialled = {"mobile", "landline", "work"}
            if point is None:
                answers.append(None)
            else:
                alike_kinds = dialled if point.kind in dialled else {point.kind}
                others = [p for p in self.facts.contact_points if p.kind in alike_kinds]
                answers.append((len(others) == 1) == value["is_only_one"])
        return conjunction(answers)

    def when_unreached(self, value: dict[str, Any], pack: Any, rule: Any, q: Question) -> bool:
        if self.facts.debtor.reachable:
            return False
        channels = names(value["channels"], CHANNELS) if "channels" in value else CHANNELS["any"]
        failed = []
        for when, _, past in reversed(q.history):
            if past.person != "debtor":
                continue
            if past.direction == "in":
                break
            if past.channel not in channels:
                continue
            if past.outcome not in ("no_answer", "busy", "not_in_service", "dropped", "failed"):
                break
            failed.append(when)
        days = [len({local_day(when, zone) for when in failed}) for zone in self.zones(rule)]
        return len(failed) >= value["attempts"] and min(days, default=0) >= value.get("on_days", 1)

    def when_happened(self, value: dict[str, Any], pack: Any, rule: Any, q: Question) -> bool:
        for when, _, past in q.history:
            if (
                when > q.at
                or event_matches(value["events"], self.facts, past, past.direction, past.outcome) is not True
            ):
                continue
            if "within" not in value or not self.is_over_somewhere(value["within"], when, pack, rule, q.at):
                return True
        return False

    # Rules -----------------------------------------------------------------------------------------------------

    def judge_hours(self, pack: dict[str, Any], rule: dict[str, Any], q: Question) -> bool:
        debtor = self.facts.debtor
        narrows = set(rule.get("narrowed_by", []))
        limits = [
            debtor.agreed_hours if "agreement" in narrows else None,
            debtor.requested_hours if "request" in narrows else None,
        ]
        bare = all(spans == ["00:00-24:00"] for spans in self.week_of(rule["open"]).values())
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
            if consent.hours is None or not self.consent_fits(wanted, consent, asked):
                continue
            if not self.consent_lives(wanted, consent, pack, rule, asked):
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
        local = at.astimezone(ZoneInfo(zone))
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
            return rule["at_most"]
        return min(agreed) if rule.get("agreement") else min([rule["at_most"], *agreed])

    def keys(self, rule: dict[str, Any], q: Question) -> list[str | None]:
        if "debt" in rule["by"]:
            return sorted(debts(self.facts, q.contact.accounts)) or [None]
        if "account" in rule["by"]:
            return sorted(q.contact.accounts) or [None]
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
        return self.holds(each["when"], pack, rule, Question(self.facts, past, when, before)) is True

    def excluded_itself(self, each: dict[str, Any], pack: Any, rule: Any, q: Question) -> bool:
        if "events" in each:
            selector = each["events"]
            if "outcomes" in selector or selector.get("direction") == "in":
                return False
            return event_matches(selector, self.facts, q.contact, "out", None) is True
        return self.holds(each["when"], pack, rule, q) is True

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
            found = self.holds(rule["requires"], pack, rule, q)
            return found is True or (found is None and rule.get("unknown") == "passes")
        return False

    def stops(self, stop: Any, pack: dict[str, Any], rule: dict[str, Any], q: Question) -> bool:
        gate = rule["stop"]
        if stop.kind != gate["kind"] or ("form" in gate and stop.form != gate["form"]):
            return False
        if gate.get("per", "debt") == "debt" and not self.concerns(stop, q):
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


def in_weekly(days: Iterable[str], hours: tuple[int, int], at: datetime, zone: str) -> bool:
    """Whether an instant lies in a weekly span of local minutes; one over midnight belongs to the day it starts on."""
    local = at.astimezone(ZoneInfo(zone))
    start, end = hours[0] * 60, hours[1] * 60
    second = local.hour * 3600 + local.minute * 60 + local.second
    today, yesterday = DAY_NAMES[local.weekday()], DAY_NAMES[local.weekday() - 1]
    wanted = set(days) or set(DAY_NAMES)
    if start < end:
        return today in wanted and start <= second < end
    return (today in wanted and second >= start) or (yesterday in wanted and second < end)


def minutes(text: str) -> int:
    hour, minute = text.strip().split(":")
    return int(hour) * 60 + int(minute)


# Scanning ----------------------------------------------------------------------------------------------------------


def instants(facts: Facts, start: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    """Every step of a grid, and every instant that the facts name and some hours after it, in no order."""
    at = whole(start, False).replace(minute=0, second=0) + timedelta(hours=1)
    while at < end:
        yield at
        at += step
    named = [past.at for past in facts.history] + [stop.at for stop in facts.debtor.stops]
    named += [stop.until for stop in facts.debtor.stops if stop.until]
    named += [stop.answered_at for stop in facts.debtor.stops if stop.answered_at]
    named += [consent.at for consent in facts.debtor.consents]
    named += [consent.until for consent in facts.debtor.consents if consent.until]
    for each in named:
        for hours in (0, 24, 48, 168, 720):
            at = whole(each, True) + timedelta(hours=hours)
            for moment in (at - SECOND, at):
                if start < moment < end:
                    yield moment
