"""Mails as bytes: read back whole by the standard library, signed so that dkimpy agrees, and closed to injection."""

import email
import email.policy
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from uuid import UUID

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from channels.dkim_signature import signer
from channels.mail import Sender, address, attempt_of, compose, header_text, message_id
from domain.errors import BadInput, BadSettings
from domain.message import Email
from tests.contract import messages

ATTEMPT = UUID("01234567-89ab-4def-8123-456789abcdef")
SENDER = Sender("care@lender.example", "Harbour Bank")
AT = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


def read(raw: bytes) -> EmailMessage:
    found = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def parts(raw: bytes) -> tuple[str, str]:
    whole = read(raw)
    text, html = whole.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    return tuple(part.get_payload(decode=True).decode() for part in (text, html))  # type: ignore[return-value, union-attr]


def lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def test_the_headers_are_those_of_a_decent_sender() -> None:
    whole = read(compose(messages.email(), ATTEMPT, SENDER, AT))
    assert whole["From"] == "Harbour Bank <care@lender.example>"
    assert whole["To"] == "client.4711@example.com"
    assert whole["Message-ID"] == f"<{ATTEMPT}@lender.example>"
    assert whole["Date"] == "Tue, 24 Nov 2026 15:00:00 +0000"
    assert whole["List-Unsubscribe"] == "<https://forbear.example.org/unsubscribe/abc>"
    assert whole["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert whole["Reply-To"] == "care@lender.example"
    assert whole["Auto-Submitted"] == "auto-generated"
    assert whole["Content-Language"] == "en"
    assert whole.get_content_type() == "multipart/alternative"
    assert whole.defects == []


@given(texts, texts)
def test_any_text_and_html_are_read_back(text: str, html: str) -> None:
    raw = compose(replace(messages.email(), text=text, html=html), ATTEMPT, SENDER, AT)
    found_text, found_html = parts(raw)
    assert lines(found_text) == lines(text)
    assert lines(found_html) == lines(html)
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert b"\r\n." not in raw, "it would have to be doubled"


long_lines = st.text(st.sampled_from("=. \t\n\rab\u00e9\u4e2d\U0001f600"), max_size=400)


@given(st.one_of(long_lines, st.text(st.sampled_from("abc=. \n"), max_size=400)))
def test_lines_of_any_length_are_broken_where_they_may_be(text: str) -> None:
    raw = compose(replace(messages.email(), text=text, html=f"<p>{text}</p>" * 3), ATTEMPT, SENDER, AT)
    found_text, found_html = parts(raw)
    assert lines(found_text) == lines(text)
    assert lines(found_html) == lines(f"<p>{text}</p>" * 3)
    assert all(len(line) <= 76 for line in raw.partition(b"\r\n\r\n")[2].split(b"\r\n"))
    assert b"\r\n." not in raw


def test_the_shorter_encoding_is_taken() -> None:
    for html, how in (
        ('<p style="a">English, mostly.</p>' * 50, "quoted-printable"),
        ('<p style="a" class="b">还款提醒</p>' * 50, "base64"),
        ("还款提醒" * 50, "base64"),
        ("", "quoted-printable"),
    ):
        raw = compose(replace(messages.email(), html=html), ATTEMPT, SENDER, AT)
        _, made = read(raw).iter_parts()
        assert made["Content-Transfer-Encoding"] == how


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=120))
def test_any_subject_is_read_back(subject: str) -> None:
    raw = compose(replace(messages.email(), subject=subject), ATTEMPT, SENDER, AT)
    assert all(len(line) <= 78 for line in raw.partition(b"\r\n\r\n")[0].split(b"\r\n") if b"Subject" in line)
    found = email.header.make_header(email.header.decode_header(email.message_from_bytes(raw)["Subject"] or ""))
    assert str(found).strip() == subject.strip() or str(found) == subject


