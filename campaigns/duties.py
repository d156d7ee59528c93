"""What a message has to say, besides what it is about: declared in a template's front matter, checked against its text.

The words are those of the policy packs (`throttling/language.py`) where these have one. A pack may ask for more, and in
its own words; that is checked when a template is approved and on every rendered message.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from campaigns.source import Source
from campaigns.variables import VARIABLES
from domain.channel import Channel


@dataclass(frozen=True, slots=True)
class Duty:
    """One thing that a text can carry: it names all of `variables`, and matches the pattern of its language."""

    meaning: str
    variables: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    patterns: Mapping[str, str] = field(default_factory=dict)


_CANNOT = {
    "en": r"(?i)can(no|')t|difficult|hard|talk|arrange|help|plan",
    "zh-Hans": "困难|暂时|无法|分期|方案|商量|沟通|协商",
    "zh-Hant": "困難|暫時|無法|分期|方案|商量|溝通|協商",
}
DUTIES: Mapping[str, Duty] = {
    "identification": Duty("who writes, and for which lender", ("creditor_name",), ("sender_name", "collector_name")),
    "disclosure": Duty(
        "that the sender is a debt collector, where it is one",
        ("is_third_party",),
        patterns={"en": r"(?i)debt collector", "zh-Hans": "催收机构", "zh-Hant": "催收機構"},
    ),
    "opt_out": Duty(
        "how to stop such messages",
        one_of=("stop_word", "stop_url"),
        patterns={
            "en": r"(?i)\b(stop|unsubscribe|opt out)\b",
            "zh-Hans": "退订|停止|不再",
            "zh-Hant": "退訂|停止|不再",
        },
    ),
    "debt": Duty(
        "that a debt exists: only for the debtor's eyes", one_of=tuple(v.name for v in VARIABLES if v.is_debt)
    ),
    "payment": Duty("how to pay", one_of=("pay_url",)),
    "hardship": Duty("how to say that one can't pay", one_of=("help_url", "callback_number"), patterns=_CANNOT),
    "interest": Duty("penalty interest today and in 30 days", ("penalty_today", "penalty_in_30_days")),
    "formula": Duty("how penalty interest is computed", one_of=("growth_in_30_days", "rate")),
    "credit_record": Duty("what happens to the credit record", ("bureau",)),
    "rights": Duty("how to dispute and where to complain", ("complaints",), ("help_url",)),
}

REQUIRED: Mapping[Channel, frozenset[str]] = {
    Channel.SMS: frozenset({"identification", "disclosure", "opt_out"}),
    Channel.VOICE: frozenset({"identification", "disclosure", "opt_out"}),
    Channel.EMAIL: frozenset({"identification", "disclosure", "opt_out", "payment", "hardship", "rights"}),
    Channel.LETTER: frozenset({"identification", "disclosure", "rights"}),
}
"""What every message on a channel carries here, whatever the packs say."""

BEFORE_VERIFIED = ("subject", "opening", "verify", "machine", "goodbye")
"""Sections that others than the debtor may see or hear: they may not tell of a debt."""

NAMING_DEBT: Mapping[str, str] = {
    "en": r"(?i)\b(debts?|owe[ds]?|owing|overdue|arrears|loans?|credit|repay\w*|past due|collect\w*|balance|lend\w*)\b",
    "zh-Hans": "欠|逾期|贷|还款|罚息|催收|债|账单|信用卡|征信",
    "zh-Hant": "欠|逾期|貸|還款|罰息|遲延|催收|債|帳單|信用卡|聯徵",
}
"""Words that tell of a debt."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What a template says: the names of all variables and filters that stand in it, and its bare text."""

    names: frozenset[str]
    text: str


def wording(sections: Mapping[str, Source]) -> Wording:
    """All that the sections of a template say."""
    text = "\n".join(source.text for source in sections.values())
    code = " ".join(re.findall(r"\{\{.*?\}\}|\{%.*?%\}", text, re.DOTALL))
    bare = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", " ", text, flags=re.DOTALL)
    return Wording(frozenset(re.findall(r"[a-z_0-9]+", code)), bare)


def is_carried(name: str, said: Wording, language: str, keys: frozenset[str]) -> bool:
    """Whether a text carries a duty. In a call, a key that means stop is the way to opt out."""
    duty = DUTIES[name]
    if name == "opt_out" and "stop" in keys:
        return True
    if not said.names.issuperset(duty.variables) or (duty.one_of and said.names.isdisjoint(duty.one_of)):
        return False
    pattern = duty.patterns.get(language)
    return pattern is None or re.search(pattern, said.text) is not None


def telling(source: Source, language: str) -> Iterator[tuple[int, str]]:
    """Where a text tells of a debt: positions and the words, those of variables as well."""
    debt = {variable.name for variable in VARIABLES if variable.is_debt}
    for found in re.finditer(r"\{\{-?\s*(\w+)|\{%-?\s*\w+\s+(\w+)", source.text):
        name = found[1] or found[2]
        if name in debt:
            yield found.start(), name
    bare = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", lambda piece: " " * len(piece[0]), source.text, flags=re.DOTALL)
    for found in re.finditer(NAMING_DEBT.get(language, r"(?!)"), bare):
        yield found.start(), found[0]
