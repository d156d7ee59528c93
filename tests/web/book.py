"""A creditor's book as it looks in the middle of a campaign: the rows that the screens are tested and looked at with.

Everything goes in through the storage layer, as the engine would write it, and follows from a seed. Names and numbers
are made up; numbers are from ranges reserved for fiction.
"""

import datetime as dt
import json
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, null, update

from domain.identity import new_id
from storage import tables
from storage.creditors import ensure_creditor
from storage.crypto import KeyRing, blind, seal
from storage.ledger import Entry, append
from storage.rollups import count
from storage.session import Database
from storage.vault import Vault
from tests.web.entries import DISPUTE, HOURS, WEEK

NAMES = ("陈静", "王小明", "Li Wei", "Chan Tai Man", "赵敏", "Sofia Marin", "周强", "Ho Mei Ling")
STEPS = (("early", "day-3", "sms"), ("early", "day-7", "voice"), ("early", "day-10", "email"), ("mid", "day-20", "sms"))
ENDS = (("delivered", 86), ("undelivered", 3), ("accepted", 5), ("rejected", 1), ("expired", 2), ("in_doubt", 1))


@dataclass(frozen=True, slots=True)
class Book:
    """What was written: the creditor, its campaign and its debtors, the richest story first."""

    code: str
    creditor_id: UUID
    campaign_id: UUID
    debtors: tuple[UUID, ...]


@dataclass(slots=True)
class Pen:
    """Writes within one transaction."""

    connection: Connection
    creditor_id: UUID
    campaign_id: UUID
    vault: Vault
    ring: KeyRing
    chance: random.Random
    now: dt.datetime
    deltas: Counter[tuple[dt.datetime, str, str]]

    def id(self, at: dt.datetime) -> UUID:
        """An id of that instant."""
        return new_id(at, self.chance.randbytes(10))


def write_book(
    db: Database,
    ring: KeyRing,
    now: dt.datetime,
    *,
    code: str = "harbour",
    name: str = "Harbour Bank, cards",
    debtors: int = 60,
    seed: int = 7,
) -> Book:
    """Write a creditor with a running campaign, its debtors at all points of it, and its counts."""
    chance = random.Random(seed)
    profile = {
        "name": name,
        "country": "CN",
        "timezone": "Asia/Shanghai",
        "first_party": True,
        "pay_url": "https://pay.example.com/",
        "sender": {
            "creditor_name": {"en": "Harbour Bank", "zh-Hans": "港湾银行"},
            "neutral_name": {"en": "Harbour customer centre", "zh-Hans": "港湾客户中心"},
            "callback_number": "+44 7700 900123",
            "office_hours": "Monday to Friday, 9:00 to 18:00",
        },
    }
    creditor_id = ensure_creditor(db, code, profile, now, chance.randbytes(10))
    campaign_id = new_id(now, chance.randbytes(10))
    with db.tenant(creditor_id) as connection:
        pen = Pen(connection, creditor_id, campaign_id, Vault(ring, 1000), ring, chance, now, Counter())
        _campaign(pen)
        made = tuple(_debtor(pen, number) for number in range(debtors))
        deltas = [(campaign_id, hour, measure, key, n) for (hour, measure, key), n in sorted(pen.deltas.items())]
        count(connection, creditor_id, deltas)
    return Book(code, creditor_id, campaign_id, made)


def _campaign(pen: Pen) -> None:
    _add(
        pen,
        tables.Campaign,
        campaign_id=pen.campaign_id,
        name="card-early",
        version=3,
        digest=b"d",
        source="name: card-early",
        state="running",
        launched_at=pen.now - dt.timedelta(days=30),
    )


