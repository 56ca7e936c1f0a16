"""``manage.py config changeset`` against the API in this process."""

import io
import json
import sys

import pytest
from django.core.management import CommandError

from config_service.accounts import services as accounts
from config_service.changesets import selectors
from config_service.changesets import services as change_sets
from config_service.entries import services as entries
from config_service.entries.models import ConfigEntry
from tests.service.test_config_command import config, config_json


@pytest.fixture
def may_publish(nodes, shop, root, monkeypatch):
    token = accounts.create_token("root", "t", root.pk, ["read:*", "write:*", "publish:*"]).plain
    monkeypatch.setenv("CONFIG_TOKEN", token)
    config("set", "shop", "a", "1")
    config("set", "shop", "old", "x")


@pytest.fixture
def draft(may_publish):
    return config_json("changeset", "create", "--title", "prices", "--put", "shop/a=2", "--put", "shop/n=Café",
                       "--delete", "shop/old")  # fmt: skip


def test_from_the_draft_to_what_is_published(draft):
    id, digest = str(draft["id"]), draft["digest"]
    assert config("changeset", "diff", id) == (
        f'- shop/a\t1\n+ shop/a\t2\n+ shop/n\t"Café"\n- shop/old\t"x"\n'
        f"change set {id}, draft: can be published\ndigest {digest}"
    )
    assert config("changeset", "show", id).splitlines()[1:] == [
        "put shop/a\t2",
        'put shop/n\t"Café"',
        "delete shop/old",
    ]
    told = config("changeset", "schedule", id, digest[:8], "--at", "2027-01-01T00:00:00Z")
    assert told == f"change set {id} is scheduled for 2027-01-01T00:00:00.000000Z, digest {digest}"
    assert config("changeset", "unschedule", id) == f"change set {id} is draft, digest {digest}"
    done = config("changeset", "publish", id, digest)
    assert done.startswith(f"change set {id} is published, at revision ")
    assert dict(ConfigEntry.objects.values_list("key", "value")) == {"a": "2", "n": '"Café"'}
    (line,) = config("changeset", "list", "--namespace", "shop").splitlines()
    assert line.split("\t")[:4] == [id, "published", "root", "3 edits"]
    assert config("changeset", "list", "--state", "draft") == ""


def test_an_approval_is_of_what_was_looked_at(draft, root):
    id = str(draft["id"])
    entries.put_namespace("root", "shop", requires_approval=True)
    assert "! shop needs the approval of a second person" in config("changeset", "diff", id)
    with pytest.raises(CommandError, match="another person must"):
        config("changeset", "approve", id, draft["digest"])
    seen = selectors.get_change_set(draft["id"])
    change_sets.approve("bob", seen, draft["digest"])
    assert "approved by bob" in config("changeset", "show", id)
    with pytest.raises(CommandError, match="look at them again"):
        config("changeset", "publish", id, "0123456789")
    with pytest.raises(CommandError, match="at least 8"):
        config("changeset", "publish", id, draft["digest"][:4])
    config("changeset", "publish", id, draft["digest"])


def test_a_conflict_is_told(draft):
    config("set", "shop", "a", "7")
    told = config("changeset", "diff", str(draft["id"]))
    assert "! this edit was made on revision" in told and "cannot be published now" in told
    with pytest.raises(CommandError, match=r"1 of 3 edits .* \(409\)"):
        config("changeset", "publish", str(draft["id"]), draft["digest"])
    assert config("changeset", "withdraw", str(draft["id"])).startswith(f"change set {draft['id']} is withdrawn")


def test_from_a_file(may_publish, tmp_path, monkeypatch):
    file = tmp_path / "edits.json"
    body = {"title": "t", "edits": [{"op": "put", "namespace": "shop", "key": "k", "value": [1, {"x": None}]}]}
    file.write_text(json.dumps(body))
    made = config_json("changeset", "create", str(file), "--comment", "why", "--put", "shop/m=true")
    assert [edit["value"] for edit in made["edits"]] == [[1, {"x": None}], True]
    assert (made["title"], made["comment"]) == ("t", "why")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(body).encode())))
    assert config_json("changeset", "create", "-")["edit_count"] == 1
    for text, complaint in (("[]", "list of edits"), ("{", "not JSON"), ('{"edits": 7}', "list of edits")):
        file.write_text(text)
        with pytest.raises(CommandError, match=complaint):
            config("changeset", "create", str(file), "--title", "t")
    with pytest.raises(CommandError, match="cannot be read"):
        config("changeset", "create", str(tmp_path / "none"), "--title", "t")


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["burn"], "no such verb"),
        (["show"], "use: changeset show ID"),
        (["show", "x"], "use: changeset show ID"),
        (["show", "1", "abc"], "use: changeset show ID"),
        (["approve", "1"], "use: changeset approve ID DIGEST"),
        (["list", "1"], "use: changeset list"),
        (["list", "--limit", "0"], "use: changeset list"),
        (["list", "--state", "odd"], r"one of draft.*\(400\)"),
        (["create", "--put", "shop/a=1"], r"title.*\(400\)"),
        (["create", "--title", "t"], r"edits.*\(400\)"),
        (["create", "--title", "t", "--put", "shop/a"], "NS/KEY=VALUE"),
        (["create", "--title", "t", "--delete", "shop"], "named NS/KEY"),
        (["create", "--title", "t", "--delete", "shop/none"], r"does not exist.*\(422\)"),
        (["show", "999999"], r"no change set.*\(404\)"),
    ],
)
def test_what_is_wrong_is_one_line(may_publish, argv, complaint):
    with pytest.raises(CommandError, match=complaint):
        config("changeset", *argv)


def test_a_schedule_needs_its_time(draft):
    with pytest.raises(CommandError, match="--at TIME"):
        config("changeset", "schedule", str(draft["id"]), draft["digest"])
