"""What comes back of a mail, as relays and people write it: reports of delivery, a complaint, a reply. Pure."""

from dataclasses import dataclass
from uuid import UUID

BOUNCES = "bounces@lender.example"
"""Where reports return to."""
STATUS = {"delivered": "2.0.0", "relayed": "2.0.0", "delayed": "4.4.1", "failed": "5.2.2"}
"""What each action is told with."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A mail that the relay took: its name there, the attempt, who gets it, and its headers."""

    queue_id: str
    attempt_id: UUID
    to: str
    headers: bytes


def report(mail: Posted, action: str, *, is_envelope_lost: bool = False) -> bytes:
    """A delivery status notification (RFC 3464), as Postfix writes it; the envelope's id may have been lost."""
    envelope = b"" if is_envelope_lost else b"Original-Envelope-Id: %s\r\n" % mail.attempt_id.hex.encode()
    status, recipient = STATUS[action].encode(), mail.to.encode()
    told = (
        b"Reporting-MTA: dns; relay.example\r\n%sX-Postfix-Queue-ID: %s\r\n\r\n"
        b"Final-Recipient: rfc822; %s\r\nOriginal-Recipient: rfc822;%s\r\nAction: %s\r\nStatus: %s\r\n"
    ) % (envelope, mail.queue_id.encode(), recipient, recipient, action.encode(), status)
    return _report(mail, b"delivery-status", b"message/delivery-status", told)


def complaint(mail: Posted) -> bytes:
    """Somebody pressed «this is spam» (RFC 5965)."""
    told = b"Feedback-Type: abuse\r\nUser-Agent: mailbox/1.0\r\nVersion: 1\r\n"
    return _report(mail, b"feedback-report", b"message/feedback-report", told)


def reply(sender: str, text: str, number: int) -> bytes:
    """A mail that somebody wrote by themselves, and that answers none of ours."""
    return (
        f"From: <{sender}>\r\nTo: <care@lender.example>\r\nSubject: your mails\r\n"
        f"Message-ID: <{number}@mail.example>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    ).encode()


def _report(mail: Posted, kind: bytes, content_type: bytes, told: bytes) -> bytes:
    boundary = b"=_" + mail.queue_id.encode()
    return b"\r\n".join(
        (
            b"From: MAILER-DAEMON@relay.example",
            b"To: " + BOUNCES.encode(),
            b"Subject: About your mail",
            b"Auto-Submitted: auto-replied",
            b"MIME-Version: 1.0",
            b'Content-Type: multipart/report; report-type=%s; boundary="%s"' % (kind, boundary),
            b"",
            b"--" + boundary,
            b"Content-Type: text/plain; charset=us-ascii\r\n\r\nThis is the mail system at relay.example.",
            b"--" + boundary,
            b"Content-Type: " + content_type + b"\r\n\r\n" + told,
            b"--" + boundary,
            b"Content-Type: text/rfc822-headers\r\n\r\n" + mail.headers,
            b"--" + boundary + b"--",
            b"",
        )
    )
