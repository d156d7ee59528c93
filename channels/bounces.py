"""What returned mail says, as events. Pure; any bytes may come, and whatever cannot be understood says nothing.

Reports of delivery (RFC 3464) name the attempt by the envelope's id; where the relay lost it, by the Message-ID of the
mail that they enclose. Complaints (RFC 5965) are stops. A reply names the attempt that it answers.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from email import message_from_bytes
from email.message import Message as Mail
from email.utils import parseaddr
from uuid import UUID

from channels.mail import attempt_of
from channels.smtp_codes import of_status
from domain.attempt import AttemptState
from domain.channel import Channel
from domain.event import DeliveryEvent, Inbound, Intent, ProviderEvent
from domain.facts import Outcome
from domain.message import Failure

PROVIDER = "smtp"
MOST_TEXT = 4000
"""Characters of a reply that are kept."""
MOST_RAW = 2000
_MOST_PARTS = 50
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_ACTIONS: dict[str, tuple[AttemptState | None, Outcome | None]] = {
    "failed": (AttemptState.UNDELIVERED, Outcome.FAILED),
    "delivered": (AttemptState.DELIVERED, Outcome.DELIVERED),
    "relayed": (AttemptState.ACCEPTED, Outcome.SENT),
    "expanded": (AttemptState.ACCEPTED, Outcome.SENT),
    "delayed": (AttemptState.ACCEPTED, None),
}
"""`relayed` and `expanded`: it went on to where no more reports come from. `delayed`: it is still being tried. Each of
them proves that the relay has taken the mail, which settles a doubt."""
_QUOTED = re.compile(r"(?m)^\s*(?:>.*|On .{3,200} wrote:\s*|在.{3,200}写道[:：]\s*|.{3,100}於.{3,100}寫道[:：]\s*)$")


def events(raw: bytes, at: datetime) -> list[ProviderEvent]:
    """Everything that one mail says. Raises nothing."""
    try:
        mail = message_from_bytes(raw)
        parts = list(_parts(mail))
        kind = mail.get_content_type()
        report = str(mail.get_param("report-type") or "").lower()
        if kind == "multipart/report" and report == "feedback-report":
            return _complaint(mail, parts, at)
        if any(part.get_content_type() == "message/delivery-status" for part in parts):
            return _reports(mail, parts, at)
        return _reply(mail, parts, at)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        # the standard library's parser has stumbled over hostile mail in each of these ways
        return []


def _reports(mail: Mail, parts: list[Mail], at: datetime) -> list[ProviderEvent]:
    status = next(part for part in parts if part.get_content_type() == "message/delivery-status")
    blocks = [block for block in status.get_payload() if isinstance(block, Mail)]
    whole = blocks[0] if blocks else Mail()
    attempt_id = _envelope(whole) or _enclosed(parts) or attempt_of(_references(mail))
    if attempt_id is None:
        return []
    return [_report(block, attempt_id, at) for block in blocks[1:] if block.get("Action")]


def _report(block: Mail, attempt_id: UUID, at: datetime) -> DeliveryEvent:
    action = str(block.get("Action", "")).partition(" ")[0].strip().lower()
    found = _STATUS.search(str(block.get("Status", "")))
    status = found[0] if found else ""
    state, outcome = _ACTIONS.get(action, (None, None))
    failure = None
    if state is AttemptState.UNDELIVERED:
        failure = of_status(status) or Failure.UNKNOWN
    return DeliveryEvent(
        key=f"{attempt_id}/{action}/{status}"[:200],
        provider=PROVIDER,
        channel=Channel.EMAIL,
        at=at,
        attempt_id=attempt_id,
        provider_ref=None,
        state=state,
        outcome=outcome,
        failure=failure,
        code=status or action[:40] or None,
        raw=block.as_string()[:MOST_RAW],
    )


def _complaint(mail: Mail, parts: list[Mail], at: datetime) -> list[ProviderEvent]:
    """Somebody pressed «this is spam»: as clear a stop as there is."""
    attempt_id = _enclosed(parts) or attempt_of(_references(mail))
    if attempt_id is None:
        return []
    return [Inbound(f"{attempt_id}/complaint", PROVIDER, Channel.EMAIL, at, None, attempt_id, "", Intent.STOP)]


def _reply(mail: Mail, parts: list[Mail], at: datetime) -> list[ProviderEvent]:
    """A person's answer; what machines answer by themselves says nothing."""
    automatic = str(mail.get("Auto-Submitted", "no")).strip().lower() != "no"
    if automatic or str(mail.get("Precedence", "")).strip().lower() in ("bulk", "junk", "list", "auto_reply"):
        return []
    attempt_id = attempt_of(_references(mail))
    sender = parseaddr(str(mail.get("From", "")))[1]
    identity = str(mail.get("Message-ID", "")).strip()
    if not identity or (attempt_id is None and not sender):
        return []
    text = next((_text(part) for part in parts if part.get_content_type() == "text/plain"), "")
    text = _QUOTED.split(text, maxsplit=1)[0].strip() or str(mail.get("Subject", ""))
    return [Inbound(identity[:200], PROVIDER, Channel.EMAIL, at, sender or None, attempt_id, text[:MOST_TEXT])]


def _parts(mail: Mail) -> Iterator[Mail]:
    for number, part in enumerate(mail.walk()):
        if number == _MOST_PARTS:
            return
        yield part


def _envelope(whole: Mail) -> UUID | None:
    try:
        return UUID(hex=str(whole.get("Original-Envelope-Id", "")).strip())
    except ValueError:
        return None


def _enclosed(parts: list[Mail]) -> UUID | None:
    """The attempt whose mail, or whose headers, are enclosed."""
    for part in parts[1:]:
        if part.get_content_type() == "text/rfc822-headers":
            found = attempt_of(str(message_from_bytes(_bytes(part)).get("Message-ID", "")))
        else:
            found = attempt_of(str(part.get("Message-ID", "")))
        if found:
            return found
    return None


def _references(mail: Mail) -> str:
    return f"{mail.get('In-Reply-To', '')} {mail.get('References', '')}"


def _bytes(part: Mail) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _text(part: Mail) -> str:
    charset = str(part.get_content_charset("utf-8"))
    try:
        return _bytes(part).decode(charset, "replace")
    except LookupError:
        return _bytes(part).decode("utf-8", "replace")
