"""The dialogue with a relay: TLS, passwords, reports, kept connections, and every way in which it can end."""

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from email import message_from_bytes
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP as Server
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session
from aiosmtplib import SMTP, SMTPException
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from channels import smtp_pool
from channels.protocol import EXPIRED
from channels.smtp import Smtp, SmtpSettings
from channels.smtp_codes import Phase, meaning
from domain.channel import Channel
from domain.errors import BadInput
from domain.message import Accepted, Email, Failure, InDoubt, NotAccepted
from tests.contract.messages import MAILBOX, email, message, now
from tests.contract.rigs import SECONDS, smtp_settings
from tests.contract.smtp_peer import BY_TURNS, CUT, EXTENSIONS, SILENCE, SmtpPeer, relay


@pytest.fixture(params=[EXTENSIONS, BY_TURNS], ids=["pipelining", "by turns"])
async def peer(request: pytest.FixtureRequest) -> AsyncIterator[SmtpPeer]:
    """A relay that can misbehave, and takes commands together or each by itself."""
    async with relay(extensions=request.param) as made:
        yield made


@pytest.fixture
async def smtp(peer: SmtpPeer) -> AsyncIterator[Smtp]:
    """The adapter."""
    adapter = Smtp(replace(smtp_settings(peer.port), connections=1), now)
    yield adapter
    await adapter.close()


async def test_the_envelope_asks_for_what_the_relay_offers(smtp: Smtp, peer: SmtpPeer) -> None:
    sent = message(Channel.EMAIL, hours=1)
    result = await smtp.send(sent)
    assert result == Accepted("4Z0hV12345")
    (taken,) = peer.taken
    size = len(taken.body)
    assert taken.sender == f"FROM:<care@lender.example> SIZE={size} RET=HDRS ENVID={sent.attempt_id.hex} BY=3600;R"
    assert taken.recipient == f"TO:<{MAILBOX}> NOTIFY=FAILURE,DELAY ORCPT=rfc822;{MAILBOX}"


async def test_a_mailbox_for_reports_asks_for_success_too(peer: SmtpPeer) -> None:
    settings = replace(smtp_settings(peer.port), bounces="bounces@lender.example")
    adapter = Smtp(settings, now)
    tagged = Email("a+b=c@example.com", "en", "s", "t", "h", "")
    await adapter.send(message(Channel.EMAIL, tagged))
    assert peer.taken[0].sender.startswith("FROM:<bounces@lender.example>")
    assert peer.taken[0].recipient.endswith("NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;a+2Bb+3Dc@example.com")
    await adapter.close()


async def test_a_plain_relay_is_asked_for_nothing_more(smtp: Smtp, peer: SmtpPeer) -> None:
    peer.extensions = ()
    await smtp.send(message(Channel.EMAIL))
    assert peer.taken[0].sender == "FROM:<care@lender.example>"
    assert peer.taken[0].recipient == f"TO:<{MAILBOX}>"


async def test_dots_and_line_ends_arrive_as_they_were(smtp: Smtp, peer: SmtpPeer) -> None:
    dotted = replace(email(), text=".\n..\n.hidden\nplain.\n")
    await smtp.send(message(Channel.EMAIL, dotted))
    taken = message_from_bytes(peer.taken[0].body)
    (text, _) = taken.get_payload()
    assert text.get_payload(decode=True) == b".\r\n..\r\n.hidden\r\nplain.\r\n"
    assert peer.taken[0].body.endswith(b"--\r\n")


async def test_one_connection_carries_many(smtp: Smtp, peer: SmtpPeer) -> None:
    for _ in range(5):
        await smtp.send(message(Channel.EMAIL))
    assert (peer.connections, len(peer.taken)) == (1, 5)


async def test_a_connection_is_given_back_after_its_share(
    smtp: Smtp, peer: SmtpPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_pool, "MOST_PER_CONNECTION", 2)
    for _ in range(5):
        await smtp.send(message(Channel.EMAIL))
    assert (peer.connections, len(peer.taken)) == (3, 5)


async def test_a_kept_connection_that_fell_costs_nothing(smtp: Smtp, peer: SmtpPeer) -> None:
    await smtp.send(message(Channel.EMAIL))
    peer.drop_all()
    assert isinstance(await smtp.send(message(Channel.EMAIL)), Accepted)
    assert len(peer.taken) == 2


