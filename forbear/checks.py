"""What `forbear doctor` looks at: a list of small functions, each of which says what it found and what to do about it.

A check takes the settings, with the addresses of all servers, and the present; it yields findings and changes nothing.
Whatever cannot be looked at because something else is wrong is left to the check of that other thing.
"""

import datetime as dt
import importlib.util
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

import psycopg
import redis
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from config import zones
from config.embedded.state import LEAST_FREE_BYTES, ROOT
from config.settings import Settings
from domain.errors import ForbearError
from throttling.packs import load_packs

LEAST_POSTGRES = 14
LEAST_REDIS = (6, 2)
APP_ROLE = "forbear_app"
ZONES_OLD = dt.timedelta(days=550)
CALENDAR_NOTICE = dt.timedelta(days=60)
LOCAL = ("127.0.0.1", "::1", "localhost", "")


class Verdict(StrEnum):
    """`ok`; `note`: works, and worth knowing; `wrong`: does not work, or not safely."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what was found, and what to do unless it is ok."""

    subject: str
    verdict: Verdict
    found: str
    remedy: str = ""


Check = Callable[[Settings, dt.datetime], Iterator[Finding]]


def examine(settings: Settings, now: dt.datetime) -> list[Finding]:
    """All findings of all checks. A check that fails with one of our errors reports that error."""
    findings: list[Finding] = []
    for check in CHECKS:
        try:
            findings.extend(check(settings, now))
        except ForbearError as error:
            subject = check.__name__.removeprefix("check_")
            where = f"{error.where}: " if error.where else ""
            findings.append(Finding(subject, Verdict.WRONG, f"{where}{error.what}", error.remedy))
    return findings


def check_sending(settings: Settings, _now: dt.datetime) -> Iterator[Finding]:
    """Who carries messages, and whether what that needs is set."""
    providers = (settings.sms_provider, settings.voice_provider, settings.email_provider)
    if not settings.live:
        if set(providers) == {"sandbox"}:
            yield Finding("sending", Verdict.OK, "only the sandbox sends; nobody real is contacted")
        else:
            yield Finding(
                "sending",
                Verdict.NOTE,
                "real providers are named, but FORBEAR_LIVE is off, so nothing is sent through them",
                "Set FORBEAR_LIVE=true when real people may be contacted.",
            )
    else:
        yield Finding("sending", Verdict.OK, "live: SMS by {}, voice by {}, email by {}".format(*providers))
    for missing in _missing_for(settings):
        yield Finding(
            "sending", Verdict.WRONG, f"{missing} is not set", f"Set {missing}; docs/running.md says what to."
        )


def _missing_for(settings: Settings) -> Iterator[str]:
    """The settings that the chosen providers need and lack."""
    if "twilio" in (settings.sms_provider, settings.voice_provider):
        needed = {
            "FORBEAR_TWILIO_ACCOUNT_SID": settings.twilio_account_sid,
            "FORBEAR_TWILIO_AUTH_TOKEN": settings.twilio_auth_token.get_secret_value(),
            "FORBEAR_TWILIO_SMS_FROM": settings.sms_provider != "twilio" or settings.twilio_sms_from,
            "FORBEAR_TWILIO_VOICE_FROM": settings.voice_provider != "twilio" or settings.twilio_voice_from,
            "FORBEAR_PUBLIC_URL": settings.public_url,
        }
        yield from (name for name, value in needed.items() if not value)
    if settings.email_provider == "smtp":
        needed = {"FORBEAR_SMTP_HOST": settings.smtp_host, "FORBEAR_EMAIL_FROM": settings.email_from}
        yield from (name for name, value in needed.items() if not value)


def check_state(settings: Settings, _now: dt.datetime) -> Iterator[Finding]:
    """The state folder and its disk."""
    folder = settings.state_dir
    if not folder.exists():
        yield Finding("state", Verdict.OK, f"{folder} does not exist yet; it is made when needed")
        return
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        yield Finding("state", Verdict.WRONG, f"{folder}: only {free // 1024**2} MiB are free", "Free some space.")
    else:
        yield Finding("state", Verdict.OK, f"{folder}, {free // 1024**3} GiB free")


