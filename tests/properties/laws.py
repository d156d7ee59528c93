"""Small laws made for a test: each is a file that the engine loads, and a document that the oracle reads by itself."""

import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from audit.oracle import Oracle
from domain.decision import Decision, Verdict
from domain.facts import ContactChannel, DebtorFacts, Facts, PastContact, Proposal
from throttling.calendars import load_calendars
from throttling.compose import Ruleset, compile_rules
from throttling.decide import Prepared, decide, prepare
from throttling.packs import CALENDARS, WISHES, Library, load_pack, load_packs

SHIPPED = load_packs()
OWN = load_calendars(CALENDARS)
SECOND = timedelta(seconds=1)
ZONE = "America/New_York"


@dataclass(frozen=True)
class Law:
    """The test's own packs beside the debtor's wishes, for both who judge."""

    ruleset: Ruleset
    documents: tuple[dict[str, Any], ...]

    def answer(self, case: Facts) -> Decision:
        """The engine's decision, which the oracle must confirm: at the instant itself, and on both sides of T."""
        decision = decide(self.ruleset, replace(case, packs=self.ruleset.ids))
        oracle = Oracle((), case, self.documents)
        assert oracle.permits(case.proposal.at) is decision.is_allowed, oracle.refusing(case.proposal.at)
        if decision.until is not None:
            assert oracle.permits(decision.until), oracle.refusing(decision.until)
            assert not oracle.permits(decision.until.astimezone(UTC) - SECOND)
        return decision

    def opens(self, case: Facts) -> datetime | None:
        """When the contact may be made; None where time alone does not bring it."""
        decision = self.answer(case)
        return case.proposal.at if decision.is_allowed else decision.until

    def verdict(self, case: Facts) -> Verdict:
        """Allowed, deferred or refused."""
        return self.answer(case).verdict


def made_ready(ruleset: Ruleset, case: Facts) -> Prepared:
    """The debtor of a case, ready to be asked about; the packs are not chosen by the facts."""
    parts = case.debtor, case.contact_points, case.accounts, case.history, case.collector
    return prepare(ruleset, *parts, as_of=case.proposal.at, is_chosen=False)


def later(proposal: Proposal, wait: timedelta) -> Proposal:
    """The same contact after a while, as long under way."""
    expected = None if proposal.expected_delivery is None else proposal.expected_delivery + wait
    return proposal._replace(at=proposal.at + wait, expected_delivery=expected)


def law(folder: Path, *rules: dict[str, Any], others: Iterable[dict[str, Any]] = (), **head: Any) -> Law:
    """One pack of these rules, and other whole packs beside it."""
    documents = (pack(*rules, **head), *others)
    filed = []
    for index, document in enumerate(documents):
        path = folder / f"law-{index}.yaml"
        text = io.StringIO()
        YAML(typ="safe", pure=True).dump(document, text)
        path.write_text(text.getvalue(), encoding="utf-8")
        filed.append(load_pack(path, OWN))
    wishes = SHIPPED.versions([WISHES])
    library = Library((*filed, *wishes), OWN)
    return Law(compile_rules(library, library.ids), documents)


def pack(*rules: dict[str, Any], **head: Any) -> dict[str, Any]:
    """A pack as a document; `head` replaces what is said of it."""
    return {
        "id": "test-law",
        "title": "A law for a test",
        "country": None,
        "version": "1",
        "effective_from": date(2020, 1, 1),
        "effective_until": None,
        "zone": ZONE,
        "strength": "law",
        "language": "en",
        "caveat": "Made for a test.",
        "sources": [{"title": "none", "seen": "nothing"}],
        **head,
        "rules": list(rules),
    }


def rule(kind: str, name: str = "rule", **said: Any) -> dict[str, Any]:
    """A rule of that kind."""
    return {"id": name, "kind": kind, "cite": "s. 1", "meaning": {"en": "A rule."}, "certainty": "primary", **said}


def cap(at_most: int, within: dict[str, Any], *by: str, **said: Any) -> dict[str, Any]:
    """A cap on calls, kept for each person unless said otherwise."""
    counts = said.pop("counts", {"channels": "call", "direction": "out"})
    return rule("cap", at_most=at_most, within=within, by=list(by or ("person",)), counts=counts, **said)


def lift(when: dict[str, Any], **said: Any) -> dict[str, Any]:
    """An exception."""
    return {"id": "exception", "cite": "s. 2", "meaning": {"en": "An exception."}, "when": when, **said}


def at(text: str) -> datetime:
    """An instant."""
    return datetime.fromisoformat(text)


def case(when: str, *history: PastContact, **said: Any) -> Facts:
    """A call about account A to a debtor in New York; `said` replaces parts of the proposal and of the facts."""
    parts = {name: said.pop(name) for name in ("contact_points", "accounts_on_file", "collector") if name in said}
    debtor = said.pop("debtor", {})
    asked = {"channel": ContactChannel.CALL, "accounts": ("A",), "contact_point": "n1", **said}
    return Facts(
        Proposal(at(when), **asked),
        debtor=DebtorFacts(**{"timezones": (ZONE,), **debtor}),
        history=history,
        **{("accounts" if name == "accounts_on_file" else name): value for name, value in parts.items()},
    )


def past(when: str, **said: Any) -> PastContact:
    """A past call about account A."""
    return PastContact(at(when), **{"channel": ContactChannel.CALL, "accounts": ("A",), "contact_point": "n1", **said})
