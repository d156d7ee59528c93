"""All settings, from environment variables named FORBEAR_…; the table in docs/running.md is made from this file.

`load_settings()` reads them; `resolve()` starts the embedded servers where no address is given and fills in theirs.
"""

import contextlib
import difflib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.embedded import servers
from config.embedded.state import default_state_dir
from domain.errors import BadSettings

PREFIX = "FORBEAR_"
TEST_PREFIX = "FORBEAR_TEST_"


class Settings(BaseSettings):
    """What an operator can set. Without any of it everything runs on this machine and nobody real is contacted."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    # Servers and files
    state_dir: Path = Field(default_factory=default_state_dir, description="Folder of the embedded servers and keys.")
    database_url: str | None = Field(
        default=None,
        repr=False,
        description="PostgreSQL ≥ 14 for the processes, as libpq takes it (`postgresql://…?sslmode=verify-full`). "
        "Unset: the embedded server.",
    )
    database_owner_url: str | None = Field(
        default=None,
        repr=False,
        description="The same database for `forbear release`, as the role that owns the tables. "
        "Unset: FORBEAR_DATABASE_URL is the owner's, and the processes step down by `SET ROLE forbear_app`.",
    )
    redis_url: str | None = Field(
        default=None,
        repr=False,
        description="Redis ≥ 6.2 or Valkey (`redis://`, `rediss://` for TLS). Unset: the embedded server.",
    )
    redis_ca: Path | None = Field(
        default=None, description="Certificate authorities for a `rediss://` address, as a PEM file."
    )
    keys_file: Path | None = Field(
        default=None,
        description="Key ring for personal data. Unset: `keys.json` in the state folder, made at first use.",
    )

    # Sending
    live: bool = Field(default=False, description="Whether real people may be contacted. Off: only the sandbox sends.")
    sms_provider: Literal["sandbox", "twilio"] = Field(default="sandbox", description="Who carries SMS.")
    voice_provider: Literal["sandbox", "twilio"] = Field(default="sandbox", description="Who places automated calls.")
    email_provider: Literal["sandbox", "smtp"] = Field(default="sandbox", description="Who carries email.")
    routes_file: Path | None = Field(
        default=None, description="Several providers a channel, with their limits; wins over the three above."
    )
    rehearsal: bool = Field(
        default=False,
        description="Real adapters against peers on this machine; only numbers reserved for fiction are reached.",
    )
    twilio_account_sid: str = Field(default="", description="Twilio account, `AC…`.")
    twilio_auth_token: SecretStr = Field(default=SecretStr(""), description="Twilio token; it also verifies callbacks.")
    twilio_sms_from: str = Field(
        default="", description="Sender of SMS: an E.164 number or a messaging service, `MG…`."
    )
    twilio_voice_from: str = Field(default="", description="Caller of automated calls, E.164.")
    twilio_base_url: str = Field(default="", description="Where Twilio's API is. Empty: Twilio's own address.")
    smtp_host: str = Field(default="", description="SMTP relay.")
    smtp_port: int = Field(default=587, ge=1, le=65535, description="Port of the SMTP relay.")
    smtp_tls: Literal["starttls", "implicit", "off"] = Field(
        default="starttls", description="How the SMTP session is secured."
    )
    smtp_ca: Path | None = Field(
        default=None, description="Certificate authorities for the SMTP relay. Unset: the system's."
    )
    smtp_username: str = Field(default="", description="User at the SMTP relay; empty for none.")
    smtp_password: SecretStr = Field(default=SecretStr(""), description="Password at the SMTP relay.")
    smtp_connections: int = Field(
        default=8, ge=1, description="Connections to the SMTP relay that each worker process keeps."
    )
    email_from: str = Field(default="", description="Address in From, for example `care@lender.example`.")
    email_bounces: str = Field(default="", description="Address that bounces return to. Empty: the From address.")
    dkim_domain: str = Field(default="", description="Domain that signs email. Empty: not signed.")
    dkim_selector: str = Field(default="forbear", description="Selector of the DKIM key.")
    dkim_key_file: Path | None = Field(default=None, description="Private DKIM key, PEM.")
    sandbox_seed: int = Field(default=1, description="Seed of the sandbox: the same seed, the same answers.")
    sandbox_latency_ms: int = Field(
        default=40, ge=0, description="How long the sandbox takes to accept one batch, at most."
    )

    # Web
    web_host: str = Field(default="127.0.0.1", description="Address that the web process listens on.")
    web_port: int = Field(
        default=8080, ge=0, le=65535, description="Port that the web process listens on; 0 takes a free one."
    )
    web_token: SecretStr = Field(
        default=SecretStr(""),
        description="Opens the pages, once as `/?token=…`, and the metrics as a bearer. "
        "Unset: made and kept in the state folder, in `web-token`.",
    )
    public_url: str = Field(
        default="", description="Address at which providers and debtors reach the web process, `https://…`."
    )
    webhook_secret: SecretStr = Field(
        default=SecretStr(""),
        description="Signs links and callbacks of providers that sign nothing. Unset: made from the keys.",
    )

    # Work
    clock: Literal["system", "accelerated"] = Field(
        default="system",
        description="`accelerated` follows the demo's clock in the state folder; refused with FORBEAR_LIVE.",
    )
    most_clock_skew_ms: int = Field(
        default=2000,
        ge=1,
        description="Nothing is sent where this machine's clock and the database's differ by more.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is logged."
    )
    scheduler_tick_ms: int = Field(
        default=1000, ge=10, description="How often the scheduler looks for debtors that are due."
    )
    claim_debtors: int = Field(default=500, ge=1, description="How many due debtors one dispatch transaction claims.")
    batch_attempts: int = Field(default=200, ge=1, description="How many attempts one queue message carries.")
    send_chunk: int = Field(
        default=100, ge=1, description="How many attempts are marked as sending, and in doubt if we die."
    )
    lease_seconds: int = Field(
        default=120,
        ge=1,
        description="How long a worker may take over a chunk; then it counts as dead, and the chunk is in doubt.",
    )
    worker_processes: int = Field(default=2, ge=1, description="Processes that `forbear worker` starts.")
    worker_threads: int = Field(default=4, ge=1, description="Threads of each channel in a worker process.")
    worker_prefetch: int = Field(default=64, ge=1, description="Queue messages that each worker process fetches ahead.")
    shutdown_seconds: int = Field(
        default=20, ge=1, description="How long a process may take to finish what it has begun."
    )

    @field_validator("database_url", "database_owner_url")
    @classmethod
    def _libpq_form(cls, url: str | None) -> str | None:
        """Accept the spellings of SQLAlchemy and Heroku; hand on libpq's, which everything understands."""
        if not url:
            return None
        scheme, separator, rest = url.partition("://")
        if not separator or scheme not in ("postgresql", "postgres", "postgresql+psycopg"):
            raise ValueError("must begin with postgresql://")
        return f"postgresql://{rest}"

    @field_validator("redis_url")
    @classmethod
    def _redis_form(cls, url: str | None) -> str | None:
        if url and urlsplit(url).scheme not in ("redis", "rediss", "unix"):
            raise ValueError("must begin with redis://, rediss:// or unix://")
        return url or None

    @field_validator("public_url")
    @classmethod
    def _without_slash(cls, url: str) -> str:
        if url and urlsplit(url).scheme not in ("http", "https"):
            raise ValueError("must begin with https://")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.live and self.clock != "system":
            raise ValueError("FORBEAR_CLOCK=accelerated and FORBEAR_LIVE=true exclude each other")
        if self.redis_ca and not (self.redis_url or "").startswith("rediss://"):
            raise ValueError("FORBEAR_REDIS_CA needs a FORBEAR_REDIS_URL that begins with rediss://")
        if self.database_owner_url and not self.database_url:
            raise ValueError("FORBEAR_DATABASE_OWNER_URL needs FORBEAR_DATABASE_URL")
        return self

    @property
    def keys_path(self) -> Path:
        """Where the key ring is."""
        return self.keys_file or self.state_dir / "keys.json"


