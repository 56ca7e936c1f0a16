"""The admin as people use it, in a real browser against the real group."""

import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.group import RealGroup
from tests.support.waiting import eventually

CHROMIUM = "/usr/bin/chromium"
QUIET = "--no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET.split(), "--disable-sync"])
        yield launched
        launched.close()


def sign_in(browser: Browser, group: RealGroup, node: str) -> Page:
    page = browser.new_context().new_page()
    page.goto(f"{group.url(node)}/admin/")
    page.fill("#id_username", group.credentials["user"])
    page.fill("#id_password", group.credentials["password"])
    submit(page, "input[type=submit]")
    return page


def open_entry(page: Page, group: RealGroup, node: str, key: str) -> None:
    page.goto(f"{group.url(node)}/admin/entries/configentry/?q={key}")
    submit(page, "#result_list tbody th a")


def submit(page: Page, button: str) -> None:
    """Click, and wait until the answer is there."""
    with page.expect_navigation():
        page.click(button)


def save(page: Page) -> None:
    submit(page, "input[name=_save]")


def test_an_entry_added_on_one_node_is_edited_on_another_and_deleted(browser: Browser, group: RealGroup) -> None:
    one, two, three = group.nodes
    key = f"browser/{uuid.uuid4().hex[:8]}"
    page = sign_in(browser, group, one)
    page.goto(f"{group.url(one)}/admin/entries/configentry/add/")
    page.select_option("[name=namespace]", label="storefront")
    page.fill("[name=key]", key)
    page.select_option("[name=type]", "integer")
    page.fill("[name=value]", "not a number")
    save(page)
    assert page.locator(".errorlist").count() and page.input_value("[name=value]") == "not a number"
    page.fill("[name=value]", "41")
    save(page)
    assert "successfully" in page.inner_text(".messagelist")
    page = sign_in(browser, group, two)
    open_entry(page, group, two, key)
    page.fill("[name=value]", "42")
    save(page)
    assert group.get(three, key).json()["value"] == 42
    open_entry(page, group, two, key)
    submit(page, ".deletelink")
    submit(page, "input[type=submit]")
    assert group.get(three, key).status_code == 404


def test_the_second_of_two_people_is_told_and_loses_nothing(browser: Browser, group: RealGroup) -> None:
    one, two, _ = group.nodes
    key = f"conflict/{uuid.uuid4().hex[:8]}"
    group.put(one, key, "first")
    ann, bob = sign_in(browser, group, one), sign_in(browser, group, two)
    open_entry(ann, group, one, key)
    open_entry(bob, group, two, key)
    ann.fill("[name=value]", "Ann's")
    save(ann)
    bob.fill("[name=value]", "Bob's")
    save(bob)
    assert "Ann's" in bob.inner_text("body")
    assert bob.input_value("[name=value]") == "Bob's" and group.get(one, key).json()["value"] == "Ann's"
    save(bob)
    assert group.get(one, key).json()["value"] == "Bob's"


def test_nodes_page_shows_every_node_and_drains_one(browser: Browser, group: RealGroup) -> None:
    leader, other = group.leader(), group.follower()
    page = sign_in(browser, group, other)
    address = f"{group.url(other)}/admin/consensus/member/"
    page.goto(address)
    assert page.locator("#result_list tbody tr").count() == 3

    def choose(node: str, action: str) -> None:
        page.goto(address)
        page.check(f"#result_list tbody tr:has-text('{node}') input[type=checkbox]")
        page.select_option("select[name=action]", label=action)
        submit(page, "button[name=index]")

    choose(leader, "Drain selected nodes")
    eventually(lambda: group.state(leader) == "drained", 10)
    choose(other, "Drain selected nodes")
    assert "majority" in page.inner_text(".messagelist .error")
    choose(leader, "Undrain selected nodes")
    eventually(lambda: group.state(leader) == "active", 10)
    choose(leader, "Transfer leadership here")
    eventually(lambda: group.leader() == leader, 10)


def test_without_a_majority_the_page_says_so_and_keeps_what_was_typed(browser: Browser, group: RealGroup) -> None:
    survivor = group.follower()
    key = f"alone/{uuid.uuid4().hex[:8]}"
    group.put(survivor, key, "before")
    page = sign_in(browser, group, survivor)
    open_entry(page, group, survivor, key)
    for node in group.nodes:
        if node != survivor:
            group.act("pause", node, "worker")
    eventually(lambda: group.http.get(f"{group.url(survivor)}/readyz").status_code == 503, 10)
    page.fill("[name=value]", "a long text that took an hour")
    save(page)
    assert page.input_value("[name=value]") == "a long text that took an hour"
    assert "majority" in page.inner_text("body")
    assert group.get(survivor, key, "?consistency=stale").json()["value"] == "before"
