"""Takes the pictures of the docs from a demo of its own: `make screenshots`, which needs Debian's chromium."""

import datetime as dt
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

from config.settings import Settings
from forbear.demo.run import Plan, run

IMAGES = Path(__file__).resolve().parent
PLAN = Plan(days=20, seconds=40.0)
SHARE = 0.8
"""How much of the days has passed when the pictures are taken."""
SIZE = ViewportSize(width=1280, height=860)
DEBTORS = 8
"""How many of the latest debtors are looked at for the one with the most to tell."""


def take(page: Page, address: str) -> None:
    """The live page, and the debtor's page with the longest story among the latest."""
    page.goto(address)
    page.wait_for_timeout(2500)  # for the stream to bring the present
    page.screenshot(path=IMAGES / "live.png")
    links = page.eval_on_selector_all('a[href^="/debtors/"]', "all => all.map(one => one.href)")
    stories = [(_height(page, link), link) for link in dict.fromkeys(links[:DEBTORS])]
    page.goto(max(stories)[1])
    page.screenshot(path=IMAGES / "debtor.png")


def _height(page: Page, link: str) -> int:
    page.goto(link)
    return int(page.evaluate("document.documentElement.scrollHeight"))


def main() -> None:
    """Run the demo and stop it, by the clock, for the pictures."""
    found: list[str] = []
    taken: list[bool] = []

    def say(line: str) -> None:
        found.extend(word for word in line.split() if word.startswith("http://"))

    def progress(_now: dt.datetime, share: float) -> None:
        if share < SHARE or taken:
            return
        taken.append(True)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            take(browser.new_page(viewport=SIZE), found[0])
            browser.close()

    with tempfile.TemporaryDirectory(prefix="forbear-pictures-") as folder:
        Path(folder).chmod(0o711)
        run(Settings(state_dir=Path(folder)), PLAN, say, progress)


if __name__ == "__main__":
    main()