async def test_a_connection_that_lay_idle_is_asked_first(
    smtp: Smtp, peer: SmtpPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await smtp.send(message(Channel.EMAIL))
    monkeypatch.setattr(smtp_pool, "IDLE_SECONDS", -1.0)
    peer.replies = {"noop": CUT}
    assert isinstance(await smtp.send(message(Channel.EMAIL)), Accepted)
    assert "NOOP" in peer.commands
    assert peer.connections == 2


async def test_after_a_refusal_the_next_mail_goes_through(smtp: Smtp, peer: SmtpPeer) -> None:
    peer.replies = {"rcpt": b"550 5.1.1 no such user"}
    await smtp.send(message(Channel.EMAIL))
    peer.replies = {}
    assert isinstance(await smtp.send(message(Channel.EMAIL)), Accepted)
    assert peer.connections == 1
    assert "RSET" in peer.commands


@pytest.mark.parametrize("step", ["greeting", "ehlo", "mail", "rcpt", "data"])
@pytest.mark.parametrize("reply", [CUT, SILENCE, b"\xff garbage"], ids=["cut", "silence", "garbage"])
async def test_before_the_body_left_nothing_was_taken(
    smtp: Smtp, peer: SmtpPeer, step: str, reply: bytes | None
) -> None:
    peer.replies = {step: reply}
    result = await smtp.send(message(Channel.EMAIL))
    assert isinstance(result, NotAccepted)
    assert result.is_retryable
    assert result.failure in (Failure.PROVIDER_DOWN, Failure.UNKNOWN)
    assert peer.taken == []


@pytest.mark.parametrize("reply", [CUT, SILENCE, b"\xff garbage", b"150 hm", b"999 hm"])
async def test_once_the_body_left_it_is_in_doubt(smtp: Smtp, peer: SmtpPeer, reply: bytes | None) -> None:
    peer.replies = {"body": reply}
    assert isinstance(await smtp.send(message(Channel.EMAIL)), InDoubt)
    assert len(peer.taken) == 1


async def test_a_reply_to_the_body_is_a_word(smtp: Smtp, peer: SmtpPeer) -> None:
    peer.replies = {"body": b"554 5.7.1 looks like spam"}
    assert await smtp.send(message(Channel.EMAIL)) == NotAccepted(Failure.FILTERED, "554 5.7.1", is_retryable=False)
    peer.replies = {"body": b"452 4.3.1 disk full"}
    assert await smtp.send(message(Channel.EMAIL)) == NotAccepted(Failure.BUSY, "452 4.3.1", is_retryable=True)


async def test_a_refusal_stands_even_where_the_relay_then_hangs_up(smtp: Smtp, peer: SmtpPeer) -> None:
    peer.replies = {"rcpt": b"550 5.1.1 no", "rset": CUT}
    result = await smtp.send(message(Channel.EMAIL))
    assert result == NotAccepted(Failure.INVALID_POINT, "550 5.1.1", is_retryable=False)


@pytest.mark.parametrize("step", ["rcpt", "body"])
async def test_a_refusal_stands_even_where_the_relay_then_falls_silent(smtp: Smtp, peer: SmtpPeer, step: str) -> None:
    peer.replies = {step: b"554 5.7.1 looks like spam", "rset": SILENCE}
    result = await smtp.send(message(Channel.EMAIL))
    assert result == NotAccepted(Failure.FILTERED, "554 5.7.1", is_retryable=False)


async def test_a_relay_that_says_a_reply_twice_costs_no_later_mail(smtp: Smtp, peer: SmtpPeer) -> None:
    peer.replies = {"body": b"250 2.0.0 Ok: queued as 4Z0hV12345\r\n250 2.0.0 Ok: queued as 4Z0hV12345"}
    await smtp.send(message(Channel.EMAIL))
    peer.replies = {}
    assert await smtp.send(message(Channel.EMAIL)) == Accepted("4Z0hV12345")
    assert (peer.connections, len(peer.taken)) == (2, 2)


async def test_a_relay_that_asks_for_the_body_twice_gets_it_once_at_most(smtp: Smtp, peer: SmtpPeer) -> None:
    peer.replies = {"data": b"354 go on\r\n354 go on"}
    assert isinstance(await smtp.send(message(Channel.EMAIL)), NotAccepted | InDoubt)
    peer.replies = {}
    assert await smtp.send(message(Channel.EMAIL)) == Accepted("4Z0hV12345")
    assert peer.connections == 2


async def test_what_a_relay_says_unasked_is_no_answer_to_the_next_mail(smtp: Smtp, peer: SmtpPeer) -> None:
    await smtp.send(message(Channel.EMAIL))
    peer.say_to_all(b"250 2.0.0 by the way")
    await asyncio.sleep(0.05)
    assert await smtp.send(message(Channel.EMAIL)) == Accepted("4Z0hV12345")
    assert (peer.connections, len(peer.taken)) == (2, 2)


async def test_a_reply_may_have_many_lines_and_come_in_pieces(smtp: Smtp, peer: SmtpPeer) -> None:
    peer.replies = {"rcpt": b"550-5.1.1 nobody\r\n550 5.1.1 of that name"}
    assert await smtp.send(message(Channel.EMAIL)) == NotAccepted(
        Failure.INVALID_POINT, "550 5.1.1", is_retryable=False
    )
    peer.replies = {"body": b"250-2.0.0 thanks\r\n250 2.0.0 Ok: queued as 4Z0hV12345"}
    assert await smtp.send(message(Channel.EMAIL)) == Accepted("4Z0hV12345")


async def test_a_window_that_closes_while_the_relay_takes_its_time(peer: SmtpPeer) -> None:
    for step in ("EHLO", "RCPT", "DATA"):

        def later(step: str = step) -> datetime.datetime:
            return now() + datetime.timedelta(hours=any(step in one for one in peer.commands))

        adapter = Smtp(smtp_settings(peer.port), later)
        assert await adapter.send(message(Channel.EMAIL, hours=1)) == EXPIRED
        assert peer.taken == []
        await adapter.close()
        peer.commands.clear()


async def test_what_is_left_of_the_window_is_reckoned_once_there_is_a_connection(peer: SmtpPeer) -> None:
    adapter = Smtp(smtp_settings(peer.port), lambda: now() + datetime.timedelta(minutes=10 * peer.connections))
    assert isinstance(await adapter.send(message(Channel.EMAIL, hours=1)), Accepted)
    assert peer.taken[0].sender.endswith("BY=3000;R")
    await adapter.close()


@pytest.mark.parametrize("reply", [b"500 5.5.1 no", SILENCE], ids=["refused", "silent"])
async def test_a_connection_that_came_to_nothing_is_closed(peer: SmtpPeer, reply: bytes | None) -> None:
    peer.replies = {"ehlo": reply}
    made = SMTP(hostname="127.0.0.1", port=peer.port, start_tls=False)
    with pytest.raises((SMTPException, TimeoutError)):
        async with asyncio.timeout(SECONDS):
            await smtp_pool.Pool(lambda: made, 1).fresh()
    assert not made.is_connected


async def test_a_relay_that_closes_shop_says_so(smtp: Smtp, peer: SmtpPeer) -> None:
    peer.replies = {"mail": b"421 4.3.2 shutting down"}
    result = await smtp.send(message(Channel.EMAIL))
    assert isinstance(result, NotAccepted)
    assert (result.failure, result.is_retryable) == (Failure.BUSY, True)
    peer.replies = {"greeting": b"554 5.7.1 we do not know you"}
    assert await smtp.send(message(Channel.EMAIL)) == NotAccepted(Failure.PROVIDER_DOWN, "554 5.7.1", is_retryable=True)


@pytest.mark.parametrize(
    ("code", "text", "phase", "failure", "retryable"),
    [
        (550, "5.1.1 unknown", Phase.RECIPIENT, Failure.INVALID_POINT, False),
        (550, "mailbox unavailable", Phase.RECIPIENT, Failure.INVALID_POINT, False),
        (550, "no", Phase.CONTENT, Failure.FILTERED, False),
        (550, "no", Phase.SENDER, Failure.SENDER_LIMITED, False),
        (452, "4.2.2 full", Phase.RECIPIENT, Failure.UNREACHABLE, True),
        (552, "5.2.2 full", Phase.RECIPIENT, Failure.UNREACHABLE, False),
        (552, "5.3.4 too big", Phase.CONTENT, Failure.BAD_REQUEST, False),
        (550, "5.7.26 unauthenticated mail", Phase.CONTENT, Failure.SENDER_LIMITED, False),
        (535, "5.7.8 wrong password", Phase.CONNECT, Failure.AUTHENTICATION, True),
        (450, "try later", Phase.RECIPIENT, Failure.BUSY, True),
        (471, "?", Phase.RECIPIENT, Failure.UNKNOWN, True),
        (571, "?", Phase.RECIPIENT, Failure.UNKNOWN, False),
        (-1, "garbage", Phase.RECIPIENT, Failure.UNKNOWN, False),
    ],
)
def test_what_replies_mean(code: int, text: str, phase: Phase, failure: Failure, retryable: bool) -> None:
    found, _ = meaning(code, text, phase)
    assert (found.failure, found.is_retryable) == (failure, retryable)


@pytest.mark.parametrize("sender", ["", "no address", "a@b\r\nX: y", "Name <a@b> x"])
def test_a_sender_that_is_none_is_refused_at_once(sender: str) -> None:
    with pytest.raises(BadInput):
        Smtp(SmtpSettings("127.0.0.1", sender, tls="off"), now)


async def test_an_unsafe_mail_is_refused_without_a_word_of_it(smtp: Smtp, peer: SmtpPeer) -> None:
    result = await smtp.send(message(Channel.EMAIL, email(subject="x\r\nBcc: y@example.com")))
    assert result == NotAccepted(Failure.BAD_REQUEST, "unsafe_subject", is_retryable=False)
    assert peer.connections == 0


# --- over TLS, against aiosmtpd


class Inbox:
    """What aiosmtpd got."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []

    async def handle_DATA(self, server: Server, session: Session, envelope: Envelope) -> str:
        self.mails.append(envelope)
        return "250 2.0.0 Ok"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server's context for 127.0.0.1, and the authority's certificate in a file."""
    folder = tmp_path_factory.mktemp("tls")
    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("Authority", authority_key, "Authority", authority_key, is_authority=True)
    server = _certificate("127.0.0.1", server_key, "Authority", authority_key, is_authority=False)
    (folder / "ca.pem").write_bytes(authority.public_bytes(Encoding.PEM))
    private = server_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.pem").write_bytes(private + server.public_bytes(Encoding.PEM))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem")
    return context, folder / "ca.pem"


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    is_authority: bool,
) -> x509.Certificate:
    today = datetime.datetime.now(datetime.UTC)

    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if not is_authority:
        address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        builder = builder.add_extension(address, critical=False)
    else:
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def _authenticate(server: Server, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (b"harbour", b"secret")
    return AuthResult(success=known, handled=False)


# aiosmtpd warns of passwords without STARTTLS, and does not know that TLS was there from the start
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


@pytest.fixture(params=["starttls", "implicit"])
async def secured(
    request: pytest.FixtureRequest, certificates: tuple[ssl.SSLContext, Path]
) -> AsyncIterator[tuple[SmtpSettings, Inbox]]:
    """Settings for aiosmtpd that asks for TLS and a password, and what it gets."""
    context, authority = certificates
    inbox = Inbox()
    is_implicit = request.param == "implicit"

    def session() -> Server:
        return Server(
            inbox,
            hostname="relay.example",
            tls_context=None if is_implicit else context,
            require_starttls=not is_implicit,
            authenticator=_authenticate,
            auth_required=True,
            auth_require_tls=not is_implicit,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(session, "127.0.0.1", 0, ssl=context if is_implicit else None)
    port = server.sockets[0].getsockname()[1]
    settings = replace(
        smtp_settings(port), tls=request.param, ca=authority, username="harbour", password="secret", seconds=5.0
    )
    yield settings, inbox
    server.close()


async def test_mail_goes_over_tls_with_a_password(secured: tuple[SmtpSettings, Inbox]) -> None:
    settings, inbox = secured
    adapter = Smtp(settings, now)
    sent = message(Channel.EMAIL)
    assert await adapter.send(sent) == Accepted(sent.attempt_id.hex)
    assert (inbox.mails[0].mail_from, inbox.mails[0].rcpt_tos) == ("care@lender.example", [MAILBOX])
    await adapter.close()


async def test_a_certificate_of_nobody_we_know_is_refused(secured: tuple[SmtpSettings, Inbox]) -> None:
    settings, inbox = secured
    adapter = Smtp(replace(settings, ca=None), now)
    result = await adapter.send(message(Channel.EMAIL))
    assert result == NotAccepted(Failure.PROVIDER_DOWN, "tls", is_retryable=True)
    assert inbox.mails == []
    await adapter.close()


async def test_a_wrong_password_is_told_apart(secured: tuple[SmtpSettings, Inbox]) -> None:
    settings, inbox = secured
    adapter = Smtp(replace(settings, password="wrong"), now)
    result = await adapter.send(message(Channel.EMAIL))
    assert result == NotAccepted(Failure.AUTHENTICATION, "535", is_retryable=True)
    assert inbox.mails == []
    await adapter.close()


async def test_a_relay_without_starttls_gets_nothing(peer: SmtpPeer) -> None:
    adapter = Smtp(replace(smtp_settings(peer.port), tls="starttls"), now)
    result = await adapter.send(message(Channel.EMAIL))
    assert isinstance(result, NotAccepted)
    assert (result.failure, result.is_retryable) == (Failure.PROVIDER_DOWN, True)
    assert peer.taken == []
    assert not any(command.startswith("MAIL") for command in peer.commands)
    await adapter.close()
