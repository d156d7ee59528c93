"""Reads a mapping from YAML: all mistakes at once, each with its place, what was found and what would be right."""

import codecs
import re
from collections.abc import Iterable
from pathlib import Path

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from campaigns.located import (
    Report,
    choice,
    choices,
    compose,
    items,
    mapping,
    texts,
    truth,
    whole,
)
from domain.account import Product
from domain.errors import BadInput
from domain.facts import PointKind, StopKind
from domain.money import CURRENCIES
from portfolio.mapping import (
    AMOUNTS,
    REQUIRED,
    AccountColumns,
    AddressColumns,
    Condition,
    DaysPastDue,
    DebtorColumns,
    Mapping,
    NoticeColumn,
    PointColumn,
    Proof,
    ProofColumn,
    Rate,
    Source,
    StopColumn,
    Synthesis,
)
from portfolio.values import BadCell, Marks, is_date_format, language_tag

FOLDER = Path(__file__).resolve().parent.parent / "config" / "mappings"
ENCODINGS = ("utf-8", "gb18030", "gbk", "big5", "big5hkscs", "cp1252", "iso-8859-1", "ascii")
"""Encodings in which a line end is one byte that is part of no other character, so that lines can be cut unread."""

KEYS = (
    "name", "encoding", "delimiter", "sheet", "decimal", "thousands", "short_numbers", "dates", "currencies", "country",
    "negative_amounts", "bad_contact_points", "account", "debtor", "contact_points", "address", "verification",
    "stops", "notices", "where", "protected", "synthesise_contacts",
)  # fmt: skip
SOURCE_KEYS = ("column", "value", "values", "default")
ACCOUNT_KEYS = (*REQUIRED, *AMOUNTS[1:], "as_of", "due_on", "group", "tags", "days_past_due", "penalty_daily")
DEBTOR_KEYS = ("reference", "kind", "name", "language", "flags")
POINT_KINDS = ("mobile", "landline", "work", "email", "work_email")


def read_mapping(path: Path) -> Mapping:
    """The mapping in a file. Raises BadInput with all its mistakes."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput("not UTF-8.", where=str(path), remedy="Save the mapping as UTF-8.") from None
    except OSError as error:
        remedy = f"Shipped mappings: {', '.join(shipped())}; docs/portfolios.md says how to write one."
        raise BadInput(f"cannot be read: {error.strerror}.", where=str(path), remedy=remedy) from None
    return parse_mapping(text, str(path))


def shipped() -> list[str]:
    """The names of the mappings that come with Forbear."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def find_mapping(name: str) -> Mapping:
    """A shipped mapping by its name, or the one in a file."""
    inside = FOLDER / f"{name}.yaml"
    return read_mapping(inside if name in shipped() else Path(name))


def parse_mapping(text: str, file: str) -> Mapping:
    """The mapping in a text; `file` is named in errors."""
    report = Report(file)
    root = compose(text, report)
    found = mapping(root, report, "the mapping", KEYS, ("name", "account", "debtor"))
    made = Mapping(
        name=_name(found.get("name"), report),
        account=_account(found.get("account"), report),
        debtor=_debtor(found.get("debtor"), report),
        points=tuple(_points(found.get("contact_points"), report)),
        address=_address(found.get("address"), report),
        proofs=tuple(_proofs(found.get("verification"), report)),
        stops=tuple(_stops(found.get("stops"), report)),
        notices=tuple(_notices(found.get("notices"), report)),
        where=tuple(_where(found.get("where"), report)),
        protected=texts(found.get("protected"), report, "a protected column"),
        synthesis=_synthesis(found.get("synthesise_contacts"), report),
        encoding=_encoding(found.get("encoding"), report),
        delimiter=_mark(found.get("delimiter"), report, "the delimiter", (",", ";", "\t", "|"), ","),
        sheet=_scalar(found.get("sheet"), report, "the sheet"),
        marks=_marks(found, report),
        dates=_dates(found.get("dates"), report),
        currencies=tuple(sorted(choices(found.get("currencies"), report, "a currency", sorted(CURRENCIES)))),
        country=_country(found.get("country"), report),
        negative_is_zero=_word(found, report, "negative_amounts", ("reject", "zero")) == "zero",
        drops_bad_points=_word(found, report, "bad_contact_points", ("reject", "drop")) == "drop",
    )
    _check_protected(made, found, report)
    report.raise_if_any()
    return made


