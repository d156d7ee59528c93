"""The countries, places, products and amounts of sample portfolios: plausible, and nobody's."""

from dataclasses import dataclass

from domain.account import Product

P = Product


@dataclass(frozen=True, slots=True)
class City:
    """A place that debtors of a sample live in."""

    name: str
    region: str
    postcode: str


@dataclass(frozen=True, slots=True)
class Country:
    """How a sample's debtors of one country are. `scale` turns the amounts of `TYPICAL` into its currency."""

    code: str
    weight: int
    currency: str
    scale: int
    daily_percent: str
    languages: tuple[tuple[str, int], ...]
    street: str
    cities: tuple[City, ...]


TYPICAL: dict[Product, tuple[int, int]] = {
    P.CREDIT_CARD: (150, 6_000),
    P.CONSUMER_INSTALMENT: (200, 4_000),
    P.HOME_LOAN: (600, 9_000),
    P.CAR_LOAN: (250, 3_500),
    P.STUDENT_LOAN: (120, 2_500),
    P.SMALL_BUSINESS_LOAN: (800, 40_000),
    P.COMPANY_LOAN: (5_000, 400_000),
}
"""The usual range of what is overdue, in US dollars."""

PEOPLES = (
    (P.CREDIT_CARD, 50), (P.CONSUMER_INSTALMENT, 27), (P.CAR_LOAN, 9), (P.HOME_LOAN, 7), (P.STUDENT_LOAN, 7),
)  # fmt: skip
COMPANIES = ((P.SMALL_BUSINESS_LOAN, 80), (P.COMPANY_LOAN, 20))

COUNTRIES = (
    Country(
        "CN", 40, "CNY", 7, "0.05", (("zh-Hans", 97), ("en", 3)), "示例路{}号",
        (
            City("上海市", "SH", "200001"), City("北京市", "BJ", "100006"), City("广州市", "GD", "510030"),
            City("成都市", "SC", "610016"), City("乌鲁木齐市", "XJ", "830002"), City("杭州市", "ZJ", "310003"),
        ),
    ),
    Country(
        "TW", 14, "TWD", 30, "0.0411", (("zh-Hant", 95), ("en", 5)), "範例路{}號",
        (City("臺北市", "TPE", "100001"), City("臺中市", "TXG", "400001"), City("高雄市", "KHH", "800001")),
    ),
    Country(
        "HK", 8, "HKD", 8, "0.08", (("zh-Hant", 75), ("en", 25)), "範例街{}號",
        (City("香港", "", ""), City("九龍", "", "")),
    ),
    Country(
        "US", 24, "USD", 1, "0.0739", (("en", 96), ("zh-Hans", 2), ("zh-Hant", 2)), "{} Example Street",
        (
            City("Boston", "MA", "02108"), City("New York", "NY", "10001"), City("Los Angeles", "CA", "90012"),
            City("El Paso", "TX", "79901"), City("Dallas", "TX", "75201"), City("Pensacola", "FL", "32501"),
            City("Miami", "FL", "33130"), City("Chicago", "IL", "60601"), City("Phoenix", "AZ", "85003"),
            City("Honolulu", "HI", "96813"), City("Anchorage", "AK", "99501"), City("Seattle", "WA", "98101"),
        ),
    ),
    Country(
        "GB", 9, "GBP", 1, "0.0683", (("en", 100),), "{} Example Road",
        (City("London", "ENG", "SW1A 1AA"), City("Glasgow", "SCT", "G1 1AA"), City("Cardiff", "WLS", "CF10 1AA")),
    ),
    Country(
        "SG", 5, "SGD", 2, "0.0712", (("en", 70), ("zh-Hans", 30)), "{} Example Avenue",
        (City("Singapore", "", "018956"),),
    ),
)  # fmt: skip
