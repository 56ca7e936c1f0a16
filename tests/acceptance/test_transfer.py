"""Ten thousand entries go into a real group as one change, and out of another node again."""

import json
import uuid
from pathlib import Path

from tests.acceptance.test_watch import Follower
from tests.support.group import RealGroup
from tests.support.waiting import eventually

ENTRIES = 10_000


def config(group: RealGroup, node: str, *argv: str) -> str:
    options = ("--server", group.url(node), "--token-file", str(group.folder / "token"))
    (group.folder / "token").write_text(group.credentials["token"])
    done = group.run(node, "manage.py", "config", *argv, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_import_is_one_change_for_every_node_and_every_watcher(group: RealGroup, tmp_path: Path) -> None:
    name = f"import-{uuid.uuid4().hex[:6]}"
    file = tmp_path / "entries.json"
    file.write_text(json.dumps({f"{name}/{n:05}": {"n": n, "text": f"número {n}\n"} for n in range(ENTRIES)}))
    first, second = group.follower(), group.leader()
    watcher = Follower(group, name, [second])
    try:
        plan = json.loads(config(group, first, "import", "storefront", str(file), "--dry-run", "--json"))
        assert (plan["added"], len(plan["items"])) == (ENTRIES, ENTRIES)
        done = json.loads(config(group, first, "import", "storefront", str(file), "--json"))
        assert done["added"] == ENTRIES
        rows = group.wait_level()
        assert {rows["storefront", f"{name}/{n:05}"][1] for n in range(ENTRIES)} == {done["revision"]}
        eventually(lambda: len(watcher.events) >= ENTRIES, 30, "every change is told")
        assert watcher.events == [(f"{name}/{n:05}", done["revision"]) for n in range(ENTRIES)]
    finally:
        watcher.stop()
    out = tmp_path / "out.yaml"
    config(group, second, "export", "storefront", str(out), "--prefix", f"{name}/")
    again = json.loads(
        config(group, second, "import", "storefront", str(out), "--dry-run", "--mode", "replace", "--json")
    )
    assert (again["unchanged"], again["items"]) == (ENTRIES, [])
