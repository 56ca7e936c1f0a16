"""Every page in light and dark, wide and narrow: accessible by the rules of axe, nothing sticks out or fails."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.support.browser import sign_in
from tests.support.group import RealGroup
from tests.support.pages import Pages

WIDTHS = {"wide": 1280, "narrow": 390}
# A theme changes colours and nothing else, a width what can be reached and how: only that is looked at again.
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}
REACH = {"runOnly": ["scrollable-region-focusable", "target-size", "button-name", "link-name", "aria-hidden-focus"]}
THEMES = {"wide": {"light": {}, "dark": COLOURS}, "narrow": {"light": REACH}}
GRAVE = ("serious", "critical")


@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_is_accessible_and_fits(browser: Browser, group: RealGroup, width: str) -> None:
    node = group.follower()
    page = sign_in(browser, group, node, viewport={"width": WIDTHS[width], "height": 800}, reduced_motion="reduce")
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
    page.on("console", lambda said: wrong.append(f"{page.url}: {said.text}") if _matters(said.text) else None)
    for name, visit in Pages(group, node, page).all().items():
        visit()
        if page.evaluate("document.documentElement.scrollWidth") > WIDTHS[width]:
            wrong.append(f"{name}: sticks out to the right")
        for theme, rules in THEMES[width].items():
            page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
            wrong += [f"{name}, {theme}: {found}" for found in _violations(page, rules)]
    assert not wrong, "\n".join(wrong)


def _violations(page: Page, rules: dict) -> list[str]:
    """Without ``preload``: axe would copy imported style sheets into the page, which our policy refuses."""
    found = Axe().run(page, options={"resultTypes": ["violations"], "preload": False, **rules}).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:200]} and {len(one['nodes']) - 1} more; "
        f"{one['nodes'][0]['failureSummary'][:300]}"
        for one in found
        if one["impact"] in GRAVE
    ]


def _matters(text: str) -> bool:
    """A page that is not found is asked for on purpose."""
    return "Content Security Policy" in text or "Uncaught" in text


def test_a_page_is_left_and_reached_by_keyboard_alone(browser: Browser, group: RealGroup) -> None:
    """From the sign-in to what would happen if the leader were drained."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.goto(f"{group.url(group.follower())}/admin/")
    page.keyboard.type(group.credentials["user"])
    page.keyboard.press("Tab")
    page.keyboard.type(group.credentials["password"])
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-to-content-link"
    _tab_to(page, "Nodes")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    _tab_to(page, "Drain nodes")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    _tab_to(page, group.leader())
    page.keyboard.press("Space")
    page.wait_for_selector("#do:enabled")
    _tab_to(page, f"Drain {group.leader()}")


def _tab_to(page: Page, text: str) -> None:
    """Press Tab until what is focused says ``text``, or is the box of a label that does."""
    named = "(document.activeElement.labels?.[0] ?? document.activeElement).innerText"
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(named).strip().split("\n")[0].startswith(text):
            return
    raise AssertionError(f"no way to {text} by the Tab key")


def test_the_menu_of_a_narrow_page_opens_and_closes(browser: Browser, group: RealGroup) -> None:
    page = sign_in(browser, group, group.follower(), viewport={"width": 390, "height": 800})
    assert not page.locator("#side").is_visible()
    page.click(".menu-button")
    page.wait_for_selector("#side a:has-text('Nodes')", state="visible")
    page.keyboard.press("Escape")
    page.wait_for_selector("#side", state="hidden")
    assert page.evaluate("document.activeElement.className") == "menu-button"
