"""Cases for the property tests: facts of every kind that the rules heed, near the edges where engines go wrong."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from domain.facts import (
    AccountFacts,
    Collector,
    Consent,
    ContactChannel,
    DebtorFacts,
    Direction,
    Facts,
    InconvenientTime,
    Notice,
    Outcome,
    PastContact,
    Person,
    Place,
    PointFacts,
    PointKind,
    Proposal,
    Purpose,
    Stop,
    StopKind,
)

ZONES = (
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "America/St_Johns",
    "Europe/London",
    "Asia/Shanghai",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
)
PLACES = (
    Place("US", "MA", "02108", "America/New_York"),
    Place("US", "AL", None, "America/New_York"),
    Place("US", "FL", None, None, "believed"),
    Place("US", "TX", None, "America/Chicago", "number"),
    Place("CN", "SH", None, "Asia/Shanghai"),
    Place("GB", None, None, "Europe/London", "declared"),
    Place("AU", "NSW"),
)
EDGES = tuple(
    datetime.fromisoformat(text)
    for text in (
        "2026-03-08T02:00:00-05:00",
        "2026-11-01T01:30:00-04:00",
        "2026-10-25T01:00:00+01:00",
        "2026-04-04T14:45:00+00:00",
        "2026-12-31T23:30:00+08:00",
        "2028-02-29T12:00:00+00:00",
        "2026-01-29T22:00:00+08:00",
        "2026-08-31T23:59:59-04:00",
        "2026-06-10T07:30:00-04:00",
        "2025-02-27T23:30:00+08:00",
    )
)
ACCOUNTS = ("A", "B", "C")
POINTS = ("n1", "n2", "w1", "e1")

times_near = st.builds(
    lambda edge, seconds: edge.astimezone(UTC) + timedelta(seconds=seconds),
    st.sampled_from(EDGES),
    st.one_of(st.integers(-5, 5), st.integers(-3 * 86400, 3 * 86400), st.integers(-50, 50).map(lambda n: n * 1800)),
)
hours = (
    st.tuples(st.integers(0, 47), st.integers(1, 48))
    .filter(lambda pair: pair[0] != pair[1])
    .map(lambda pair: (pair[0] * 30, pair[1] * 30))
)
days = st.lists(st.sampled_from(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]), max_size=3, unique=True).map(tuple)
maybe = st.one_of(st.none(), st.booleans())
some_accounts = st.lists(st.sampled_from(ACCOUNTS), max_size=2, unique=True).map(tuple)


@st.composite
def histories(draw: st.DrawFn, at: datetime, most: int = 8) -> tuple[PastContact, ...]:
    return tuple(draw(st.lists(past_contacts(at), max_size=most)))


@st.composite
def past_contacts(draw: st.DrawFn, at: datetime) -> PastContact:
    back = draw(st.one_of(st.integers(0, 40 * 86400), st.integers(0, 300).map(lambda n: n * 1800)))
    return PastContact(
        at=at - timedelta(seconds=back),
        channel=draw(st.sampled_from([*ContactChannel, ContactChannel.CALL, ContactChannel.SMS])),
        direction=draw(st.sampled_from([Direction.OUT, Direction.OUT, Direction.OUT, Direction.IN])),
        outcome=draw(st.one_of(st.none(), st.sampled_from(Outcome))),
        accounts=draw(some_accounts),
        contact_point=draw(st.one_of(st.none(), st.sampled_from(POINTS))),
        person=draw(st.sampled_from([Person.DEBTOR, Person.DEBTOR, Person.DEBTOR, Person.NEIGHBOUR, Person.SPOUSE])),
        by=draw(st.sampled_from([None, "agency_1", "agency_1", "agency_2"])),
        purpose=draw(st.sampled_from([Purpose.COLLECT, Purpose.COLLECT, *Purpose])),
        in_reply=draw(st.booleans()),
    )


@st.composite
def debtors(draw: st.DrawFn, at: datetime, mild: bool = False) -> DebtorFacts:
    def before(most: int) -> datetime:
        return at - timedelta(seconds=draw(st.integers(0, most)))

    def rarely(strategy: st.SearchStrategy[object]) -> object:
        return draw(strategy) if draw(st.integers(0, 3)) == 0 else None

    consents = tuple(
        Consent(
            at=(given := before(12 * 86400)),
            channels=draw(st.sampled_from([(), (ContactChannel.CALL,), (ContactChannel.SMS, ContactChannel.EMAIL)])),
            days=draw(days),
            hours=draw(st.one_of(st.none(), hours)),
            direct=draw(st.booleans()),
            until=draw(st.one_of(st.none(), st.just(given + timedelta(days=draw(st.integers(0, 30)))))),
            during=draw(st.sampled_from([None, "conversation"])),
        )
        for _ in range(draw(st.sampled_from([0, 0, 1, 2])))
    )
    stops = tuple(
        Stop(
            kind=draw(st.sampled_from(StopKind)),
            at=(since := before(20 * 86400)),
            until=draw(st.one_of(st.none(), st.just(since + timedelta(hours=draw(st.integers(0, 700)))))),
            form=draw(st.sampled_from(["oral", "written"])),
            accounts=draw(some_accounts),
            answered_at=draw(st.one_of(st.none(), st.just(since + timedelta(hours=draw(st.integers(0, 700)))))),
        )
        for _ in range(draw(st.sampled_from([0, 0, 0, 0, 1] if mild else [0, 0, 0, 1, 2])))
    )
    inconvenient = tuple(InconvenientTime(draw(days), *draw(hours)) for _ in range(draw(st.sampled_from([0, 0, 0, 1]))))
    places = tuple(draw(st.lists(st.sampled_from(PLACES), max_size=2, unique=True)))
    return DebtorFacts(
        timezones=tuple(draw(st.lists(st.sampled_from(ZONES), max_size=2, unique=True))),
        places=places,
        location_known=draw(maybe),
        reachable=draw(maybe),
        inconvenient=inconvenient,
        inconvenient_places=() if mild else draw(st.sampled_from([(), (), (), ("home",), ("work", "home")])),
        requested_hours=rarely(hours),  # type: ignore[arg-type]
        agreed_hours=rarely(hours),  # type: ignore[arg-type]
        agreed_caps=draw(st.sampled_from([(), (), (("seven-in-seven", 3),), (("unanswered-dials", 8),)])),
        consents=consents,
        banned_channels=()
        if mild
        else draw(st.sampled_from([(), (), (), (ContactChannel.SMS,), (ContactChannel.CALL,)])),
        banned_points=() if mild else draw(st.sampled_from([(), (), (), ("n2",)])),
        stops=stops,
        notices=draw(st.sampled_from([(), ("first",), ("first", "second")]))
        and (Notice("first_written_notice", before(15 * 86400)),),
    )


@st.composite
def points(draw: st.DrawFn, at: datetime, mild: bool = False) -> tuple[PointFacts, ...]:
    kinds = {"n1": PointKind.MOBILE, "n2": PointKind.LANDLINE, "w1": PointKind.WORK, "e1": PointKind.EMAIL}
    return tuple(
        PointFacts(
            id=name,
            kind=kinds[name],
            timezones=draw(st.sampled_from([(), (), ("America/Chicago",)])),
            country=draw(st.sampled_from([None, "US", "CN"])),
            reassigned_check_at=draw(st.one_of(st.none(), st.just(at - timedelta(days=draw(st.integers(0, 90)))))),
            used_by_debtor=draw(st.sampled_from([None, True])) if mild else draw(maybe),
        )
        for name in POINTS
        if draw(st.integers(0, 3))
    )


@st.composite
def facts(draw: st.DrawFn, person: Person | None = None, in_reply: bool | None = None) -> Facts:
    at = draw(times_near)
    mild = draw(st.booleans())  # half of the cases have little that refuses, so that time decides
    usual = [ContactChannel.CALL, ContactChannel.CALL, ContactChannel.SMS, ContactChannel.EMAIL, ContactChannel.LETTER]
    proposal = Proposal(
        at=at,
        channel=draw(st.sampled_from(usual if mild else [*usual, *ContactChannel])),
        accounts=draw(some_accounts),
        contact_point=draw(st.one_of(st.none(), st.sampled_from(POINTS))),
        person=person or draw(st.sampled_from([Person.DEBTOR] if mild else [Person.DEBTOR, *Person])),
        by=draw(st.sampled_from([None, "agency_1"])),
        purpose=draw(st.sampled_from([Purpose.COLLECT] * (6 if mild else 2) + [*Purpose])),
        in_reply=draw(st.booleans()) if in_reply is None else in_reply,
        automated=False if mild else draw(maybe),
        has_opt_out_notice=True if mild else draw(st.sampled_from([None, True, True, False])),
        discloses_debt=draw(maybe),
        limited_content=draw(maybe),
        expected_delivery=draw(st.sampled_from([None, None, None, at + timedelta(minutes=7), at + timedelta(hours=5)])),
        collector_account="official" if mild else draw(st.sampled_from(["official", "official", "private"])),
    )
    accounts = tuple(
        AccountFacts(
            id=name,
            product=draw(st.sampled_from([None, "credit_card", "medical", "student_loan"])),
            days_past_due=draw(st.one_of(st.none(), st.integers(-5, 400))),
            due_at=draw(st.one_of(st.none(), st.just(at - timedelta(days=draw(st.integers(-10, 3000)))))),
            group=draw(st.sampled_from([None, None, "G"])),
        )
        for name in ACCOUNTS
        if draw(st.integers(0, 3))
    )
    return Facts(
        proposal=proposal,
        packs=(),
        collector=Collector(draw(maybe), draw(st.sampled_from([None, "agency_1"]))),
        debtor=draw(debtors(at, mild)),
        contact_points=draw(points(at, mild)),
        accounts=accounts,
        history=draw(histories(at)),
    )
