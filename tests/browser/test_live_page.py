"""The live page in a real browser: live, accessible, usable by keyboard and without JavaScript, on small screens."""

from collections.abc import Iterator
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from storage.rollups import count
from storage.session import Database
from tests.browser.conftest import enter
from tests.web.book import Book
from tests.web.conftest import NOW
from tests.web.serving import serving
from web.services import Services

pytestmark = pytest.mark.browser
PATHS = [
    "/",
    "/?range=month",
    "/attempts",
    "/waiting?pack=cn-consumer-credit&rule=hours",
    "/debtors/DEBTOR",
    "/debtors?reference=nobody",
    "/sign-in",
]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which nothing may go wrong: a refused style, a missing file or an error in a script fails the test."""
    context = browser.new_context()
    made = context.new_page()
    wrong: list[str] = []
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    made.on("requestfailed", lambda request: wrong.append(request.url) if "/live?" not in request.url else None)
    yield made
    context.close()
    assert wrong == []


def add_accepted(db: Database, book: Book, n: int) -> None:
    """What the engine writes when a provider took `n` more messages."""
    with db.tenant(book.creditor_id) as connection:
        hour = NOW.replace(minute=0)
        count(connection, book.creditor_id, [(book.campaign_id, hour, "state", "sms/early/accepted", n)])


def figure(page: Page) -> int:
    """How many contacts were made, as the page says."""
    return int("".join(filter(str.isdigit, page.locator("#f-made").inner_text())))


def test_the_page_changes_when_a_row_does(page: Page, address: str, db: Database, book: Book) -> None:
    enter(page, address)
    expect(page.locator("#live-text")).to_have_text("Live")
    before = figure(page)
    add_accepted(db, book, 3)
    expect(page.locator("#f-made")).to_have_text(f"{before + 3:,}".replace(",", "\u202f"))


def test_focus_open_details_and_scrolling_stay_when_the_page_changes(
    page: Page, address: str, db: Database, book: Book
) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    enter(page, address)
    expect(page.locator("#live-text")).to_have_text("Live")
    page.locator("#throughput-figures summary").click()
    page.locator("#states-table").evaluate("one => one.scrollLeft = 120")
    page.locator("#f-made").focus()
    shown = page.locator("#f-made").inner_text()
    add_accepted(db, book, 4)
    expect(page.locator("#f-made")).not_to_have_text(shown)
    expect(page.locator("#f-made")).to_be_focused()
    expect(page.locator("#throughput-figures")).to_have_attribute("open", "")
    assert page.locator("#states-table").evaluate("one => one.scrollLeft") == 120


def test_pause_holds_the_page_still_and_resume_catches_up(page: Page, address: str, db: Database, book: Book) -> None:
    enter(page, address)
    expect(page.locator("#live-text")).to_have_text("Live")
    before = figure(page)
    page.get_by_role("button", name="Pause").press("Enter")
    add_accepted(db, book, 5)
    expect(page.locator("#live-text")).to_have_text("Paused, newer figures wait")
    assert figure(page) == before
    page.get_by_role("button", name="Resume").press("Enter")
    expect(page.locator("#f-made")).to_have_text(f"{before + 5:,}".replace(",", "\u202f"))
    expect(page.locator("#live-text")).to_have_text("Live")


def test_a_lost_connection_is_said(browser: Browser, services: Services, book: Book) -> None:
    context = browser.new_context()
    page = context.new_page()
    with serving(services) as address:
        enter(page, address)
        expect(page.locator("#live-text")).to_have_text("Live")
    expect(page.locator("#live-text")).to_have_text("Connection lost, trying again…")
    assert figure(page) > 0, "what was shown stays"
    context.close()


def test_it_works_without_javascript(browser: Browser, address: str, db: Database, book: Book) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    enter(page, address)
    before = figure(page)
    assert page.locator("#live").is_hidden()
    add_accepted(db, book, 2)
    page.get_by_role("link", name="Reload for new figures").click()
    assert figure(page) == before + 2
    page.get_by_role("link", name="all attempts").click()
    page.get_by_role("rowheader").get_by_role("link").first.click()
    assert page.get_by_role("heading", name="Timeline").is_visible()
    page.get_by_label("Debtor’s or account’s reference").fill("HB-204801")
    page.get_by_label("Debtor’s or account’s reference").press("Enter")
    assert page.get_by_role("heading", level=1).inner_text().endswith("HB-204801")
    context.close()


def test_everything_is_reached_by_keyboard(page: Page, address: str, book: Book) -> None:
    enter(page, address)
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    reached = set()
    for _ in range(200):
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.id || document.activeElement.tagName")
        if name == "BODY":
            break
        reached.add(name)
        seen = page.evaluate("document.activeElement.getClientRects().length > 0")
        assert seen, f"{name} has the focus and cannot be seen"
    assert {"pause", "f-made", "states-table", "h-1", "latest-all", "s-sms-delivered"} <= reached


@pytest.mark.parametrize(("scheme", "width"), [("light", 1360), ("dark", 1360), ("light", 320)])
@pytest.mark.parametrize("path", PATHS)
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    browser: Browser, address: str, book: Book, path: str, scheme: Literal["light", "dark"], width: int
) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
    page = context.new_page()
    enter(page, address)
    page.goto(address + path.replace("DEBTOR", str(book.debtors[0])))
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
