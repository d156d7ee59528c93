"""A debtor in the PRC or the United States gets the packs of the place, the party and the product."""

import pytest

from throttling.compose import select
from throttling.facts_json import parse_facts
from throttling.packs import load_packs

LIBRARY = load_packs()
FEDERAL = {"us-reg-f", "us-tcpa"}


def chosen(country: str, region: str, zone: str, postcode: str, *, first_party: bool, product: str | None) -> set[str]:
    place = {"country": country, "region": region, "postcode": postcode, "timezone": zone, "basis": "address"}
    account = {"id": "A"} | ({"product": product} if product else {})
    facts = {
        "collector": {"first_party": first_party, "name": "one"},
        "debtor": {"timezones": [zone], "places": [place]},
        "accounts": [account],
        "proposal": {"at": "2026-10-02T12:00:00-04:00", "channel": "call", "accounts": ["A"]},
    }
    return {each for each in select(parse_facts(facts), LIBRARY) if each.startswith(f"{country.lower()}-")}


@pytest.mark.parametrize(
    ("region", "zone", "postcode", "third_party", "first_party"),
    [
        ("MA", "America/New_York", "02108", {"us-ma", "us-ma-dob"}, {"us-ma"}),
        ("WA", "America/Los_Angeles", "98101", {"us-wa"}, set()),
        ("FL", "America/New_York", "33101", {"us-fl"}, {"us-fl"}),
        ("DC", "America/New_York", "20001", {"us-dc"}, {"us-dc"}),
        ("NY", "America/New_York", "10001", {"us-ny", "us-nyc"}, {"us-nyc"}),
        ("NY", "America/New_York", "11201", {"us-ny", "us-nyc"}, {"us-nyc"}),
        ("NY", "America/New_York", "12207", {"us-ny"}, set()),
        ("WV", "America/New_York", "25301", {"us-wv"}, {"us-wv"}),
        ("CA", "America/Los_Angeles", "94103", {"us-ca"}, {"us-ca"}),
        ("TX", "America/Chicago", "75201", {"us-tx"}, {"us-tx"}),
        ("NV", "America/Los_Angeles", "89101", {"us-nv"}, set()),
        ("OR", "America/Los_Angeles", "97201", {"us-or"}, {"us-or"}),
        ("NH", "America/New_York", "03301", {"us-nh"}, {"us-nh"}),
    ],
)
def test_a_state_adds_its_own_packs(
    region: str, zone: str, postcode: str, third_party: set[str], first_party: set[str]
) -> None:
    def found(*, first: bool) -> set[str]:
        return chosen("US", region, zone, postcode, first_party=first, product="credit_card")

    assert found(first=False) == FEDERAL | third_party
    assert found(first=True) == {"us-tcpa"} | first_party


CARD, INSTALMENT, BUSINESS = "cn-credit-card", "cn-consumer-finance", "cn-business-loans"
CONSUMER, EVERYONE = "cn-consumer-credit", "cn-personal-information"


@pytest.mark.parametrize(
    ("product", "packs"),
    [
        ("credit_card", {CONSUMER, EVERYONE, CARD}),
        ("consumer_instalment", {CONSUMER, EVERYONE, INSTALMENT}),
        ("small_business_loan", {EVERYONE, BUSINESS}),
        ("company_loan", {EVERYONE, BUSINESS}),
        (None, {CONSUMER, EVERYONE, CARD, INSTALMENT, BUSINESS}),
    ],
)
def test_a_product_of_the_prc_has_its_packs_and_an_unknown_one_all(product: str | None, packs: set[str]) -> None:
    assert chosen("CN", "SH", "Asia/Shanghai", "200000", first_party=True, product=product) == packs
