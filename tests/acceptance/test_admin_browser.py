"""The group in the admin, in a real browser: the dashboard, and operations on nodes while scripts write."""

import uuid
from contextlib import ExitStack

from playwright.sync_api import Browser, Page

from tests.support.browser import sign_in, submit
from tests.support.group import RealGroup
from tests.support.load import Load
from tests.support.waiting import eventually

NODES = "/admin/consensus/member/"
SWITCHES = "/admin/switches/switchchange/"
RUN = uuid.uuid4().hex[:6]


def operate(page: Page, group: RealGroup, asked: str, operation: str, node: str, ended: str) -> None:
    """Through the pages of ``asked``, until they say that it has ``ended``."""
    page.goto(f"{group.url(asked)}{NODES}operate/{operation}/")
    page.check(f"#choose input[value={node}]")
    page.wait_for_selector(f"#do:enabled:has-text('{node}')")
    submit(page, "#do")
    page.wait_for_selector(f".ended:has-text('{ended}')", timeout=30_000)


def test_the_leader_is_drained_and_no_request_fails(browser: Browser, group: RealGroup) -> None:
    leader, other = group.leader(), group.follower()
    page = sign_in(browser, group, other)
    page.goto(f"{group.url(other)}{NODES}operate/drain/?node={leader}")
    assert "No further node may fail meanwhile" in page.inner_text("#plan")
    loads = [Load(group, node, f"{RUN}-drain-{node}", threads=1) for node in (leader, other)]
    with ExitStack() as writing:
        for load in loads:
            writing.enter_context(load)
        eventually(lambda: all(len(load.acknowledged) > 5 for load in loads), 20, "scripts write")
        submit(page, "#do")
        page.wait_for_selector(".ended:has-text('Safe to stop')", timeout=30_000)
        written = [len(load.acknowledged) for load in loads]
        eventually(lambda: all(len(one.acknowledged) > before for one, before in zip(loads, written, strict=True)), 20)
    assert [(load.refused, load.unknown) for load in loads] == [([], []), ([], [])]
    assert group.state(leader) == "drained" and group.leader() != leader
    assert group.http.get(f"{group.url(leader)}/readyz").status_code == 503
    submit(page, "#follow")
    page.wait_for_selector("#do:enabled")
    submit(page, "#do")
    page.wait_for_selector(".ended:has-text('In service')", timeout=30_000)
    eventually(lambda: group.http.get(f"{group.url(leader)}/readyz").status_code == 200, 20)


def test_every_node_in_turn_is_drained_stopped_and_started_while_others_write(
    browser: Browser, group: RealGroup
) -> None:
    """Rolling maintenance, as a person does it; scripts use the nodes that a load balancer would send them to."""
    for node in group.nodes:
        asked = next(name for name in group.nodes if name != node)
        page = sign_in(browser, group, asked)
        operate(page, group, asked, "drain", node, "Safe to stop")
        others = [Load(group, name, f"{RUN}-{node}-{name}", threads=1) for name in group.nodes if name != node]
        with ExitStack() as writing:
            for load in others:
                writing.enter_context(load)
            group.act("stop", node)
            eventually(lambda others=others: all(len(load.acknowledged) > 5 for load in others), 30, "the others write")
            group.act("start", node)
            operate(page, group, asked, "undrain", node, "In service")
        assert [(load.refused, load.unknown) for load in others] == [([], []), ([], [])], node
        group.wait_ready()
        page.context.close()
    group.wait_level()


def test_what_would_leave_no_majority_is_refused_and_actions_lead_to_the_same_pages(
    browser: Browser, group: RealGroup
) -> None:
    leader, asked = group.leader(), group.follower()
    page = sign_in(browser, group, asked)
    page.goto(f"{group.url(asked)}{NODES}")
    assert page.locator("#result_list tbody tr").count() == 3
    for node in group.nodes[:2]:
        page.check(f"#result_list tbody tr:has-text('{node}') input[type=checkbox]")
    page.select_option("select[name=action]", label="Drain selected nodes")
    submit(page, "button[name=index]")
    assert "fewer than the 2 that a majority needs" in page.inner_text("#plan [role=alert]")
    assert page.locator("#do").is_disabled()
    operate(page, group, asked, "transfer", asked, "Leadership has moved")
    assert group.leader() == asked != leader


def test_what_is_flipped_elsewhere_shows_on_the_open_pages_of_switches(browser: Browser, group: RealGroup) -> None:
    seen, other = group.nodes[:2]
    name = f"{RUN}.paused"
    listing, one = sign_in(browser, group, seen), sign_in(browser, group, seen)
    listing.goto(f"{group.url(seen)}{SWITCHES}")

    def flip(value: object) -> None:
        group.rest(other, "PUT", f"switches/{name}", {"value": value, "comment": f"set to {value}"}).raise_for_status()

    flip(False)
    listing.wait_for_selector(f".toggle[aria-label='{name}'][aria-checked=false]")
    one.goto(f"{group.url(seen)}{SWITCHES}{name}/")
    one.fill("#id_comment", "half a sentence")
    flip(True)
    for page in (listing, one):
        page.wait_for_selector(f".toggle[aria-label='{name}'][aria-checked=true]")
    assert one.input_value("#id_comment") == "half a sentence"
    assert "set to True" in one.inner_text("#flips") and name in one.inner_text("#news")
    listing.hover(f".toggle[aria-label='{name}']")
    flip(False)
    one.wait_for_selector(".toggle[aria-checked=false]")
    submit(listing, f".toggle[aria-label='{name}']")
    assert "Nothing was changed" in listing.inner_text("main"), "it was based on what it showed"
    group.rest(other, "DELETE", f"switches/{name}").raise_for_status()
    one.wait_for_selector("text=This switch is deleted")


def test_the_dashboard_lives_on_while_another_node_is_killed(browser: Browser, group: RealGroup) -> None:
    leader, seen = group.leader(), group.follower()
    third = next(node for node in group.nodes if node not in (leader, seen))
    page = sign_in(browser, group, seen)
    page.wait_for_selector("#health:has-text('Healthy')")
    group.put(seen, "dashboard/told", 1)
    page.wait_for_selector("#changes li:has-text('storefront/dashboard/told')", timeout=20_000)
    group.act("kill", third)
    said = f"{third} does not answer. The next failure stops writing"
    page.wait_for_selector(f"#health:has-text('{said}')", timeout=30_000)
    page.wait_for_selector(f"#concerns li:has-text('{third} does not answer')")
    assert page.locator(".ring .trouble").count() == 1
    group.act("kill", leader)
    page.wait_for_selector("#health:has-text('No majority: writing is off')", timeout=30_000)
    page.wait_for_selector("#banner.group-banner-warning:has-text('writing is off')", timeout=30_000)
    assert "storefront/dashboard/told" in page.inner_text("#changes")
    group.heal()
    page.wait_for_selector("#health:has-text('Healthy')", timeout=40_000)
    page.wait_for_selector("#banner:not(.group-banner-warning)", timeout=30_000)


def test_the_dashboard_says_when_it_has_lost_its_own_node(browser: Browser, group: RealGroup) -> None:
    seen = group.follower()
    page = sign_in(browser, group, seen)
    page.wait_for_selector("#health:has-text('Healthy')")
    group.act("kill", seen, "web")
    page.wait_for_selector(f"#contact:has-text('No contact with {seen}')", timeout=30_000)
    assert page.locator("#contact a").count() == 2 and "Healthy" in page.inner_text("#health")
    group.act("start", seen, "web")
    page.wait_for_selector("#contact", state="hidden", timeout=30_000)
