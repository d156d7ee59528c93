"""What the sandbox's debtors say: texts as people write them, in their own language, and the keys that they press."""

from domain.event import Intent

_SAID: dict[str, tuple[tuple[float, tuple[str, ...]], ...]] = {
    "en": (
        (0.14, ("STOP", "stop texting me please", "Unsubscribe", "Stop. Thank you")),
        (0.30, ("I will pay on Friday", "ok paying tomorrow", "I can pay next week when my salary comes")),
        (0.12, ("I already paid this last week", "paid yesterday, please check")),
        (0.07, ("I don't owe this, it is not my account", "this amount is wrong")),
        (0.10, ("lost my job, cannot pay now", "I can't pay it all at once, is a plan possible?")),
        (0.07, ("wrong number, I don't know this person", "you have the wrong person")),
        (0.06, ("please call me", "can someone ring me after 5?")),
        (0.14, ("ok", "who is this?", "thanks", "👍")),
    ),
    "zh-Hans": (
        (0.14, ("退订", "T", "不要再发了", "TD")),
        (0.30, ("周五还", "明天一定还", "下周发工资就还")),
        (0.12, ("我上周已经还了", "昨天还过了，请查一下")),
        (0.07, ("这不是我的欠款", "金额不对，我有异议")),
        (0.10, ("失业了，现在还不上", "一次还不了，能分期吗？")),
        (0.07, ("你打错了，我不认识这个人", "不是本人")),
        (0.06, ("请给我打电话", "五点以后回电")),
        (0.14, ("好的", "你是谁？", "收到", "👍")),
    ),
    "zh-Hant": (
        (0.14, ("取消訂閱", "退訂", "請不要再傳了", "STOP")),
        (0.30, ("星期五還", "明天一定繳", "下週發薪就還")),
        (0.12, ("我上週已經繳了", "昨天已還款，請查")),
        (0.07, ("這不是我的帳", "金額不對，我有異議")),
        (0.10, ("失業了，現在還不出來", "一次還不了，可以分期嗎？")),
        (0.07, ("你打錯了，我不認識這個人", "不是本人")),
        (0.06, ("請打電話給我", "五點以後回電")),
        (0.14, ("好的", "你是誰？", "收到", "👍")),
    ),
}
"""By language: groups of texts that mean the same, with their share. The first of each row are stops."""

_PROMISES = 1
_GOES_ON = frozenset({_PROMISES, 7})
"""Groups after which the debtor may still pay: a promise, and what means nothing."""

_PRESSED: tuple[tuple[Intent, float], ...] = (
    (Intent.PROMISE, 0.50),
    (Intent.CALL_ME, 0.18),
    (Intent.PAID, 0.12),
    (Intent.HARDSHIP, 0.06),
    (Intent.STOP, 0.06),
    (Intent.DISPUTE, 0.04),
    (Intent.WRONG_PERSON, 0.04),
)

_ONLY_TRADITIONAL = frozenset("還們請電話帳戶繳費銀貸與為應額處關於後點這說對開發會無過來")


def language_of(text: str) -> str:
    """The language of a message that says none: that of the reply to it."""
    if not any("一" <= character <= "鿿" for character in text):
        return "en"
    return "zh-Hant" if any(character in _ONLY_TRADITIONAL for character in text) else "zh-Hans"


def reply(language: str, chance: float) -> tuple[str, bool]:
    """What a debtor writes, and whether it ends the matter for now. `chance` in [0, 1) chooses."""
    groups = _SAID.get(language, _SAID["en"])
    below = 0.0
    for index, (share, texts) in enumerate(groups):
        if chance < below + share or index == len(groups) - 1:
            within = (chance - below) / share
            return texts[min(len(texts) - 1, int(within * len(texts)))], index not in _GOES_ON
        below += share
    raise AssertionError("a language without replies")


def key_press(keys: tuple[tuple[str, str], ...], chance: float) -> Intent | None:
    """The meaning of the key that a debtor presses, of those that the call offers. `chance` in [0, 1) chooses."""
    offered = {meaning for _, meaning in keys}
    shares = [(intent, share) for intent, share in _PRESSED if intent in offered]
    left = chance * sum(share for _, share in shares)
    for intent, share in shares:
        if left < share:
            return intent
        left -= share
    return None