def _name(node: Node | None, report: Report) -> str:
    name = _scalar(node, report, "the name") or ""
    if node is not None and not re.fullmatch("[a-z0-9][a-z0-9-]{0,59}", name):
        report.add(node, "the name is not one word", "Use small letters, digits, hyphens.")
    return name


def _scalar(node: Node | None, report: Report, what: str) -> str | None:
    """Any scalar as the text that stands there: `1`, `true` and `2005-09-30` are what a file may say too."""
    if node is None:
        return None
    if isinstance(node, ScalarNode) and str(node.value):
        return str(node.value)
    report.add(node, f"{what} is no single value", "Write one value, in quotes where it holds `:` or `#`.")
    return None


def _source(node: Node | None, report: Report, what: str, more: Iterable[str] = ()) -> tuple[Source, dict[str, Node]]:
    """A column's name alone, or a mapping with `column` or `value`; beside it what `more` allows."""
    if not isinstance(node, MappingNode):
        return Source(column=_scalar(node, report, what)), {}
    found = mapping(node, report, what, (*SOURCE_KEYS, *more))
    if ("column" in found) == ("value" in found):
        report.add(node, f"{what} needs a column or a value, not both", "Write `column: NAME` or `value: TEXT`.")
    made = Source(
        column=_scalar(found.get("column"), report, "the column"),
        value=_scalar(found.get("value"), report, "the value"),
        values=_values(found.get("values"), report),
        default=_scalar(found.get("default"), report, "the default"),
    )
    return made, found


def _values(node: Node | None, report: Report) -> dict[str, str] | None:
    if node is None:
        return None
    if not isinstance(node, MappingNode):
        report.add(node, "values is no mapping", "Write what the file says and what it means: {CC: credit_card}.")
        return None
    found: dict[str, str] = {}
    for key, value in node.value:
        said, meant = _scalar(key, report, "what the file says"), _scalar(value, report, "what it means")
        if said is not None and meant is not None:
            if said.strip().lower() in found:
                report.add(key, f"`{said}` is given twice", "Keep one of them.")
            found[said.strip().lower()] = meant
    return found


def _account(node: Node | None, report: Report) -> AccountColumns:
    if node is None:
        return AccountColumns({})
    found = mapping(node, report, "the account", ACCOUNT_KEYS, REQUIRED)
    days = rate = None
    separator = ";"
    fields: dict[str, Source] = {}
    for key, value in found.items():
        if key == "days_past_due":
            source, parts = _source(value, report, key, ("buckets_of",))
            days = DaysPastDue(source, whole(parts.get("buckets_of"), report, "the days of a bucket", 2, 366))
        elif key == "penalty_daily":
            source, parts = _source(value, report, key, ("percent", "per"))
            rate = Rate(source, truth(parts.get("percent"), report, "percent"), _period(parts.get("per"), report))
        elif key == "tags":
            fields[key], parts = _source(value, report, key, ("separator",))
            separator = _scalar(parts.get("separator"), report, "the separator") or ";"
        else:
            fields[key], _ = _source(value, report, key)
            _check_values(key, fields[key], value, report)
    if days is None and "due_on" not in fields:
        report.add(node, "the account lacks `days_past_due` and `due_on`", "Add one of them.")
    return AccountColumns(fields, days, rate, separator)


def _check_values(key: str, source: Source, node: Node, report: Report) -> None:
    """Constants and translations are known now, so their mistakes are told now."""
    said = [*(source.values or {}).values(), *filter(None, (source.value, source.default))]
    closed: dict[str, list[str]] = {
        "product": list(Product),
        "currency": sorted(CURRENCIES),
        "kind": ["person", "company"],
    }
    known = closed.get(key)
    for value in said:
        if known and value not in known:
            report.add(
                node, f"`{value}` is no {key}", f"Known: {', '.join(known[:12])}{'…' if len(known) > 12 else ''}."
            )
        if key == "language":
            try:
                language_tag(value)
            except BadCell as error:
                report.add(node, f"`{value}`: {error}", "Write a language such as zh-Hans, zh-Hant or en.")


