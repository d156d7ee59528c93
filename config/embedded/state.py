"""The state folder: where it is, who owns it, the lock that serialises starts and stops, and the access file.

Layout: `lock` and `users` (files that are only locked), `access.json` (mode 0600: ports and passwords), `programs/`
(copies of the servers' programs, where the service account cannot reach the originals), `postgres/`, `valkey/`.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from domain.errors import BadSettings, Unavailable

ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds the top-level packages: the checkout, or `forbear/_app` of an installation."""

LEAST_FREE_BYTES = 200 * 1024 * 1024


def default_state_dir() -> Path:
    """Where state is kept when `FORBEAR_STATE_DIR` is not set.

    In a checkout `.state` beside the code; otherwise `~/.local/share/forbear`. Root's servers run as an unprivileged
    account, which must be able to reach the folder: as root it is under `/var/lib/forbear` wherever the checkout is not
    open to that account.
    """
    in_checkout = ROOT.name != "_app" and os.access(ROOT, os.W_OK)
    if os.geteuid() != 0:
        data_home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
        return ROOT / ".state" if in_checkout else data_home / "forbear"
    if not in_checkout:
        return Path("/var/lib/forbear")
    if is_open_to_all(ROOT):
        return ROOT / ".state"
    return Path("/var/lib/forbear") / f"checkout-{hashlib.sha256(bytes(ROOT)).hexdigest()[:8]}"


def is_open_to_all(folder: Path) -> bool:
    """Whether every account may pass through `folder` and all folders above it."""
    return all(step.stat().st_mode & stat.S_IXOTH for step in (folder, *folder.parents))


def make_folder(path: Path, mode: int) -> None:
    """Make a folder, and those above it, of exactly this mode whatever the umask; what exists stays as it is."""
    if path.is_dir():
        return
    make_folder(path.parent, mode)
    try:
        path.mkdir()
        path.chmod(mode)
    except FileExistsError:
        if not path.is_dir():
            raise


def prepare(state: Path) -> Path:
    """Make the state folder if need be and return its resolved path.

    Raises `BadSettings` where it belongs to someone else or cannot be made, `Unavailable` where its disk is full.
    """
    try:
        make_folder(state, 0o711 if os.geteuid() == 0 else 0o700)
        state = state.resolve(strict=True)
        owner = state.stat().st_uid
        free = shutil.disk_usage(state).free
    except OSError as error:
        raise BadSettings(
            f"the state folder cannot be used ({os.strerror(error.errno or 0)}).",
            where=str(state),
            remedy="Set FORBEAR_STATE_DIR to a folder that you may write.",
        ) from None
    if owner != os.geteuid():
        raise BadSettings(
            f"the state folder belongs to uid {owner}, and you are uid {os.geteuid()}.",
            where=str(state),
            remedy="Run as its owner, or set FORBEAR_STATE_DIR to a folder of your own.",
        )
    if os.geteuid() == 0 and not is_open_to_all(state):
        raise BadSettings(
            "the state folder is closed to the unprivileged account that root's servers run as.",
            where=str(state),
            remedy="Set FORBEAR_STATE_DIR to a folder that other accounts may pass through, such as /var/lib/forbear.",
        )
    if free < LEAST_FREE_BYTES:
        raise Unavailable(
            f"only {free // 1024**2} MiB are free for the embedded servers.",
            where=str(state),
            remedy=f"Free at least {LEAST_FREE_BYTES // 1024**2} MiB, or set FORBEAR_STATE_DIR to another disk.",
        )
    return state


@contextlib.contextmanager
def exclusive(state: Path) -> Iterator[None]:
    """Hold the folder's lock: one process at a time starts or stops servers. Waits for the others."""
    handle = _open_lock(state / "lock")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class Use:
    """A claim that this process uses the servers; the kernel drops it when the process ends, however it ends."""

    def __init__(self, state: Path) -> None:
        self._handle = _open_lock(state / "users")
        fcntl.flock(self._handle, fcntl.LOCK_SH)

    def release_and_check_last(self) -> bool:
        """Give the claim up; True if no other process has one. Call it under `exclusive`."""
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(self._handle)
        return True


def _open_lock(path: Path) -> int:
    """Closed to others, who could otherwise take the lock and keep it."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@dataclass(frozen=True, slots=True)
class Access:
    """How the servers are reached: ports on 127.0.0.1 and generated passwords. A port of 0 is not chosen yet."""

    postgres_port: int
    owner_password: str
    app_password: str
    valkey_port: int
    valkey_password: str


def new_password() -> str:
    """A password of 192 random bits, of characters that need no quoting in URLs, SQL or configuration files."""
    return secrets.token_urlsafe(24).replace("-", "x").replace("_", "y")


def read_access(state: Path) -> Access:
    """The access file, made with fresh passwords where there is none. Call it under `exclusive`.

    Raises `BadSettings` where the file is not one of ours.
    """
    path = state / "access.json"
    try:
        return Access(**json.loads(path.read_text()))
    except FileNotFoundError:
        access = Access(0, new_password(), new_password(), 0, new_password())
        write_access(state, access)
        return access
    except (ValueError, TypeError):
        raise BadSettings(
            "the file with the ports and passwords of the embedded servers is damaged.",
            where=str(path),
            remedy="Restore it from a backup: without it the database cannot be opened.",
        ) from None


def write_access(state: Path, access: Access) -> None:
    """Replace the access file in one step; it is readable by its owner alone from its first byte on."""
    path = state / "access.json"
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        json.dump(asdict(access), handle)
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(path)
