"""The pages over HTTP: who gets in, what is shown and masked, what another creditor's debtor is: absent."""

import re
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import Connection

from domain.errors import Unavailable
from storage import screens
from storage.session import Database
from tests.web.book import NAMES, Book
from tests.web.conftest import TOKEN
from web.access import COOKIE
from web.app import create_app
from web.services import Services

PAGES = ["/", "/attempts", "/waiting", "/debtors?reference=HB-204800"]


def words(response: httpx.Response) -> str:
    """A page's text without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.text))


@pytest.mark.parametrize("path", [*PAGES, "/live", "/metrics", "/debtors/1", "/nowhere"])
async def test_nothing_is_shown_without_the_token(stranger: httpx.AsyncClient, book: Book, path: str) -> None:
    told = await stranger.get(path)
    assert told.status_code == 401
    assert told.headers["content-type"] == "application/problem+json"
    led = await stranger.get(path, headers={"accept": "text/html"})
    assert led.status_code == 303
    assert led.headers["location"].startswith("/sign-in?next=/")


async def test_the_token_opens_once_and_the_cookie_thereafter(stranger: httpx.AsyncClient, book: Book) -> None:
    entered = await stranger.get("/", params={"token": TOKEN, "range": "week"})
    assert (entered.status_code, entered.headers["location"]) == (303, "/?range=week")
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert TOKEN not in cookie
    assert (await stranger.get("/")).status_code == 200


@pytest.mark.parametrize(
    ("address", "is_secure"),
    [
        ("https://forbear.test", True),
        ("http://forbear.example.com", True),
        ("http://127.0.0.1:8080", False),
    ],
)
async def test_the_cookie_is_for_tls_alone_where_we_are_reached_by_tls(
    services: Services, book: Book, address: str, is_secure: bool
) -> None:
    transport = httpx.ASGITransport(create_app(services))
    async with httpx.AsyncClient(transport=transport, base_url=address) as client:
        cookie = (await client.get("/", params={"token": TOKEN})).headers["set-cookie"]
    assert ("Secure" in cookie) is is_secure, "a proxy adds TLS at the public address"


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", TOKEN[:-1], "ü"])
async def test_a_wrong_token_opens_nothing(stranger: httpx.AsyncClient, book: Book, token: str) -> None:
    for refused in (
        await stranger.get("/", params={"token": token}),
        await stranger.post("/sign-in", data={"token": token or "x"}),
    ):
        assert refused.status_code == 403
        assert COOKIE not in refused.headers.get("set-cookie", "")
    assert (await stranger.get("/", headers={"authorization": f"Bearer {token}".encode()})).status_code == 401
    stranger.cookies.set(COOKIE, "forged")
    assert (await stranger.get("/")).status_code == 401


@pytest.mark.parametrize(
    ("wanted", "led"),
    [
        ("/attempts?state=in_doubt", "/attempts?state=in_doubt"),
        ("//evil.example.com", "/"),
        ("https://evil.example.com", "/"),
        ("/\\evil.example.com", "/"),
    ],
)
async def test_signing_in_leads_to_this_site_alone(stranger: httpx.AsyncClient, wanted: str, led: str) -> None:
    entered = await stranger.post("/sign-in", data={"token": TOKEN, "next": wanted})
    assert (entered.status_code, entered.headers["location"]) == (303, led)


@pytest.mark.parametrize("path", [*PAGES, "/sign-in", "/health", "/nowhere", "/pay/x"])
async def test_every_answer_is_shielded(client: httpx.AsyncClient, book: Book, path: str) -> None:
    answer = await client.get(path)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    if "html" in answer.headers.get("content-type", ""):
        assert not re.search(
            r"\sstyle=|<style|\son[a-z]+=|javascript:|<script(?! type=\"module\" src=\"/static/)", answer.text
        )
        assert re.match(r'<!doctype html>\s*<html lang="en">', answer.text)
        assert not re.search(r'(src|href)="https?:', answer.text.replace("https://pay.example.com/", ""))


async def test_files_are_kept_for_a_year_and_named_by_what_they_hold(client: httpx.AsyncClient, book: Book) -> None:
    shown = (await client.get("/")).text
    for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', shown):
        kept = await client.get(path)
        assert kept.status_code == 200
        assert "immutable" in kept.headers["cache-control"]
    assert (await client.get("/static/else/live.js")).status_code == 404


async def test_the_live_page_says_whose_figures_it_shows(client: httpx.AsyncClient, book: Book) -> None:
    said = words(await client.get("/"))
    assert "Harbour Bank, cards" in said
    assert "Tue 24 Nov 2026, 18:42 Asia/Shanghai" in said
    assert "1 of 1 campaign running" in said
    assert "simulated" not in said
    assert "No collection from 22:00 to 08:00." in said
    assert "GB/T 45251-2025 5.3" in said


async def test_a_simulated_clock_is_said(services: Services, book: Book) -> None:
    transport = httpx.ASGITransport(create_app(replace(services, is_simulated=True)))
    async with httpx.AsyncClient(transport=transport, base_url="http://forbear.test") as client:
        client.headers["authorization"] = f"Bearer {TOKEN}"
        said = words(await client.get("/"))
    assert "simulated clock" in said
    assert "each bar one day" in said


async def test_every_number_leads_to_the_list_it_counts(client: httpx.AsyncClient, book: Book) -> None:
    shown = (await client.get("/")).text
    links = {link.replace("&amp;", "&") for link in re.findall(r'href="(/(?:attempts|waiting|debtors)[^"]*)"', shown)}
    assert len(links) > 20
    for link in links:
        assert (await client.get(link)).status_code == 200, link
    doubtful = words(await client.get(f"/attempts?creditor={book.code}&state=in_doubt"))
    counted = re.search(r"s-[a-z]+-in_doubt[^>]+>(\d+)<", shown)
    assert (doubtful.count("In doubt") > 0) == (counted is not None)


async def test_lists_go_on_where_the_last_page_ended(client: httpx.AsyncClient, book: Book) -> None:
    seen: list[str] = []
    path: str | None = "/attempts"
    while path:
        shown = (await client.get(path)).text
        seen += re.findall(r'<th scope="row"><a[^>]+>([^<]+)<.*?</tr>', shown, re.DOTALL)
        found = re.search(r'<a href="([^"]+)">Older ones', shown)
        path = found[1].replace("&amp;", "&") if found else None
    assert len(seen) > 100


async def test_a_debtor_is_found_by_reference_account_or_id(client: httpx.AsyncClient, book: Book) -> None:
    for name in ("HB-204800", "6225-7000", str(book.debtors[0]), " HB-204800 "):
        led = await client.get("/debtors", params={"reference": name})
        assert led.headers["location"] == f"/debtors/{book.debtors[0]}?creditor=harbour"
    assert (await client.get("/debtors", params={"reference": "nobody' OR 1=1"})).status_code == 404


async def test_a_debtors_page_tells_the_story_and_masks_the_person(client: httpx.AsyncClient, book: Book) -> None:
    answer = await client.get(f"/debtors/{book.debtors[0]}")
    said = words(answer)
    assert "Dispute open since" in said
    assert "SMS not made: refused" in said
    assert "A dispute is open and not answered" in said
    assert "Voice: " in said
    assert "Tue 24 Nov 2026, 18:42" in said
    assert "2026-11-24 10:42 UTC" in said
    assert "陈••" in said
    assert "•••• 00" in said
    assert NAMES[0] not in answer.text
    assert "44770090" not in answer.text
    assert '<span lang="zh-Hans">' in answer.text


async def test_an_erased_debtor_has_a_story_and_no_name(client: httpx.AsyncClient, db: Database, book: Book) -> None:
    with db.tenant(book.creditor_id) as connection:
        connection.exec_driver_sql("DELETE FROM debtor_keys WHERE debtor_id = %(id)s", {"id": book.debtors[5]})
    fresh = words(await client.get(f"/debtors/{book.debtors[5]}"))
    assert "Timeline" in fresh


async def test_another_creditors_debtor_is_as_good_as_absent(
    client: httpx.AsyncClient, book: Book, other_book: Book
) -> None:
    own = await client.get(f"/debtors/{other_book.debtors[0]}", params={"creditor": "quay"})
    assert own.status_code == 200
    for path in (
        f"/debtors/{other_book.debtors[0]}?creditor=harbour",
        "/debtors/00000000-0000-7000-8000-000000000000?creditor=harbour",
        "/debtors/x?creditor=harbour",
    ):
        absent = await client.get(path)
        assert absent.status_code == 404
        assert words(absent) == words(await client.get("/nowhere"))
    for path in ("/", "/attempts", "/waiting"):
        shown = await client.get(path, params={"creditor": "harbour"})
        assert "harbour" in shown.text
        assert str(other_book.campaign_id) not in shown.text
        assert not any(str(debtor) in shown.text for debtor in other_book.debtors)


async def test_with_several_creditors_one_is_chosen(client: httpx.AsyncClient, book: Book, other_book: Book) -> None:
    shown = await client.get("/")
    assert "/?creditor=harbour" in shown.text
    assert "/?creditor=quay" in shown.text
    assert (await client.get("/", params={"creditor": "nobody"})).status_code == 404
    assert (await client.get("/attempts")).status_code == 404


@pytest.mark.parametrize("query", ["range=century", "campaign=00000000-0000-7000-8000-000000000000", "range="])
async def test_an_odd_scope_is_no_error(client: httpx.AsyncClient, book: Book, query: str) -> None:
    assert (await client.get(f"/?creditor=harbour&{query}")).status_code == 200


@pytest.mark.parametrize(
    "path", ["/attempts?state=odd", "/attempts?before=x", "/?campaign=x", "/debtors?reference=" + "x" * 300]
)
async def test_an_address_that_makes_no_sense_is_not_found(client: httpx.AsyncClient, book: Book, path: str) -> None:
    assert (await client.get(path)).status_code == 404


async def test_a_database_that_is_away_is_said(services: Services) -> None:
    class Away:
        def creditors(self) -> dict[str, object]:
            raise Unavailable("the database cannot be reached.")

    transport = httpx.ASGITransport(create_app(replace(services, db=Away())))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://forbear.test") as client:
        client.headers["authorization"] = f"Bearer {TOKEN}"
        answer = await client.get("/")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert "does not answer" in answer.text
        assert (await client.get("/health")).status_code == 200


async def test_a_screen_can_write_nothing(db: Database, book: Book) -> None:
    with pytest.raises(Unavailable, match="only reads"), screens.reading(db, book.creditor_id) as connection:
        connection.exec_driver_sql("UPDATE lanes SET due_at = NULL")


async def test_a_screen_that_takes_too_long_is_given_up(
    client: httpx.AsyncClient, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(connection: Connection, *_: object) -> None:
        connection.exec_driver_sql("SET LOCAL statement_timeout = '10ms'")
        connection.exec_driver_sql("SELECT pg_sleep(10)")

    monkeypatch.setattr("storage.screens.attempts", slow)
    assert (await client.get("/attempts?creditor=harbour")).status_code == 503


async def test_an_unexpected_error_quotes_nothing(services: Services, book: Book) -> None:
    class Broken:
        def now(self) -> object:
            raise ValueError("Chan Tai Man +447700900001")

    transport = httpx.ASGITransport(create_app(replace(services, clock=Broken())), raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://forbear.test") as client:
        client.headers["authorization"] = f"Bearer {TOKEN}"
        answer = await client.get("/?creditor=harbour")
    assert answer.status_code == 500
    assert "Chan" not in answer.text
    assert "went wrong" in answer.text