def _debtor(pen: Pen, number: int) -> UUID:
    began = (
        pen.now
        - dt.timedelta(days=29, hours=14)
        + dt.timedelta(minutes=pen.chance.randrange(21 * 1440) if number else 0)
    )
    debtor_id, account_id, point_id = pen.id(began), pen.id(began), pen.id(began)
    key, ring_key, wrapped = pen.vault.new_key(debtor_id)
    name = NAMES[number % len(NAMES)]
    _add(
        pen,
        tables.Debtor,
        debtor_id=debtor_id,
        reference=f"HB-{204800 + number}",
        kind="person",
        language="zh-Hans" if ord(name[0]) > 0x3000 else "en",
        name_cipher=seal(key, "debtors.name_cipher", debtor_id, name.encode()),
        facts={"timezones": ["Asia/Shanghai"]},
        created_at=began,
    )
    _add(pen, tables.DebtorKey, debtor_id=debtor_id, ring_key=ring_key, wrapped=wrapped)
    number_of = f"+44770090{number % 1000:04d}"
    _add(
        pen,
        tables.ContactPoint,
        point_id=point_id,
        debtor_id=debtor_id,
        kind="mobile",
        value_cipher=seal(key, "contact_points.value_cipher", point_id, number_of.encode()),
        blind=blind(pen.ring, pen.creditor_id, number_of),
        country="CN",
        timezones=["Asia/Shanghai"],
        source="creditor_file",
        collected_at=began,
    )
    _add(
        pen,
        tables.Account,
        account_id=account_id,
        debtor_id=debtor_id,
        reference=f"6225-{7000 + number}",
        product="credit_card",
        currency="CNY",
        principal=pen.chance.randrange(100_000, 3_000_000),
        interest=8640,
        penalty=6175,
        fees=0,
        penalty_daily="0.0005",
        as_of=pen.now.date(),
        days_past_due=28,
        updated_at=pen.now,
    )
    enrolment_id = pen.id(began)
    waiting, due_at = _waiting(pen, number)
    _add(pen, tables.Lane, debtor_id=debtor_id, due_at=due_at, waiting=waiting or null())
    _add(
        pen,
        tables.Enrolment,
        enrolment_id=enrolment_id,
        campaign_id=pen.campaign_id,
        debtor_id=debtor_id,
        account_id=account_id,
        stage="mid",
        step="day-20",
        entered_at=began,
    )
    text = str(account_id)
    entries = [
        Entry(
            debtor_id,
            "debtor_imported",
            began,
            {"debtor": {}, "contact_points": [{}], "accounts": [{}], "collector": {}},
        ),
        Entry(
            debtor_id,
            "enrolled",
            began,
            {"campaign": str(pen.campaign_id), "enrolment": str(enrolment_id), "account": text, "reason": None},
        ),
    ]
    for place, (stage, step, channel) in enumerate(STEPS):
        at = (began + dt.timedelta(days=1 + place * 7)).replace(hour=pen.chance.randrange(14))
        if at < pen.now - dt.timedelta(minutes=5):
            entries += _attempt(pen, debtor_id, enrolment_id, account_id, point_id, stage, step, channel, at)
    if number % 9 == 0:
        entries.append(
            Entry(
                debtor_id,
                "inbound",
                pen.now - dt.timedelta(hours=30),
                {"intent": "dispute", "channel": "sms", "attempt": None},
            )
        )
    if waiting:
        entries.append(
            Entry(
                debtor_id, waiting["held"][0]["verdict"], pen.now - dt.timedelta(minutes=40), dict(waiting["held"][0])
            )
        )
    append(pen.connection, pen.creditor_id, sorted(entries, key=lambda entry: entry.at))
    if number % 9 == 0:
        at = pen.now - dt.timedelta(hours=30)
        _add(
            pen,
            tables.Suppression,
            suppression_id=pen.id(at),
            debtor_id=debtor_id,
            kind="dispute",
            source="sms reply",
            at=at,
        )
    return debtor_id


def _waiting(pen: Pen, number: int) -> tuple[dict[str, Any] | None, dt.datetime | None]:
    """What holds the debtor, and when it is looked at next."""
    if number % 9 == 0:
        rules, verdict, until = [DISPUTE], "refused", None
        due = pen.now + dt.timedelta(hours=10)
    elif number % 3 == 1:
        until = due = pen.now + dt.timedelta(hours=9, minutes=20)
        rules, verdict = [{**HOURS, "until": until.isoformat()}], "deferred"
    elif number % 3 == 2:
        until = due = pen.now + dt.timedelta(hours=pen.chance.randrange(1, 60))
        rules, verdict = [{**WEEK, "until": until.isoformat()}], "deferred"
    else:
        return None, pen.now + dt.timedelta(minutes=pen.chance.randrange(-20, 900))
    for rule in rules:
        hour = pen.now.replace(minute=0, second=0, microsecond=0)
        pen.deltas[hour, verdict, f"{rule['pack']}/{rule['rule']}"] += pen.chance.randrange(1, 5)
    held = {
        "campaign": str(pen.campaign_id),
        "step": "day-20",
        "channel": "sms",
        "verdict": verdict,
        "until": until.isoformat() if until else None,
        "rules": rules,
    }
    return json.loads(json.dumps({"held": [held]})), due