def _period(node: Node | None, report: Report) -> int:
    days = {"day": 1, "month": 30, "year": 365, "year_of_360": 360}
    return days[choice(node, report, "the period of the rate", days) or "day"]


def _debtor(node: Node | None, report: Report) -> DebtorColumns:
    if node is None:
        return DebtorColumns({})
    found = mapping(node, report, "the debtor", DEBTOR_KEYS, ("name", "language"))
    separator = ";"
    fields: dict[str, Source] = {}
    for key, value in found.items():
        fields[key], parts = _source(value, report, key, ("separator",) if key == "flags" else ())
        separator = _scalar(parts.get("separator"), report, "the separator") or separator if parts else separator
        _check_values(key, fields[key], value, report)
    return DebtorColumns(fields, separator)


def _points(node: Node | None, report: Report) -> Iterable[PointColumn]:
    for each in items(node, report, "contact_points"):
        found = mapping(
            each, report, "a contact point", ("column", "kind", "separator", "verified"), ("column", "kind")
        )
        column = _scalar(found.get("column"), report, "the column")
        kind = choice(found.get("kind"), report, "the kind", POINT_KINDS)
        if column and kind:
            separator = _scalar(found.get("separator"), report, "the separator")
            yield PointColumn(column, PointKind(kind), separator, truth(found.get("verified"), report, "verified"))


def _address(node: Node | None, report: Report) -> AddressColumns | None:
    if node is None:
        return None
    keys = ("lines", "country", "region", "postcode", "timezone", "verified")
    found = mapping(node, report, "the address", keys, ("country",))
    parts = {key: _source(found[key], report, key)[0] for key in keys[1:5] if key in found}
    return AddressColumns(
        country=parts.get("country", Source()),
        lines=texts(found.get("lines"), report, "a line's column"),
        region=parts.get("region"),
        postcode=parts.get("postcode"),
        timezone=parts.get("timezone"),
        is_verified=truth(found.get("verified"), report, "verified"),
    )


def _proofs(node: Node | None, report: Report) -> Iterable[ProofColumn]:
    for each in items(node, report, "verification"):
        found = mapping(each, report, "a proof", ("kind", "column"), ("kind", "column"))
        kind = choice(found.get("kind"), report, "the kind", list(Proof))
        column = _scalar(found.get("column"), report, "the column")
        if kind and column:
            yield ProofColumn(Proof(kind), column)


def _stops(node: Node | None, report: Report) -> Iterable[StopColumn]:
    for each in items(node, report, "stops"):
        keys = ("kind", "column", "values", "since")
        found = mapping(each, report, "a stop", keys, ("kind", "column", "values"))
        kind = choice(found.get("kind"), report, "the kind", list(StopKind))
        column = _scalar(found.get("column"), report, "the column")
        values = [_scalar(value, report, "a value") for value in items(found.get("values"), report, "values")]
        if kind and column:
            said = tuple(value.strip().lower() for value in values if value)
            yield StopColumn(StopKind(kind), column, said, _scalar(found.get("since"), report, "since"))


def _notices(node: Node | None, report: Report) -> Iterable[NoticeColumn]:
    for each in items(node, report, "notices"):
        found = mapping(each, report, "a notice", ("kind", "column"), ("kind", "column"))
        kind, column = (_scalar(found.get(key), report, key) for key in ("kind", "column"))
        if kind and column:
            yield NoticeColumn(kind, column)