def load_settings() -> Settings:
    """The settings of the environment. Raises `BadSettings`, which names each variable but never shows its value."""
    names = {name.upper() for name in os.environ if name.upper().startswith(PREFIX)}
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    for name in sorted(names - known):
        if name.startswith(TEST_PREFIX):
            continue
        near = difflib.get_close_matches(name, known, 1, cutoff=0.8)
        guess = f"Did you mean {near[0]}? " if near else ""
        raise BadSettings("there is no such setting.", where=name, remedy=f"{guess}docs/running.md lists them all.")
    try:
        return Settings()
    except ValidationError as error:
        raise _as_bad_settings(error) from None


def _as_bad_settings(error: ValidationError) -> BadSettings:
    fields = [str(problem["loc"][0]).upper().removeprefix(PREFIX) for problem in error.errors() if problem["loc"]]
    names = [PREFIX + field for field in fields]
    messages = [problem["msg"].removeprefix("Value error, ") for problem in error.errors(include_input=False)]
    return BadSettings(
        "; ".join(messages) + ".",
        where=", ".join(names) or "settings",
        remedy="Correct it in the environment; docs/running.md lists all settings.",
    )


def resolve(settings: Settings) -> Settings:
    """The settings with the address of every server: embedded ones are started where none is given.

    They stay up for as long as this process lives, and after it until `forbear servers stop`. Raises `Unavailable`.
    """
    if needs_embedded(settings):
        servers.claim(settings.state_dir)
    return _with_addresses(settings)


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[Settings]:
    """As `resolve`, for as long as the block lasts: then the embedded servers stop, unless someone else uses them."""
    with servers.using(settings.state_dir) if needs_embedded(settings) else contextlib.nullcontext():
        yield _with_addresses(settings)


def needs_embedded(settings: Settings) -> bool:
    """Whether any server is embedded."""
    return settings.database_url is None or settings.redis_url is None


def _with_addresses(settings: Settings) -> Settings:
    found: dict[str, str | Path] = {"state_dir": settings.state_dir.absolute()}
    if settings.database_url is None:
        found["database_url"], found["database_owner_url"] = servers.start_database(settings.state_dir)
    if settings.redis_url is None:
        found["redis_url"] = servers.start_queue(settings.state_dir)
    elif settings.redis_ca:
        found["redis_url"] = with_certificates(settings.redis_url, settings.redis_ca)
    return settings.model_copy(update=found)


def with_certificates(url: str, certificates: Path) -> str:
    """A `rediss://` address that names the authorities to trust, as redis-py reads it."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query)) | {"ssl_ca_certs": str(certificates)}
    return urlunsplit(parts._replace(query=urlencode(query, quote_via=quote)))
