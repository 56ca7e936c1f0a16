"""Switches in the admin: the toggle, what it is based on, the history, and what a person without the right sees."""

import html
import json
import re

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from config_service.accounts import services as accounts
from config_service.accounts.models import User
from config_service.console.switching import pages
from config_service.switches import services
from config_service.switches.board import Board
from config_service.switches.function import Condition
from tests.support.waiting import eventually

LIST = "/admin/switches/switchchange/"
ONE = f"{LIST}kill/"
VERSIONS = f"{LIST}versions.json"


@pytest.fixture
def board(direct, monkeypatch):
    made = Board(direct)
    monkeypatch.setattr(pages, "get_board", lambda: made)
    yield made
    made.close()


@pytest.fixture
def web(root: User, board: Board) -> Client:
    client = Client()
    client.force_login(root)
    return client


def test_a_switch_is_made_flipped_and_deleted(web, board):
    assert b"No switches yet" in web.get(LIST).content
    web.post(LIST, {"name": "kill", "value": "false", "comment": "new"})
    eventually(lambda: board.switches(), 5, "the board knows it")
    shown = web.get(LIST).content.decode()
    assert 'aria-checked="false"' in shown and 'value="true" role="switch"' in shown
    assert web.post(ONE, {"base": "1", "value": "true", "from": "list"}).url == LIST
    page = web.get(ONE).content.decode()
    assert 'aria-checked="true"' in page and "new" in page
    web.post(ONE, {"base": "2", "action": "delete"})
    assert "This switch is deleted" in web.get(ONE).content.decode()


def test_a_flip_is_based_on_what_was_shown(web):
    services.put_switch("ann", "kill", True)
    services.put_switch("bob", "kill", False)
    told = web.post(ONE, {"base": "1", "value": "false"}, follow=True).content.decode()
    assert "Nothing was changed: kill is at version 2" in told
    assert services.read_switch("kill").version == 2


def test_a_value_that_is_no_toggle_is_shown_and_set_as_json(web):
    web.post(LIST, {"name": "kill", "value": '{"rate": 0.5}'})
    assert services.read_switch("kill").value_json == '{"rate":0.5}'
    web.post(ONE, {"base": "1", "value": "half", "comment": "text"})
    assert services.read_switch("kill").value_json == '"half"'
    page = web.get(ONE).content.decode()
    assert 'role="switch"' not in page and "text" in page


def test_what_cannot_be_is_told_and_what_was_typed_stays(web):
    page = web.post(LIST, {"name": "-no", "value": "1"}).content.decode()
    assert "Nothing was changed" in page and 'value="-no"' in page
    services.put_switch("ann", "kill", 1)
    assert "there is a switch" in web.post(LIST, {"name": "kill", "value": "2"}).content.decode()
    assert "there is no switch" in web.get(f"{LIST}other/").content.decode()


def test_without_a_majority_the_page_shows_what_the_node_knew(web, board, direct):
    services.put_switch("ann", "kill", True)
    eventually(lambda: board.switches(), 5, "the board knows it")
    direct.lost = True
    page = web.get(ONE).content.decode()
    assert "As this node knew it last" in page and 'aria-checked="true"' in page
    assert "Nothing was changed" in web.post(ONE, {"base": "1", "value": "false"}, follow=True).content.decode()


def shown_versions(page) -> dict[str, int]:
    return json.loads(html.unescape(re.search(r'data-versions="([^"]*)"', page.content.decode())[1]))


def test_a_page_can_tell_that_it_is_to_be_shown_anew(web, board, direct):
    services.put_switch("ann", "kill", True)
    services.put_switch("ann", "other", 1)
    eventually(lambda: len(board.switches()) == 2, 5, "the board knows them")
    assert web.get(VERSIONS).json() == shown_versions(web.get(LIST)) == {"kill": 1, "other": 1}
    services.put_switch("bob", "kill", False)
    eventually(lambda: board.switches()["kill"].version == 2, 5, "the board knows it")
    direct.lost = True  # the group is not asked
    assert web.get(VERSIONS).json() == {"kill": 2, "other": 1}
    assert web.get(f"{VERSIONS}?name=kill").json() == shown_versions(web.get(ONE)) == {"kill": 2}
    direct.lost = False
    services.delete_switch("bob", "kill")
    eventually(lambda: "kill" not in board.switches(), 5, "the board knows it")
    assert web.get(f"{VERSIONS}?name=kill").json() == shown_versions(web.get(ONE)) == {}


def test_versions_are_for_those_who_may_read_switches(board, root):
    accounts.change_user("root", None, "ann", {"is_staff": True}, "correct horse", "ann")
    client = Client()
    assert client.get(VERSIONS).status_code == 302
    client.force_login(User.objects.get(username="ann"))
    assert client.get(VERSIONS).status_code == 403


def test_who_may_look_may_not_flip(root, board):
    rights = {"is_staff": True, "permissions": ("switches.view_switchchange",)}
    accounts.change_user("root", None, "ann", rights, "correct horse", "ann")
    services.put_switch("root", "kill", True, condition=Condition())
    client = Client()
    client.force_login(User.objects.get(username="ann"))
    eventually(lambda: board.switches(), 5, "the board knows it")
    page = client.get(LIST).content.decode()
    assert "disabled" in page and "New switch" not in page
    assert client.post(ONE, {"base": "1", "value": "false"}).status_code == 403
    assert Permission.objects.filter(codename="flip_switch").exists()