def _where(node: Node | None, report: Report) -> Iterable[Condition]:
    for each in items(node, report, "where"):
        found = mapping(each, report, "a condition", ("column", "in", "at_least", "at_most"), ("column",))
        column = _scalar(found.get("column"), report, "the column")
        one_of = [_scalar(value, report, "a value") for value in items(found.get("in"), report, "in")]
        bounds = [_bound(found.get(key), report) for key in ("at_least", "at_most")]
        if ("in" in found) == (bounds != [None, None]):
            report.add(
                each, "a condition needs `in`, or bounds", "Write `in: [A, B]`, or `at_least: 1`, or `at_most: 9`."
            )
        if column:
            yield Condition(column, tuple(value.strip().lower() for value in one_of if value), *bounds)


def _bound(node: Node | None, report: Report) -> int | None:
    said = _scalar(node, report, "a bound")
    if said is None or re.fullmatch("-?[0-9]{1,15}", said):
        return None if said is None else int(said)
    report.add(node, "a bound is no whole number", "Write a whole number.")  # type: ignore[arg-type]
    return None


def _synthesis(node: Node | None, report: Report) -> Synthesis | None:
    if node is None:
        return None
    keys = ("seed", "by", "country", "language", "mobile", "landline", "email")
    found = mapping(node, report, "synthesise_contacts", keys, ("seed", "by", "country", "language"))
    shares = {key: whole(found.get(key), report, f"the share of {key}", 0, 100) for key in keys[4:]}
    return Synthesis(
        seed=whole(found.get("seed"), report, "the seed", 0, 2**31) or 0,
        by=_scalar(found.get("by"), report, "by") or "",
        country=_country(found.get("country"), report) or "",
        language=choice(found.get("language"), report, "the language", ("zh-Hans", "zh-Hant", "en")) or "",
        **{key: share for key, share in shares.items() if share is not None},
    )


def _encoding(node: Node | None, report: Report) -> str:
    name = (_scalar(node, report, "the encoding") or "utf-8").lower().replace("_", "-")
    name = {"utf8": "utf-8", "utf-8-sig": "utf-8", "latin-1": "iso-8859-1"}.get(name, name)
    if name not in ENCODINGS:
        report.add(node, f"`{name}` is no encoding that is read", f"Known: {', '.join(ENCODINGS)}.")  # type: ignore[arg-type]
        return "utf-8"
    return codecs.lookup(name).name


def _marks(found: dict[str, Node], report: Report) -> Marks:
    decimal = _mark(found.get("decimal"), report, "the decimal mark", (".", ","), ".")
    thousands = _mark(found.get("thousands"), report, "the mark between thousands", (",", ".", " ", "'"), "")
    if decimal == thousands:
        report.add(found["thousands"], "both marks of a number are the same", "Give each its own.")
    return Marks(decimal, thousands, _word(found, report, "short_numbers", ("reject", "read")) == "read")


def _mark(node: Node | None, report: Report, what: str, known: tuple[str, ...], otherwise: str) -> str:
    said = _scalar(node, report, what)
    if said is None:
        return otherwise
    if said not in known:
        report.add(node, f"{what} is {said[:10]!r}", f"Known: {', '.join(map(repr, known))}.")  # type: ignore[arg-type]
        return otherwise
    return said


def _dates(node: Node | None, report: Report) -> tuple[str, ...]:
    for each in items(node, report, "dates"):
        said = _scalar(each, report, "a date format")
        if said is not None and not is_date_format(said):
            report.add(
                each, f"`{said[:40]}` is no date format", "Write it with YYYY, MM and DD (or M and D), each once."
            )
    return texts(node, report, "a date format") or ("YYYY-MM-DD",)


def _country(node: Node | None, report: Report) -> str | None:
    said = _scalar(node, report, "the country")
    if said is not None and not re.fullmatch("[A-Z]{2}", said):
        report.add(node, f"`{said[:10]}` is no country", "Write an ISO 3166 code such as CN.")  # type: ignore[arg-type]
        return None
    return said


def _word(found: dict[str, Node], report: Report, key: str, known: tuple[str, ...]) -> str | None:
    return choice(found.get(key), report, key, known)


def _check_protected(made: Mapping, found: dict[str, Node], report: Report) -> None:
    for column in made.protected:
        if column in made.columns():
            report.add(found["protected"], f"`{column}` is protected and read", "Protected columns are never imported.")