@pytest.mark.parametrize(
    "subject",
    [
        "您的信用卡还款提醒:请在12月1日前处理,避免产生额外的罚息和信用记录影响",
        "信用卡" * 60,
        "Your €120 — naïve",
        "=?utf-8?B?eA==?=",
    ],
)
def test_subjects_that_need_encoding(subject: str) -> None:
    assert read(compose(replace(messages.email(), subject=subject), ATTEMPT, SENDER, AT))["Subject"] == subject


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "hello\r\nBcc: everyone@example.com"},
        {"subject": "hello\x00"},
        {"to": "a@example.com\r\nRCPT TO:<b@example.com>"},
        {"to": "a@example.com> SIZE=1"},
        {"to": "a b@example.com"},
        {"to": "a@example.com, b@example.com"},
        {"to": "no-address"},
        {"to": "@example.com"},
        {"to": "用户@example.com"},
        {"to": "a" * 65 + "@example.com"},
        {"reply_to": "x\n@example.com"},
        {"unsubscribe_url": "https://x.example.com/>\r\nBcc: b@example.com"},
        {"unsubscribe_url": "javascript:alert(1)"},
        {"language": "en\r\nX: y"},
    ],
)
def test_nothing_that_is_filled_in_adds_a_header(change: dict[str, str]) -> None:
    with pytest.raises(BadInput) as caught:
        compose(replace(messages.email(), **change), ATTEMPT, SENDER, AT)  # type: ignore[arg-type]
    assert next(iter(change.values())) not in str(caught.value)


@given(st.text(max_size=40))
def test_an_address_is_safe_or_refused(text: str) -> None:
    try:
        made = address(text)
    except BadInput:
        return
    assert made.isascii()
    assert not set(made) & set(b' \t\r\n<>,;:\\"()[]\x00')


def test_a_text_cannot_end_its_part() -> None:
    boundary = f"--=_{ATTEMPT.hex}--"
    hostile = replace(messages.email(), text=f"{boundary}\n\nFrom here", html=f"{boundary}<p>")
    text, html = parts(compose(hostile, ATTEMPT, SENDER, AT))
    assert boundary in text
    assert boundary in html


def test_the_message_id_names_the_attempt() -> None:
    assert message_id(ATTEMPT, "lender.example") == message_id(ATTEMPT, "lender.example")
    assert attempt_of(message_id(ATTEMPT, "lender.example").decode()) == ATTEMPT
    assert attempt_of("<CAF123@mail.example.com>") is None
    assert attempt_of(f"<x@y> <{ATTEMPT}@lender.example>") == ATTEMPT


@pytest.mark.parametrize("name", ['Harbour "the" Bank', "海港银行信用卡中心", "A\\B", ""])
def test_senders_of_any_name(name: str) -> None:
    whole = read(compose(messages.email(), ATTEMPT, Sender("care@lender.example", name), AT))
    (mailbox,) = whole["From"].addresses
    assert (mailbox.display_name, mailbox.addr_spec) == (name, "care@lender.example")


def rsa_key() -> tuple[bytes, bytes]:
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return pem(key), b"v=DKIM1; k=rsa; p=" + b64encode(public)


def ed25519_key() -> tuple[bytes, bytes]:
    key = ed25519.Ed25519PrivateKey.generate()
    return pem(key), b"v=DKIM1; k=ed25519; p=" + b64encode(
        key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    )


def pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_the_signature_holds_and_covers_what_matters() -> None:
    private, record = rsa_key()
    sign = signer("lender.example", "forbear", private)
    for content in (
        messages.email(),
        replace(messages.email(), text="", html=""),
        Email("a@example.com", "zh-Hans", "还款提醒" * 30, "您好\r\n\r\n\r\n", "<p>您好 </p>\n\n\n", "", None),
    ):
        raw = compose(content, ATTEMPT, SENDER, AT, sign)
        lookups: list[bytes] = []

        def txt(name: bytes, timeout: int = 5, seen: list[bytes] = lookups) -> bytes:
            seen.append(name)
            return record

        assert dkim.verify(raw, dnsfunc=txt)
        assert lookups[0].rstrip(b".") == b"forbear._domainkey.lender.example"
        for altered in (
            raw.replace(b"Subject: ", b"Subject: x"),
            raw.replace(b"From: ", b"From: x"),
            raw.replace(b"=_01234567", b"=_11234567"),
            raw + b"more",
            b"From: other@example.net\r\n" + raw,
        ):
            assert not dkim.verify(altered, dnsfunc=txt)


def test_an_ed25519_key_signs_by_its_algorithm() -> None:
    private, _ = ed25519_key()
    raw = compose(messages.email(), ATTEMPT, SENDER, AT, signer("lender.example", "ed", private))
    assert b"a=ed25519-sha256; c=relaxed/simple; d=lender.example; s=ed" in raw


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"garbage",
        pem(ec.generate_private_key(ec.SECP256R1())),
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
    ],
    ids=["empty", "garbage", "elliptic", "broken"],
)
def test_a_key_that_cannot_sign_says_so(key: bytes) -> None:
    with pytest.raises(BadSettings, match="FORBEAR_DKIM_KEY_FILE"):
        signer("lender.example", "forbear", key)


def test_plain_subjects_stay_readable() -> None:
    assert header_text("Your card payment") == b"Your card payment"
