"""The admin as people use it, in a real browser against the real group."""

from playwright.sync_api import Browser

from tests.support.browser import sign_in, submit
from tests.support.group import RealGroup
from tests.support.waiting import eventually


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