def check_database(settings: Settings, _now: dt.datetime) -> Iterator[Finding]:
    """Whether PostgreSQL can be reached, is new enough, encrypts what travels, and cannot bypass row-level security."""
    where = host(settings.database_url)
    try:
        with psycopg.connect(str(settings.database_url), connect_timeout=5) as connection:
            version = connection.info.server_version // 10000
            role, bypasses, steps_down = _role(connection)
            encrypted = connection.pgconn.ssl_in_use
    except psycopg.Error as error:
        yield Finding(
            "database",
            Verdict.WRONG,
            f"PostgreSQL at {where} cannot be reached ({type(error).__name__})",
            "See that it runs, and that FORBEAR_DATABASE_URL has the right address, role and password.",
        )
        return
    if version < LEAST_POSTGRES:
        yield Finding(
            "database", Verdict.WRONG, f"PostgreSQL {version}, too old", f"Use PostgreSQL {LEAST_POSTGRES} or newer."
        )
    else:
        yield Finding("database", Verdict.OK, f"PostgreSQL {version} at {where}, as {role}")
    if bypasses and not steps_down:
        yield Finding(
            "database",
            Verdict.WRONG,
            f"the role {role} bypasses row-level security, which keeps creditors apart",
            f"Run `forbear release`, which makes {APP_ROLE}, and log in as that role or as a member of it.",
        )
    if not encrypted and urlsplit(str(settings.database_url)).hostname not in (*LOCAL, None):
        yield Finding(
            "database",
            Verdict.NOTE,
            "the connection is not encrypted",
            "Add `?sslmode=verify-full&sslrootcert=FILE` to FORBEAR_DATABASE_URL.",
        )


def _role(connection: psycopg.Connection) -> tuple[str, bool, bool]:
    """The role, whether it bypasses row-level security, and whether it may become the one that does not."""
    row = connection.execute(
        "SELECT current_user::text, rolsuper OR rolbypassrls,"
        " EXISTS (SELECT FROM pg_roles app WHERE app.rolname = %s AND pg_has_role(current_user, app.oid, 'MEMBER'))"
        " FROM pg_roles WHERE rolname = current_user",
        [APP_ROLE],
    ).fetchone()
    return row or ("?", True, False)


def check_migrations(settings: Settings, _now: dt.datetime) -> Iterator[Finding]:
    """Whether the database has the tables that this version of Forbear expects."""
    try:
        expected = ScriptDirectory(str(ROOT / "storage" / "migrations")).get_current_head()
    except CommandError:
        yield Finding("migrations", Verdict.WRONG, "the migrations are not installed", "Install Forbear again.")
        return
    try:
        with psycopg.connect(
            settings.database_owner_url or str(settings.database_url), connect_timeout=5
        ) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except psycopg.errors.UndefinedTable:
        row = None
    except psycopg.Error:
        return
    if row is None:
        yield Finding("migrations", Verdict.WRONG, "the database is empty", "Run `forbear release`.")
    elif row[0] != expected:
        yield Finding(
            "migrations",
            Verdict.WRONG,
            f"the database is at {row[0]}, and this version needs {expected}",
            "Run `forbear release` with the newest version that uses this database.",
        )
    else:
        yield Finding("migrations", Verdict.OK, f"at {expected}")


