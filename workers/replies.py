"""What a debtor's own words mean, as far as that is beyond doubt; and where a stop is possible, it is taken for one.

Carriers' keywords as whole messages, and words of stopping anywhere in three languages. All else is for a person.
"""

import re
import unicodedata

from domain.event import Intent

_KEYWORDS: dict[str, Intent] = {
    **dict.fromkeys(
        (
            *("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "opt out"),
            *("t", "td", "退订", "退訂", "取消订阅", "取消訂閱", "停止"),
        ),
        Intent.STOP,
    ),
    **dict.fromkeys(("start", "unstop", "resume"), Intent.START),
    **dict.fromkeys(("help", "info", "帮助", "幫助"), Intent.HELP),
}
"""Whole messages in lower case: keywords of carriers (CTIA Messaging Principles §5.1) and of PRC operators (T, TD)."""
_STOPS = re.compile(
    r"\bstop\b(?!\s+(?:by|helping))|\bunsubscribe\b|\bopt(?:ed)?[\s-]*out\b|\bno more (?:messages|texts|calls|emails)\b"
    r"|\b(?:don'?t|do not) (?:text|call|contact|message|email|write)\b|\bleave me alone\b|\bremove me\b"
    r"|退订|退訂|取消订阅|取消訂閱|(?:不要|别|別|勿|停止)(?:再)?(?:发|發|傳|传|联系|聯絡|聯繫|打|寄|骚扰|騷擾)|不要再",
    re.IGNORECASE,
)


def meaning(text: str) -> Intent:
    """STOP, START or HELP where the words say so; otherwise OTHER: a person reads it."""
    plain = unicodedata.normalize("NFKC", text).replace("’", "'").strip().lower()
    word = re.sub(r"[\s\W_]+", " ", plain).strip()
    found = _KEYWORDS.get(word)
    if found is not None:
        return found
    return Intent.STOP if _STOPS.search(plain) else Intent.OTHER
