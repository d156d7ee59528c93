"""Conditions of rules, exceptions and exclusions: each asked by itself, of one contact at one instant."""

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from audit.days import local_day
from audit.matching import conjunction, disjunction, event_matches, proposal_matches
from audit.question import Question, debts
from audit.rulebook import CHANNELS, VOICE, names, time_zone, whole
from audit.weekly import in_weekly
from audit.windows import is_over

if TYPE_CHECKING:
    from audit.oracle import Oracle


class Conditions:
    """Answers conditions for one oracle: True, False, or None where a fact that it needs is not known."""

    def __init__(self, oracle: "Oracle") -> None:
        self.oracle = oracle

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
        found = self.oracle.facts.debtor.reachable
        return None if found is None else found == value

    def when_location_known(self, value: bool, pack: Any, rule: Any, q: Question) -> bool | None:
        found = self.oracle.facts.debtor.location_known
        return None if found is None else found == value

    def when_stop(self, value: str, pack: Any, rule: Any, q: Question) -> bool:
        return any(
            stop.kind == value
            and self.concerns(stop, q)
            and whole(stop.at, False) <= q.at
            and (stop.until is None or q.at < whole(stop.until, True))
            for stop in self.oracle.facts.debtor.stops
        )

    def concerns(self, stop: Any, q: Question) -> bool:
        mine, its = debts(self.oracle.facts, q.contact.accounts), debts(self.oracle.facts, stop.accounts)
        return not mine or not its or bool(mine & its)

    def when_consent(self, value: dict[str, Any], pack: Any, rule: Any, q: Question) -> bool:
        return any(self.consent_covers(value, consent, pack, rule, q) for consent in self.oracle.facts.debtor.consents)

    def consent_covers(self, value: dict[str, Any], consent: Any, pack: Any, rule: Any, q: Question) -> bool:
        if not self.consent_fits(value, consent, q) or not self.consent_lives(value, consent, pack, rule, q):
            return False
        if not consent.days and consent.hours is None:
            return True
        listed = self.oracle.zones(rule)
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
        if "lasts" in value and self.oracle.is_over_somewhere(value["lasts"], start, pack, rule, q.at):
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
        return "within" not in value or not self.oracle.is_over_somewhere(value["within"], last[0], pack, rule, q.at)

    def when_notice(self, value: dict[str, Any], pack: Any, rule: Any, q: Question) -> bool:
        for notice in self.oracle.facts.debtor.notices:
            given = whole(notice.at, True)
            if notice.kind != value["notice"] or given > q.at:
                continue
            waited = "wait" not in value or self.oracle.is_over_everywhere(value["wait"], given, pack, rule, q.at)
            fresh = "within" not in value or not self.oracle.is_over_somewhere(value["within"], given, pack, rule, q.at)
            if waited and fresh:
                return True
        return False

    def due_days(self, q: Question, zone: str) -> list[date] | None:
        by_id = {a.id: a for a in self.oracle.facts.accounts}
        found = []
        for name in q.contact.accounts or tuple(by_id):
            account = by_id.get(name)
            if account is not None and account.days_past_due is not None:
                as_of = whole(self.oracle.facts.proposal.at, False)
                found.append(local_day(as_of, zone) - timedelta(account.days_past_due))
            elif account is not None and account.due_at is not None:
                found.append(local_day(whole(account.due_at, False), zone))
            else:
                return None
        return found or None

    def when_days_past_due(self, value: dict[str, Any], pack: Any, rule: Any, q: Question) -> bool | None:
        answers: list[bool | None] = []
        for zone in self.oracle.zones(rule):
            due = self.due_days(q, zone)
            if due is None:
                return None
            for day in due:
                late = (local_day(q.at, zone) - day).days
                answers.append(value.get("min", late) <= late <= value.get("max", late))
        return conjunction(answers) if answers else None

    def when_debt_age(self, value: dict[str, Any], pack: Any, rule: Any, q: Question) -> bool | None:
        answers: list[bool | None] = []
        for zone in self.oracle.zones(rule):
            due = self.due_days(q, zone)
            if due is None:
                return None
            for day in due:
                noon = datetime.combine(day, time(12), time_zone(zone)).astimezone(UTC)
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
                over = self.oracle.is_over_somewhere(value["checked_within"], when, pack, rule, q.at)
                answers.append(when <= q.at and not over)
        if "is_only_one" in value:
            dialled = {"mobile", "landline", "work"}
            if point is None:
                answers.append(None)
            else:
                alike_kinds = dialled if point.kind in dialled else {point.kind}
                others = [p for p in self.oracle.facts.contact_points if p.kind in alike_kinds]
                answers.append((len(others) == 1) == value["is_only_one"])
        return conjunction(answers)

    def when_unreached(self, value: dict[str, Any], pack: Any, rule: Any, q: Question) -> bool:
        if self.oracle.facts.debtor.reachable:
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
        days = [len({local_day(when, zone) for when in failed}) for zone in self.oracle.zones(rule)]
        return bool(len(failed) >= value["attempts"] and min(days, default=0) >= value.get("on_days", 1))

    def when_happened(self, value: dict[str, Any], pack: Any, rule: Any, q: Question) -> bool:
        for when, _, past in q.history:
            if (
                when > q.at
                or event_matches(value["events"], self.oracle.facts, past, past.direction, past.outcome) is not True
            ):
                continue
            if "within" not in value or not self.oracle.is_over_somewhere(value["within"], when, pack, rule, q.at):
                return True
        return False