def check_queue(settings: Settings, _now: dt.datetime) -> Iterator[Finding]:
    """Whether Redis or Valkey can be reached, is new enough, and drops nothing when its memory is full."""
    where = host(settings.redis_url)
    try:
        with redis.Redis.from_url(str(settings.redis_url), socket_connect_timeout=5, socket_timeout=5) as client:
            info = client.info()
    except (redis.RedisError, OSError) as error:
        yield Finding(
            "queue",
            Verdict.WRONG,
            f"Redis or Valkey at {where} cannot be reached ({type(error).__name__})",
            "See that it runs, and that FORBEAR_REDIS_URL has the right address and password.",
        )
        return
    name, version = ("Valkey", info["valkey_version"]) if "valkey_version" in info else ("Redis", info["redis_version"])
    if name == "Redis" and tuple(map(int, version.split(".")[:2])) < LEAST_REDIS:
        yield Finding("queue", Verdict.WRONG, f"Redis {version}, too old", "Use Redis 6.2 or newer, or Valkey.")
    else:
        yield Finding("queue", Verdict.OK, f"{name} {version} at {where}")
    if info.get("maxmemory_policy", "noeviction") != "noeviction":
        yield Finding(
            "queue",
            Verdict.WRONG,
            f"it drops keys when its memory is full ({info['maxmemory_policy']}): limits and queues would be forgotten",
            "Set maxmemory-policy to noeviction.",
        )


def check_keys(settings: Settings, _now: dt.datetime) -> Iterator[Finding]:
    """Whether the key ring is there and for its owner alone."""
    path = settings.keys_path
    if not path.exists():
        yield Finding(
            "keys", Verdict.NOTE, f"{path} does not exist", "`forbear release` makes it. Then keep a copy safe."
        )
    elif mode := stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield Finding("keys", Verdict.WRONG, f"{path} is open to others (mode {mode:03o})", f"Run `chmod 600 {path}`.")
    else:
        yield Finding("keys", Verdict.OK, f"{path}, readable by its owner alone")


def check_packs(_settings: Settings, now: dt.datetime) -> Iterator[Finding]:
    """Whether the policy packs can be read and are in force, and until when their holidays are known."""
    library = load_packs()
    current = library.at(None, now)
    yield Finding("packs", Verdict.OK, f"{len(current)} policy packs in force")
    for name in sorted(library.ids - {pack.id for pack in current}):
        yield Finding("packs", Verdict.NOTE, f"no version of the pack {name} is in force", "Look at its dates.")
    for name in sorted({pack.calendar for pack in current if pack.calendar}):
        until = dt.date.fromordinal(library.calendars[name].known_until)
        found = f"the holidays of {name} are known until {until}; contacts that need later ones are held"
        remedy = f"Update config/calendars/{name}.yaml as soon as the next year's holidays are announced."
        if until < now.date():
            yield Finding("calendars", Verdict.WRONG, found, remedy)
        elif until < (now + CALENDAR_NOTICE).date():
            yield Finding("calendars", Verdict.NOTE, found, remedy)
        else:
            yield Finding("calendars", Verdict.OK, f"{name} is known until {until}")


def check_zones(_settings: Settings, now: dt.datetime) -> Iterator[Finding]:
    """Whether the time zone data in use is recent: governments change their clocks at short notice."""
    used = zones.use_newest()
    found = f"time zones {used.release} from {used.source}"
    if now - dt.datetime(int(used.release[:4]), 1, 1, tzinfo=dt.UTC) > ZONES_OLD:
        yield Finding("zones", Verdict.NOTE, f"{found}, not recent", "Update the package tzdata.")
    else:
        yield Finding("zones", Verdict.OK, found)


def check_installation(_settings: Settings, _now: dt.datetime) -> Iterator[Finding]:
    """Whether all folders of the program are there."""
    folders = ("campaigns", "channels", "config", "domain", "storage", "throttling", "web", "workers")
    missing = [name for name in folders if importlib.util.find_spec(name) is None]
    if missing:
        yield Finding("installation", Verdict.WRONG, f"{ROOT} lacks {', '.join(missing)}", "Install Forbear again.")
    else:
        yield Finding("installation", Verdict.OK, str(ROOT))


def host(url: str | None) -> str:
    """The host and port of an address, without its user and password."""
    parts = urlsplit(url or "")
    return f"{parts.hostname or parts.path or 'localhost'}:{parts.port}" if parts.port else str(parts.hostname or "?")


CHECKS: list[Check] = [
    check_installation,
    check_sending,
    check_state,
    check_database,
    check_migrations,
    check_queue,
    check_keys,
    check_packs,
    check_zones,
]
"""In the order in which they are shown. Add a check here; give it a name that begins with `check_`."""
