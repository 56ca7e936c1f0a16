"""Editing as people do it: two of them in conflict, looking back, secrets, by keyboard, with the majority away."""

import json
import re
import uuid

import pytest
from playwright.sync_api import Browser, Page

from tests.support.browser import open_entry, review, save, sign_in, submit
from tests.support.group import RealGroup
from tests.support.waiting import eventually

ENTRIES = "/admin/entries/configentry"


def fresh(start: str) -> str:
    return f"{start}/{uuid.uuid4().hex[:8]}"


def said(page: Page) -> str:
    return page.inner_text(".messagelist")


def test_an_entry_added_on_one_node_is_edited_on_another_and_deleted(browser: Browser, group: RealGroup) -> None:
    one, two, three = group.nodes
    key = fresh("browser")
    page = sign_in(browser, group, one)
    page.goto(f"{group.url(one)}{ENTRIES}/add/")
    page.select_option("[name=namespace]", label="storefront")
    page.fill("[name=key]", key)
    page.check("[name=type][value=integer]")
    page.fill("[name=integer_value]", "not a number")
    review(page)
    assert page.inner_text("#id_integer_value_error") and page.input_value("[name=integer_value]") == "not a number"
    page.fill("[name=integer_value]", "41")
    review(page)
    assert "41" in page.inner_text(".diff-split .added") and group.get(three, key).status_code == 404
    submit(page, "[name=_save]")
    assert "was added as revision" in said(page)
    page = sign_in(browser, group, two)
    open_entry(page, group, two, key)
    page.fill("[name=integer_value]", "42")
    save(page)
    assert group.get(three, key).json()["value"] == 42
    open_entry(page, group, two, key)
    submit(page, ".page-tools .button-danger")
    submit(page, "[name=_confirm]")
    assert group.get(three, key).status_code == 404


def test_the_field_fits_the_type_and_keeps_what_was_typed(browser: Browser, group: RealGroup) -> None:
    node = group.nodes[0]
    page = sign_in(browser, group, node)
    page.goto(f"{group.url(node)}{ENTRIES}/add/")

    def shown() -> list[str]:
        kinds = ("string", "integer", "float", "boolean", "json", "secret")
        return [kind for kind in kinds if page.is_visible(f".value-{kind}")]

    assert shown() == ["string"]
    page.fill("[name=string_value]", "[1, 2")
    page.check("[name=type][value=json]")
    assert shown() == ["json"] and page.input_value("[name=json_value]") == "[1, 2"
    assert "Line 1" in page.inner_text(".json-tools .says")
    page.fill("[name=json_value]", "[1, 2]")
    assert "sound" in page.inner_text(".json-tools .says")
    page.check("[name=type][value=boolean]")
    assert shown() == ["boolean"]
    page.check("[name=type][value=string]")
    assert page.input_value("[name=string_value]") == "[1, 2"


def test_it_works_without_scripts(browser: Browser, group: RealGroup) -> None:
    node = group.nodes[0]
    key = fresh("plain")
    group.put(node, key, {"a": 1})
    page = sign_in(browser, group, node, java_script_enabled=False)
    open_entry(page, group, node, key)
    assert page.is_visible("[name=json_value]") and not page.is_visible("[name=integer_value]")
    page.check("[name=type][value=integer]")
    assert page.is_visible("[name=integer_value]") and not page.is_visible("[name=json_value]")
    page.fill("[name=integer_value]", "7")
    save(page)
    assert group.get(node, key).json()["value"] == 7


def test_two_people_in_conflict_merge_what_both_want(browser: Browser, group: RealGroup) -> None:
    one, two, _ = group.nodes
    key = fresh("conflict")
    group.put(one, key, {"host": "a", "port": 25, "retries": 3})
    ann, bob = sign_in(browser, group, one), sign_in(browser, group, two)
    open_entry(ann, group, one, key)
    open_entry(bob, group, two, key)
    ann.fill("[name=json_value]", json.dumps({"host": "b", "port": 25, "retries": 5}))
    save(ann)
    bob.fill("[name=json_value]", json.dumps({"host": "a", "port": 587, "retries": 4}))
    bob.fill("[name=comment]", "Bob's")
    review(bob)
    page = bob.inner_text("main")
    assert "has changed meanwhile" in page and "Nothing was saved" in page
    assert [title.inner_text() for title in bob.query_selector_all(".version h3")] == ["Before", "Theirs", "Yours"]
    assert bob.inner_text(".question legend") == "/retries"
    bob.check("[name='choice:/retries'][value=theirs]")
    submit(bob, "[name=_merge]")
    assert json.loads(bob.input_value("[name=json_value]")) == {"host": "b", "port": 587, "retries": 5}
    save(bob)
    stored = group.get(one, key).json()
    assert stored["value"] == {"host": "b", "port": 587, "retries": 5} and stored["comment"] == "Bob's"


