"""A creditor's profile: what messages, rules and pages need to know of it, checked when it is given."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from ruamel.yaml.nodes import MappingNode, Node

from campaigns.located import Report, compose, mapping, text, texts, truth
from campaigns.message_facts import sender_of
from domain.errors import BadInput
from portfolio.emails import email
from portfolio.places import country_code
from portfolio.values import BadCell

KEYS = (
    "name", "brand", "country", "timezone", "first_party", "collector", "phone", "pay_url", "email_from", "packs",
    "sender",
)  # fmt: skip
SENDER_KEYS = (
    "creditor_name", "neutral_name", "callback_number", "office_hours", "complaints", "contact_person", "reply_email",
    "postal_address", "collector_name", "reports_to_bureau",
)  # fmt: skip
LANGUAGES = ("zh-Hans", "zh-Hant", "en")


def read_profile(path: Path) -> dict[str, Any]:
    """The profile in a YAML file. Raises BadInput with all its mistakes in their places."""
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        what = f"cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}."
        raise BadInput(what, where=str(path), remedy="Name a YAML file; docs/portfolios.md shows one.") from None
    report = Report(str(path))
    found = mapping(compose(content, report), report, "the profile", KEYS)
    profile: dict[str, Any] = {}
    for key, node in found.items():
        if key == "sender":
            profile[key] = _sender(node, report)
        elif key == "packs":
            profile[key] = list(texts(node, report, "a pack"))
        elif key == "first_party":
            profile[key] = truth(node, report, key)
        else:
            profile[key] = text(node, report, f"`{key}`")
            try:
                check(key, str(profile[key]))
            except ValueError as error:
                report.add(node, f"`{key}` is {error}")
    report.raise_if_any()
    return profile


def _sender(node: Node, report: Report) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in mapping(node, report, "the sender", SENDER_KEYS).items():
        if key == "reports_to_bureau":
            found[key] = truth(value, report, key)
        elif isinstance(value, MappingNode):
            each = mapping(value, report, key, LANGUAGES)
            found[key] = {language: text(said, report, key) for language, said in each.items()}
        else:
            found[key] = text(value, report, f"`{key}`")
    return found


def check(key: str, value: str) -> None:
    """Raise ValueError with what is wrong with a text of the profile."""
    try:
        if key == "country":
            country_code(value)
        if key == "email_from":
            email(value)
    except BadCell as error:
        raise ValueError(str(error)) from None
    if key == "timezone" and value not in available_timezones():
        raise ValueError("no IANA time zone, such as Asia/Shanghai")
    if key == "pay_url" and (urlsplit(value).scheme != "https" or not urlsplit(value).hostname):
        raise ValueError("no address that begins with https://")


def gaps(profile: Mapping[str, Any]) -> list[str]:
    """What messages lack, a line for each language in which they cannot be written."""
    found = []
    for language in LANGUAGES:
        try:
            sender_of(profile.get("sender") or {}, language)
        except BadInput as error:
            found.append(f"{language}: {error.what}")
    return found
