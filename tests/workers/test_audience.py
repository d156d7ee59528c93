"""Whom an audience takes: the database's answer against the same question asked of one account at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection

from campaigns.audience import Audience
from config.settings import Settings
from domain.identity import new_id
from storage import campaigns as rows
from tests.workers.world import START, World, world
from workers.campaigns import criteria_of

TRIES = 60
EACH = frozenset({"credit_card", "consumer_instalment", "car_loan", "home_loan", "business_loan"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account with what an audience asks of it and of its debtor."""

    account_id: object
    product: str | None
    days_past_due: int | None
    currency: str
    owed: int
    tags: frozenset[str]
    kind: str
    language: str
    flags: frozenset[str]


def takes(audience: Audience, one: Candidate) -> bool:
    """The question, bound by bound."""
    return all(
        (
            one.product in audience.products,
            one.days_past_due is not None
            and audience.days_past_due_from <= one.days_past_due <= audience.days_past_due_to,
            audience.currency in (None, one.currency),
            one.owed > 0,
            audience.balance_from is None or one.owed >= audience.balance_from,
            audience.balance_to is None or one.owed <= audience.balance_to,
            not audience.kinds or one.kind in audience.kinds,
            not audience.languages or one.language in audience.languages,
            audience.flags_all <= one.flags,
            not audience.flags_none & one.flags,
            audience.tags_all <= one.tags,
            not audience.tags_none & one.tags,
        )
    )


@pytest.fixture
def wide(own_settings: Settings, tmp_path: Path) -> Iterator[World]:
    """People and companies of several countries."""
    with world(own_settings, tmp_path, accounts=400, countries=("CN", "US", "GB")) as made:
        yield made


def candidates(connection: Connection) -> list[Candidate]:
    """All open accounts."""
    found = connection.exec_driver_sql(
        """SELECT a.account_id, a.product, a.days_past_due, a.currency, a.principal + a.interest + a.penalty + a.fees,
                  a.tags, d.kind, d.language, d.flags
           FROM accounts a JOIN debtors d USING (debtor_id) WHERE a.state = 'open'"""
    )
    return [Candidate(*row[:5], frozenset(row[5]), *row[6:8], frozenset(row[8])) for row in found.all()]


def enrolled(connection: Connection, one: World, audience: Audience, number: int) -> set[Any]:
    """The accounts that a campaign for this audience gets."""
    campaign_id = new_id(START, number.to_bytes(10))
    rows.create_version(connection, one.creditor_id, campaign_id, f"audience-{number}", "", b"", START)
    rows.enrol(connection, one.creditor_id, campaign_id, criteria_of(audience), {"first": "early"}, START)
    found = connection.exec_driver_sql(
        "SELECT account_id FROM enrolments WHERE campaign_id = %(id)s", {"id": campaign_id}
    )
    return {row[0] for row in found}


def drawn(random: Random, known: list[Candidate]) -> Audience:
    """An audience with some bounds, of values that occur, so that accounts lie on them."""
    days = sorted(random.choice(known).days_past_due or 0 for _ in range(2))
    owed = sorted(random.choice(known).owed for _ in range(2))
    model = random.choice(known)

    def some(values: frozenset[str], share: float = 0.4) -> frozenset[str]:
        return frozenset(value for value in values if random.random() < share)

    return Audience(
        products=frozenset(random.sample(sorted(EACH), random.randint(1, 5))),
        days_past_due_from=days[0],
        days_past_due_to=days[1],
        currency=random.choice([None, model.currency]),
        balance_from=random.choice([None, owed[0]]),
        balance_to=random.choice([None, owed[1]]),
        kinds=random.choice([frozenset(), frozenset({model.kind})]),
        languages=random.choice([frozenset(), frozenset({model.language, "en"})]),
        flags_all=some(model.flags),
        flags_none=some(random.choice(known).flags),
        tags_all=some(model.tags, 0.2),
        tags_none=some(random.choice(known).tags),
    )


def test_the_database_takes_whom_the_bounds_take(wide: World) -> None:
    random, sizes = Random(7), []
    with wide.shop.db.tenant(wide.creditor_id) as connection:
        known = candidates(connection)
        for number in range(TRIES):
            audience = drawn(random, known)
            expected = {one.account_id for one in known if takes(audience, one)}
            assert enrolled(connection, wide, audience, number) == expected, audience
            sizes.append(len(expected))
    assert sum(map(bool, sizes)) > TRIES / 3, "hardly anybody fits, so hardly anything was tried"


def test_what_is_left_out_asks_for_nothing(wide: World) -> None:
    free = Audience(EACH, 0, 5_000)
    with wide.shop.db.tenant(wide.creditor_id) as connection:
        known = candidates(connection)
        assert enrolled(connection, wide, free, 0) == {one.account_id for one in known if takes(free, one)}
        assert len(known) > 300
