"""Who may see the pages: whoever has the token, given once as `/?token=…`, by the form, or as a bearer.

Webhooks, health and debtors' links have signatures of their own. The cookie holds a digest of the token, so that
neither a cookie jar nor a proxy's log of cookies gives the token away; a new token ends every session.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from config.settings import Settings
from domain.errors import BadSettings

COOKIE = "forbear_session"
FILE = "web-token"
LEAST = 16
"""Characters of a token that somebody sets; ours have 43."""
OPEN_PATHS = ("/webhooks/", "/unsubscribe/", "/pay/", "/help/", "/static/")
OPEN = frozenset({"/health", "/ready", "/sign-in", "/favicon.ico"})


def web_token(settings: Settings) -> str:
    """The token: the setting, else the one in the state folder, which is made if need be, readable by its owner alone.

    Raises BadSettings where the setting is too short to resist guessing.
    """
    given = settings.web_token.get_secret_value()
    if given:
        if len(given) < LEAST:
            raise BadSettings(
                f"the token is shorter than {LEAST} characters.",
                where="FORBEAR_WEB_TOKEN",
                remedy="Set a longer one, or none: then one is made.",
            )
        return given
    return kept_token(settings.state_dir / FILE)


def kept_token(path: Path) -> str:
    """The token in a file. Whoever comes first makes it; all others, at the same time too, read that one."""
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return path.read_text(encoding="ascii").strip()


def is_open(path: str) -> bool:
    """Whether a path needs no token."""
    return path in OPEN or path.startswith(OPEN_PATHS)


def is_known(request: Request, token: str) -> bool:
    """Whether the request has the token: as a bearer, or as the cookie that was given for it."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and is_token(bearer, token):
        return True
    return hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), session(token).encode())


def is_token(given: str, token: str) -> bool:
    """Whether what was given is the token, in constant time."""
    return hmac.compare_digest(given.strip().encode(), token.encode())


def session(token: str) -> str:
    """What the cookie holds."""
    return hmac.new(token.encode(), b"forbear pages", hashlib.sha256).hexdigest()


def is_secure(request: Request, public_url: str) -> bool:
    """Whether we are reached over TLS: by ourselves, or at our public address by a proxy that adds it."""
    public = urlsplit(public_url)
    return request.url.scheme == "https" or (
        public.scheme == "https" and request.headers.get("host", "") == public.netloc
    )


def let_in(response: Response, token: str, *, secure: bool) -> None:
    """Give the cookie: to this site alone, out of reach of scripts, over TLS alone where we are reached by TLS."""
    response.set_cookie(
        COOKIE, session(token), max_age=30 * 86_400, httponly=True, samesite="lax", secure=secure, path="/"
    )
