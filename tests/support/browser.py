"""A real browser against the real group: signing in, and waiting for what a click brings."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.group import RealGroup

CHROMIUM = "/usr/bin/chromium"
QUIET = "--no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update"


@contextmanager
def launched() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET.split(), "--disable-sync"])
        try:
            yield browser
        finally:
            browser.close()


def sign_in(browser: Browser, group: RealGroup, node: str, user: str = "", password: str = "", **context) -> Page:
    """A window of its own; without a name, the group's first user's."""
    page = browser.new_context(**context).new_page()
    page.goto(f"{group.url(node)}/admin/")
    page.fill("#id_username", user or group.credentials["user"])
    page.fill("#id_password", password or group.credentials["password"])
    submit(page, "[type=submit]")
    return page


def submit(page: Page, button: str) -> None:
    """Click, and wait until the answer is there."""
    with page.expect_navigation():
        page.click(button)


def open_entry(page: Page, group: RealGroup, node: str, key: str) -> None:
    page.goto(f"{group.url(node)}/admin/entries/configentry/?q={key}")
    submit(page, "#result_list tbody th a")


def review(page: Page) -> None:
    submit(page, "[name=_preview]")


def save(page: Page) -> None:
    """What was typed, over the page that shows what changes."""
    review(page)
    submit(page, "[name=_save]")