def test_going_back_is_previewed_and_done(browser: Browser, group: RealGroup) -> None:
    one, two, _ = group.nodes
    key = fresh("back")
    first = group.put(one, key, {"x": 1}).json()["revision"]
    group.put(one, key, {"x": 2})
    page = sign_in(browser, group, two)
    open_entry(page, group, two, key)
    submit(page, "text=History")
    assert page.locator(".event").count() == 2
    submit(page, ".timeline-bar button")
    assert page.inner_text("#comparison .diff-split del") == "1"
    submit(page, "text=Go back to this…")
    assert page.inner_text(".diff-split ins") == "1" and group.get(one, key).json()["value"] == {"x": 2}
    submit(page, "[data-submit]")
    assert f"is what it was at revision {first}" in said(page)
    assert group.get(one, key).json()["value"] == {"x": 1}


def test_a_secret_is_masked_and_revealed_on_the_record(browser: Browser, group: RealGroup) -> None:
    node = group.nodes[0]
    key = fresh("secret")
    body = {"value": "hush-hush", "type": "secret"}
    assert group.rest(node, "PUT", f"namespaces/storefront/entries/{key}", body).status_code == 201
    page = sign_in(browser, group, node)
    open_entry(page, group, node, key)
    assert "hush-hush" not in page.content()
    submit(page, "[data-reveal] button")
    assert page.inner_text(".revealed") == '"hush-hush"'
    page.goto(f"{group.url(node)}/admin/audit/auditrecord/")
    assert f"storefront/{key}" in page.inner_text("#result_list tr:has-text('secrets.reveal') >> nth=0")


def test_an_edit_by_keyboard_alone(browser: Browser, group: RealGroup) -> None:
    node = group.nodes[0]
    key = fresh("keys")
    group.put(node, key, True)
    page = sign_in(browser, group, node)
    open_entry(page, group, node, key)

    def tab_to(selector: str) -> None:
        for _ in range(60):
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
            page.keyboard.press("Tab")
        pytest.fail(f"no way by keyboard to {selector}")

    tab_to("[name=type]:checked")
    page.keyboard.press("ArrowRight")  # boolean, json
    tab_to("[name=json_value]")
    page.keyboard.press("Control+A")
    page.keyboard.type("[")
    page.keyboard.press("Enter")
    page.keyboard.type("1]")
    with page.expect_navigation():
        page.keyboard.press("Control+Enter")
    assert page.is_visible("[name=_save]")
    with page.expect_navigation():
        page.keyboard.press("Control+Enter")
    assert group.get(node, key).json()["value"] == [1]


def test_entries_are_moved_together(browser: Browser, group: RealGroup) -> None:
    node = group.nodes[0]
    start = fresh("move")
    for name in "ab":
        group.put(node, f"{start}/{name}", name)
    page = sign_in(browser, group, node)
    page.goto(f"{group.url(node)}{ENTRIES}/?q={start}")
    page.check("#action-toggle")
    page.select_option("select[name=action]", "move_selected")
    submit(page, "#changelist-form button[type=submit]")
    page.select_option("[name=namespace]", "catalogue")
    submit(page, "[name=_plan]")
    assert f"catalogue/{start}/a" in re.sub(r"\s", "", page.inner_text(".plan"))
    submit(page, "[name=_confirm]")
    assert "2 entries were moved" in said(page)
    assert group.get(node, f"{start}/a").status_code == 404
    assert group.rest(node, "GET", f"namespaces/catalogue/entries/{start}/b").json()["value"] == "b"


