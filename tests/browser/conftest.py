"""A browser, and the application with a book on a real server."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.web.conftest import TOKEN, Queue, address, book, db, inbox, other_book, queue, ring, services

__all__ = ["Queue", "address", "book", "db", "inbox", "other_book", "queue", "ring", "services"]


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    """Debian's chromium; as root it runs without its sandbox, and it meets our own pages alone.

    It ends with the module: while it is open an event loop runs in this thread, and no other test could run its own.
    """
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield made
        made.close()


def enter(page: Page, address: str) -> None:
    """Come in with the token, as a person does with the address that the command prints."""
    page.goto(f"{address}/?token={TOKEN}")
    assert "token" not in page.url
