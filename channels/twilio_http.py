"""The HTTP beneath Twilio's official client: one pool of connections an event loop, and nothing lost of an answer.

Twilio's own asynchronous HTTP client ignores its time-out (twilio-python issue 925), reads an answer of any size, hides
the headers of a refusal (and with them Retry-After), and logs addresses that contain numbers. So this is a client of
our own, at the place where the library lets one be put in. Forms are written by yarl, aiohttp's own URL library, in a
quarter of the time.
"""

import logging
import ssl
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import aiohttp
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from yarl import URL

MOST_ANSWER = 1024 * 1024
"""Bytes of an answer that are read; the longest real one is a page of a list."""
CONNECT_SECONDS = 5.0
IDLE_SECONDS = 10.0
"""Connections that lay idle longer are not used again: a send on one that the other side has closed is in doubt."""


class ApiRefused(Exception):
    """Twilio answered, and it was no success. Never printed: the text can quote a number."""

    def __init__(self, status: int, headers: Mapping[str, str], text: str) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.headers = headers
        self.text = text


class AnswerTooLong(Exception):
    """What came back is no answer of Twilio's."""


class Http(AsyncHttpClient):  # type: ignore[misc]
    """What Twilio's client sends its requests through. Made on the event loop that uses it."""

    def __init__(self, connections: int, seconds: float, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(logging.getLogger(__name__), True, seconds)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=connections, keepalive_timeout=IDLE_SECONDS, ttl_dns_cache=60, ssl=tls or True
            ),
            timeout=aiohttp.ClientTimeout(total=seconds, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._authorization: dict[tuple[str, str], str] = {}

    async def request(
        self,
        method: str,
        uri: str,
        params: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002 -- the library's signature; the session has its own
        allow_redirects: bool = False,
    ) -> Response:
        """One request. Raises ApiRefused for an answer that is no success, and what aiohttp raises for none."""
        sent = dict(headers or {})
        if auth is not None:
            sent["Authorization"] = self._basic(auth)
        body = URL.build(query=data).raw_query_string.encode("ascii") if data else None
        async with self._session.request(
            method.upper(), uri, params=params, data=body, headers=sent, allow_redirects=allow_redirects
        ) as response:
            text = (await _read(response)).decode("utf-8", "replace")
            if not 200 <= response.status < 300:
                raise ApiRefused(response.status, response.headers, text)
            return Response(response.status, text, response.headers)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    def _basic(self, auth: tuple[str, str]) -> str:
        if auth not in self._authorization:
            self._authorization[auth] = f"Basic {b64encode(':'.join(auth).encode()).decode()}"
        return self._authorization[auth]


async def _read(response: aiohttp.ClientResponse) -> bytes:
    if response.content_length is not None and response.content_length <= MOST_ANSWER:
        return await response.read()
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MOST_ANSWER:
            response.close()
            raise AnswerTooLong
    return bytes(body)


NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)
"""What aiohttp raises before a byte of the request has left: the provider certainly does not have it."""