def test_without_a_majority_nothing_typed_is_lost(browser: Browser, group: RealGroup) -> None:
    survivor = group.follower()
    key = fresh("alone")
    group.put(survivor, key, "before")
    page = sign_in(browser, group, survivor)
    open_entry(page, group, survivor, key)
    others = [node for node in group.nodes if node != survivor]
    for node in others:
        group.act("pause", node, "worker")
    eventually(lambda: group.http.get(f"{group.url(survivor)}/readyz").status_code == 503, 10)
    page.fill("[name=string_value]", "a long text that took an hour")
    review(page)
    assert "writing is off" in page.inner_text("main")
    submit(page, "[name=_save]")
    assert "Nothing was changed" in page.inner_text("main") and "an hour" in page.inner_text(".diff-split .added")
    assert group.get(survivor, key, "?consistency=stale").json()["value"] == "before"
    for node in others:
        group.act("resume", node, "worker")
    group.wait_ready()
    submit(page, "[name=_save]")
    assert group.get(survivor, key).json()["value"] == "a long text that took an hour"


def test_a_session_that_ends_takes_nothing_with_it(browser: Browser, group: RealGroup) -> None:
    node = group.nodes[0]
    key = fresh("session")
    group.put(node, key, "before")
    page = sign_in(browser, group, node)
    open_entry(page, group, node, key)
    page.fill("[name=string_value]", "typed for an hour")
    page.context.clear_cookies(name="sessionid")
    review(page)
    assert "Sign in again" in page.inner_text("main")
    page.fill("[name=signin-username]", group.credentials["user"])
    page.fill("[name=signin-password]", group.credentials["password"])
    submit(page, "text=Sign in and go on")
    assert page.input_value("[name=string_value]") == "typed for an hour"
    save(page)
    assert group.get(node, key).json()["value"] == "typed for an hour"


def test_a_second_person_approves_exactly_what_is_published(browser: Browser, group: RealGroup) -> None:
    one, two, _ = group.nodes
    namespace, name = fresh("ns").replace("/", "-"), f"boss-{uuid.uuid4().hex[:6]}"
    user = {"password": "a long password", "is_staff": True, "is_superuser": True}
    assert group.rest(one, "PUT", f"users/{name}", user).status_code == 201
    made = group.rest(one, "PUT", f"namespaces/{namespace}", {"colour": "red", "protected": True})
    assert made.status_code == 201
    entry = f"namespaces/{namespace}/entries/limits/orders"
    assert group.rest(one, "PUT", entry, {"value": 10}).status_code == 201
    assert group.rest(one, "PUT", f"namespaces/{namespace}", {"requires_approval": True}).status_code == 200
    ann = sign_in(browser, group, one)
    ann.goto(f"{group.url(one)}{ENTRIES}/?namespace__name__exact={namespace}")
    submit(ann, "#result_list tbody th a")
    ann.fill("[name=integer_value]", "20")
    review(ann)
    assert not ann.locator("[name=_save]").count()
    ann.fill("[name=change_title]", "More orders")
    submit(ann, "[name=_propose]")
    assert "only another person can approve" in ann.inner_text("main") and ann.is_disabled("button[value=publish]")
    boss = sign_in(browser, group, two, name, "a long password")
    boss.goto(f"{group.url(two)}/admin/changesets/changeset/")
    submit(boss, "text=More orders")
    ann.click("text=Edit…")
    ann.wait_for_selector("[name=integer_value]")
    ann.fill("[name=integer_value]", "2000")
    review(ann)
    submit(ann, "[name=_propose]")
    submit(boss, "button[value=approve]")
    assert "Nothing was done" in boss.inner_text("main") and "2000" in boss.inner_text(".diff-split .added")
    submit(boss, "button[value=approve]")
    assert f"Approved by {name}" in boss.inner_text("main")
    submit(boss, "button[value=publish]")
    assert f"type {namespace} to confirm" in boss.inner_text("main")
    boss.fill(f"[name='confirm:{namespace}']", namespace)
    submit(boss, "button[value=publish]")
    assert "published" in boss.inner_text(".messagelist") and group.rest(one, "GET", entry).json()["value"] == 2000
