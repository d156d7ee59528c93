"""What the hostile relay does, and how often."""

Table = tuple[tuple[str, float], ...]

GREETINGS: Table = (
    ("421 at the greeting", 0.08),
    ("connection cut at the greeting", 0.05),
    ("slow greeting", 0.10),
    ("silence after EHLO", 0.02),
)
"""What is done to how many connections."""
TOGETHER = 0.7
"""Of so many connections commands may be sent together (RFC 2920)."""
AT_MAIL: Table = (("4xx at MAIL", 0.03), ("connection cut at MAIL", 0.02))
ANSWERS: Table = (
    ("4xx at RCPT", 0.05),
    ("5xx at RCPT", 0.02),
    ("5xx at RCPT, DATA taken", 0.02),
    ("connection cut at RCPT", 0.02),
    ("no reply at RCPT", 0.01),
    ("reply said twice at RCPT, DATA taken", 0.02),
    ("slow at RCPT", 0.04),
    ("slow at DATA", 0.05),
    ("4xx at DATA", 0.03),
    ("connection dropped in the middle of DATA", 0.04),
    ("4xx after DATA", 0.05),
    ("4xx after DATA, then silence", 0.01),
    ("5xx after DATA", 0.02),
    ("connection cut before the reply, not accepted", 0.03),
    ("connection cut before the reply, accepted", 0.06),
    ("garbage reply, not accepted", 0.02),
    ("garbage reply, accepted", 0.05),
    ("reply said twice, accepted", 0.04),
    ("connection closed after the reply, accepted", 0.06),
    ("slow after DATA", 0.08),
    ("time-out, not accepted", 0.02),
    ("time-out, accepted", 0.02),
)
"""What is done to how many mails whose recipient is known."""
AT_RCPT: dict[str, bytes | None] = {
    "4xx at RCPT": b"450 4.7.1 greylisted",
    "5xx at RCPT": b"550 5.1.1 user unknown",
    "5xx at RCPT, DATA taken": b"550 5.1.1 user unknown",
    "reply said twice at RCPT, DATA taken": b"250 2.1.5 Ok\r\n250 2.1.5 Ok",
    "no reply at RCPT": b"",
    "connection cut at RCPT": None,
}
"""How a mail ends at its recipient: a reply, none, or the end of the connection."""
REPORTS: Table = (
    ("report lost", 0.10),
    ("report doubled", 0.12),
    ("report late", 0.10),
    ("report before the reply", 0.12),
    ("report hours or days late", 0.06),
    ("report that lost the envelope's id", 0.10),
    ("report of delay alone", 0.08),
    ("report of relaying alone", 0.08),
    ("report of failure", 0.04),
    ("complaint", 0.04),
    ("one-click unsubscription", 0.04),
)
"""What is done about how many of the mails that were accepted."""
RARE = frozenset(
    {
        "time-out, not accepted",
        "time-out, accepted",
        "silence after EHLO",
        "4xx after DATA, then silence",
        "no reply at RCPT",
    }
)
"""Once in a run each: whoever meets them waits for as long as the client does."""