def _attempt(
    pen: Pen,
    debtor_id: UUID,
    enrolment_id: UUID,
    account_id: UUID,
    point_id: UUID,
    stage: str,
    step: str,
    channel: str,
    at: dt.datetime,
) -> list[Entry]:
    """One attempt with its ledger entries and counts; the newest may still be under way."""
    attempt_id = pen.id(at)
    end = pen.chance.choices([end for end, _ in ENDS], [weight for _, weight in ENDS])[0]
    if pen.now - at < dt.timedelta(hours=3) and pen.chance.random() < 0.6:
        end = "reserved"
    course = {
        "reserved": ["reserved"],
        "expired": ["reserved", "expired"],
        "rejected": ["reserved", "sending", "rejected"],
        "in_doubt": ["reserved", "sending", "in_doubt"],
        "accepted": ["reserved", "sending", "accepted"],
    }.get(end, ["reserved", "sending", "accepted", end])
    said: dict[str, Any] = {"outcome": None, "failure": None, "code": None, "provider": "sandbox"}
    if end == "undelivered":
        said |= {"failure": "unreachable", "code": "30003"}
    elif end == "rejected":
        said |= {"failure": "invalid_point", "code": "21211"}
    elif end == "delivered":
        said["outcome"] = "conversation" if channel == "voice" else "delivered"
    times = [at + dt.timedelta(seconds=20 * place) for place in range(len(course))]
    closes = at + dt.timedelta(hours=3)
    _add(
        pen,
        tables.Attempt,
        attempt_id=attempt_id,
        debtor_id=debtor_id,
        campaign_id=pen.campaign_id,
        enrolment_id=enrolment_id,
        enrolments=[enrolment_id],
        accounts=[account_id],
        point_id=point_id,
        channel=channel,
        stage=stage,
        step=step,
        rank=0,
        template="card-reminder",
        language="zh-Hans",
        state="reserved",
        reserved_at=at,
        closes_at=closes,
        segments=2 if channel == "sms" else None,
    )
    for state, when in list(zip(course, times, strict=True))[1:]:
        _move(pen, attempt_id, state, when, said)
    entries = []
    for state, when in zip(course, times, strict=True):
        body: dict[str, Any] = {"attempt": str(attempt_id)}
        if state == "reserved":
            allows = {**HOURS, "effect": "allows", "why": "Permitted until 22:00 in Asia/Shanghai."}
            body |= {
                "campaign": str(pen.campaign_id),
                "step": step,
                "stage": stage,
                "channel": channel,
                "contact_point": str(point_id),
                "accounts": [str(account_id)],
                "closes_at": closes.isoformat(),
                "packs": [{"id": "cn-consumer-credit", "version": "2026-01-30", "digest": "0" * 64}],
                "rules": [allows],
            }
        elif state == "sending":
            body |= {"content_sha256": "0" * 64, "provider": "sandbox"}
        else:
            body |= said
        entries.append(Entry(debtor_id, state, when, body))
        if state == "accepted":
            pen.deltas[when.replace(minute=0, second=0, microsecond=0), "cost", channel] += 94_000
    return entries


def _move(pen: Pen, attempt_id: UUID, state: str, when: dt.datetime, said: dict[str, Any]) -> None:
    """The next state of an attempt; the database counts it."""
    moved = tables.Attempt.attempt_id == attempt_id
    values: dict[str, Any] = {"state": state}
    if state == "sending":
        values |= {"sending_at": when, "provider": "sandbox"}
    elif state == "accepted":
        values |= {"accepted_at": when, "cost": 94_000}
    elif state != "in_doubt":
        values |= {"settled_at": when, **{key: said[key] for key in ("outcome", "failure", "code")}}
    pen.connection.execute(update(tables.Attempt).where(moved).values(values))


def _add(pen: Pen, table: type[tables.Base], **values: object) -> None:
    pen.connection.execute(insert(table).values(creditor_id=pen.creditor_id, **values))
