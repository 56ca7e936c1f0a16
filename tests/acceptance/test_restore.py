"""All nodes are lost: a new group from the snapshot of the old one."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from config_service.localgroup import group as groups
from tests.support.group import RealGroup
from tests.support.waiting import eventually


@pytest.fixture
def fresh() -> Iterator[RealGroup]:
    made = RealGroup(size=1)
    try:
        made.up()
        yield made
    finally:
        made.close()


def manage(group: RealGroup, token: str, *arguments: str, ok: bool = True) -> str:
    os.environ["CONFIG_TOKEN"] = token
    done = group.run("n1", "manage.py", "group", *arguments, "--server", group.url("n1"), timeout_s=150)
    assert (done.returncode == 0) == ok, done.stdout + done.stderr
    return done.stdout if ok else done.stderr


def test_a_new_group_goes_on_where_the_snapshot_was_taken(group: RealGroup, fresh: RealGroup, tmp_path: Path) -> None:
    assert group.put("n1", "restore/price", 41).status_code in (200, 201)
    before = group.put("n2", "restore/price", 42)
    assert before.status_code == 200
    flip = {"value": {"rate": 0.5}, "comment": "half"}
    assert group.rest("n3", "PUT", "switches/restore.rate", flip).status_code in (200, 201)
    flips = "SELECT count(*) FROM switches_switchchange WHERE name = 'restore.rate'"
    eventually(lambda: group.sql("n1", flips) == [(1,)], 30, "the flip is on record before the snapshot is taken")
    old_token, new_token = group.credentials["token"], fresh.credentials["token"]
    file = tmp_path / "shop.snapshot"
    taken = json.loads(manage(group, old_token, "snapshot", str(file), "--json"))
    assert taken["switches"] >= 1 and taken["revision"] >= before.json()["revision"]
    assert "exists already" in manage(group, old_token, "snapshot", str(file), ok=False)
    lost = group.put("n2", "restore/price", 43).json()["revision"]
    fresh_id = json.loads(manage(fresh, new_token, "status", "--json"))["group"]

    # Nothing happens without confirmation, with a bad file, or to a group of several nodes.
    assert f"--confirm {fresh_id}" in manage(fresh, new_token, "restore", str(file), ok=False)
    bad = tmp_path / "bad.snapshot"
    bad.write_bytes(file.read_bytes()[:-1])
    assert "cut off" in manage(fresh, new_token, "restore", str(bad), "--confirm", fresh_id, ok=False)
    old_id = taken["group"]
    assert "other nodes" in manage(group, old_token, "restore", str(file), "--confirm", old_id, ok=False)
    assert group.get("n1", "restore/price").json()["value"] == 43
    assert group.rest("n1", "GET", "switches/restore.rate").json()["comment"] == "half", "what was refused set nothing"
    assert fresh.get("n1", "restore/price").status_code == 404

    restored = json.loads(manage(fresh, new_token, "restore", str(file), "--confirm", fresh_id, "--json"))
    assert restored["restored"] == taken["revision"] and restored["revision"] > lost
    fresh.credentials["token"] = old_token
    found = eventually(lambda: (got := fresh.get("n1", "restore/price")).status_code == 200 and got, 30, "served")
    assert found.json() == before.json()
    assert int(found.headers["Config-Revision"]) >= restored["revision"]
    assert fresh.rest("n1", "GET", "group").status_code == 200
    fresh.credentials["token"] = new_token
    assert fresh.get("n1", "restore/price").status_code == 401, "tokens are those of the snapshot"
    fresh.credentials["token"] = old_token
    written = fresh.put("n1", "restore/price", 44)
    assert written.status_code == 200 and written.json()["revision"] > restored["revision"]
    behind = fresh.rest("n1", "GET", f"watch?namespace=storefront&since={lost}&wait_s=0")
    assert behind.status_code == 410, "who saw what is lost has to read everything anew"

    # Switches are there, and it is on record who set them here, and what was recorded of them before.
    rate = fresh.rest("n1", "GET", "switches/restore.rate").json()
    assert rate["value"] == {"rate": 0.5} and rate["comment"].startswith("restored from ")
    records = "SELECT targets::text FROM audit_auditrecord WHERE action = 'switches.flip'"
    eventually(lambda: sum("restore.rate" in targets for (targets,) in fresh.sql("n1", records)) == 2, 30, "both told")

    # Others join as ever.
    groups.add_node(fresh.layout, "n2", lambda step: None)
    eventually(lambda: fresh.rest("n1", "GET", "group").json()["joining"], 30, "n2 asks to join")
    manage(fresh, old_token, "add", "n2")
    assert fresh.get("n2", "restore/price").json()["value"] == 44
    assert fresh.rest("n2", "GET", "switches/restore.rate").json()["value"] == {"rate": 0.5}
