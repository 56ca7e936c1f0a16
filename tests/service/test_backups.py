"""Snapshots of the group over HTTP and on the command line, against the API in this process."""

import io
import json
from pathlib import Path
from unittest.mock import Mock

import pytest
from django.core.management import CommandError, call_command

from config_service import backups as config_backups
from config_service.audit.models import AuditRecord
from config_service.backups import take_backup
from config_service.commandline import snapshots
from config_service.switches import services as switches
from config_service.switches.board import Board
from consensus import backups, errors
from consensus.backup import BackupHeader, check
from tests.service.conftest import group_view
from tests.support.waiting import eventually

# A snapshot is read on a connection of its own, which sees what was committed.
pytestmark = pytest.mark.django_db(transaction=True)
ABOUT = {"confirm": "tests", "index": 7, "above": 100, "size": 3, "digest": "00" * 32, "offset": 0}


class Restored:
    """What the runtime is given. It wants everything a piece further, and is done at the end."""

    def __init__(self) -> None:
        self.pieces: list[tuple] = []
        self.data = b""
        self.failure: Exception | None = None

    def piece(self, index, above, size, digest, offset, data):
        if self.failure is not None:
            raise self.failure
        self.pieces.append((index, above, size, digest, offset))
        if offset == len(self.data):
            self.data += data
        return len(self.data), above + 1 if len(self.data) == size else 0


@pytest.fixture(autouse=True)
def group_of_these_settings(group) -> None:
    group.view = group_view(group="tests")


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> Restored:
    made = Restored()
    monkeypatch.setattr(backups, "restore_piece", made.piece)
    return made


def send(api, data: bytes = b"abc", **changes):
    query = "&".join(f"{name}={value}" for name, value in (ABOUT | changes).items())
    return api.web.post(
        f"{api.base}group/restore?{query}", data, content_type="application/octet-stream", headers=api.headers
    )


def run(*argv: str) -> str:
    out = io.StringIO()
    call_command("group", *argv, stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.fixture
def file(nodes, direct, tmp_path: Path) -> Path:
    made = tmp_path / "a.snapshot"
    run("snapshot", str(made), "--stale")
    return made


def header(file: Path) -> BackupHeader:
    with file.open("rb") as opened:
        return check(opened)


def test_a_snapshot_is_a_whole_file(file):
    assert header(file).group == "tests" and header(file).size > 0
    assert [path.name for path in file.parent.iterdir()] == ["a.snapshot"], "nothing is left beside it"
    assert file.stat().st_mode & 0o077 == 0, "it holds hashes of passwords"


def test_a_snapshot_is_on_record_before_it_is_handed_out(file):
    record = AuditRecord.objects.get(action="group.snapshot")
    assert record.targets == [{"kind": "snapshot", "id": str(header(file).index), "detail": header(file).digest.hex()}]
    assert (record.actor, record.channel, record.revision > header(file).index) == ("root", "rest", True)


def test_without_a_majority_only_a_stale_one_is_handed_out(direct, root):
    direct.failure = errors.NoLeader()
    with pytest.raises(errors.NoLeader):
        take_backup("root")
    direct.failure = errors.NoLeader()
    made = take_backup("root", without_majority=True)
    assert b"".join(made.blocks()) and not AuditRecord.objects.filter(action="group.snapshot").exists()


def test_a_snapshot_is_not_of_tables_from_before_what_it_was_asked_for(direct, root):
    """A crash of Postgres may have put them back since."""
    with pytest.raises(errors.NoLeader, match=f"were at {direct.applied + 1}"):
        take_backup("root", least=direct.applied + 1)
    made = take_backup("root", least=direct.applied)
    made.image.close()


def test_nothing_is_recorded_that_nodes_of_the_release_before_cannot_read(direct, root, old_group):
    before = len(direct.proposed)
    take_backup("root").image.close()
    assert len(direct.proposed) == before


@pytest.fixture
def board(direct, monkeypatch):
    made = Board(direct)
    monkeypatch.setattr(config_backups, "get_board", lambda: made)
    yield made
    made.close()


def held(made) -> dict[str, bytes] | None:
    made.image.close()
    return made.header.registers and dict(made.header.registers)


def test_a_snapshot_holds_the_switches_that_there_are(direct, root, board, monkeypatch):
    monkeypatch.setattr(config_backups, "AT_ONCE", 2)
    for number in range(5):
        switches.put_switch("ann", f"s{number}", {"at": number})
    switches.delete_switch("ann", "s3")
    told = {f"s{number}": f'{{"at":{number}}}'.encode() for number in (0, 1, 2, 4)}
    assert held(take_backup("root")) == told
    eventually(lambda: len(board.switches()) == 4, 5, "the board knows them")
    direct.lost = True
    with pytest.raises(errors.NoMajority):
        take_backup("root")
    assert held(take_backup("root", without_majority=True)) == told
    monkeypatch.setattr(board, "switches", Mock(side_effect=errors.NoLeader))
    assert held(take_backup("root", without_majority=True)) is None


def test_switches_are_asked_for_after_the_tables(direct, root, monkeypatch):
    """Else what is recorded of a switch could be newer than the switch."""
    order, make = [], backups.make_in
    monkeypatch.setattr(backups, "make_in", lambda *given: (order.append("tables"), make(*given))[1])
    backups.make_backup(lambda: order.append("switches")).image.close()
    assert order == ["tables", "switches"]


def test_switches_are_set_when_the_group_has_agreed_and_before_it_is_replaced(
    nodes, api_for, restored, tmp_path, monkeypatch
):
    monkeypatch.setenv("CONFIG_TOKEN", api_for("operate", "flip").headers["Authorization"].removeprefix("Bearer "))
    switches.put_switch("ann", "a.b", {"rate": 0.5})
    switches.put_switch("ann", "kill", True)
    file = tmp_path / "a.snapshot"
    assert json.loads(run("snapshot", str(file), "--json"))["switches"] == 2
    switches.put_switch("ann", "kill", False)
    restored.failure = errors.Refused("this group has other nodes (n2)")
    with pytest.raises(CommandError, match="other nodes"):
        run("restore", str(file), "--confirm", "tests")
    assert switches.read_switch("kill").value_json == "false", "a group that is not replaced keeps its own"
    restored.failure = None
    seen: list[str] = []

    def take(*piece):
        seen.append(switches.read_switch("kill").value_json)
        return restored.piece(*piece)

    monkeypatch.setattr(backups, "restore_piece", take)
    assert json.loads(run("restore", str(file), "--confirm", "tests", "--json"))["switches"] == 2
    assert seen == ["false"] * (len(seen) - 1) + ["true"] and len(seen) > 1
    assert switches.read_switch("a.b").value_json == '{"rate":0.5}'
    assert switches.read_switch("kill").comment == f"restored from tests at revision {header(file).index}"


def test_a_file_that_is_there_already_stays(file):
    before = file.read_bytes()
    with pytest.raises(CommandError, match="exists already"):
        run("snapshot", str(file))
    assert file.read_bytes() == before


def test_a_snapshot_that_comes_in_part_leaves_no_file(nodes, direct, tmp_path, monkeypatch):
    whole = backups.make_backup

    def cut(*given):
        made = whole(*given)
        made.image._file.truncate(made.image.size // 2)
        return made

    monkeypatch.setattr(backups, "make_backup", cut)
    with pytest.raises(CommandError, match="not whole"):
        run("snapshot", str(tmp_path / "b.snapshot"), "--stale")
    assert list(tmp_path.iterdir()) == []


def test_operators_only(api_for, restored):
    outsider = api_for("read:*", "write:*")
    assert outsider.get("group/snapshot").status_code == 403
    assert send(outsider).status_code == 403
    assert restored.pieces == []


def test_restoring_asks_for_confirmation_and_says_what_it_would_do(file, restored, group):
    with pytest.raises(CommandError, match=r"replaces everything in the group tests, .*--confirm tests"):
        run("restore", str(file))
    with pytest.raises(CommandError, match="--confirm tests"):
        run("restore", str(file), "--confirm", "other")
    assert restored.pieces == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data[:-1], "cut off: 1 bytes are missing"),
        (lambda data: data + b"x", "1 bytes too many"),
        (lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:], "checksum does not match"),
        (lambda data: b"PK" + data, "no snapshot of a group"),
        (lambda data: b"", "no snapshot of a group"),
    ],
)
def test_a_bad_file_is_told_before_anything_is_sent(file, restored, change, reason):
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(CommandError, match=reason):
        run("restore", str(file), "--confirm", "tests")
    assert restored.pieces == []
    with pytest.raises(CommandError, match="cannot be read"):
        run("restore", str(file.with_name("none")), "--confirm", "tests")


def test_a_confirmed_snapshot_is_sent_piece_by_piece(file, restored, monkeypatch):
    monkeypatch.setattr(snapshots, "BLOCK_BYTES", 1000)
    told = json.loads(run("restore", str(file), "--confirm", "tests", "--above", "5000", "--json"))
    about = header(file)
    assert told == {"group": "tests", "restored": about.index, "revision": 5001, "switches": 0}
    assert restored.pieces[0] == (about.index, 5000, about.size, about.digest, 0)
    assert len(restored.pieces) == -(-(about.size - 1) // 1000) + 1
    assert file.read_bytes().endswith(restored.data)


def test_without_a_bound_the_log_begins_above_what_can_have_been_written_since(file):
    about = header(file)
    assert snapshots.safe_index(about) >= about.index + snapshots.LEAST_HEADROOM


def test_a_refusal_is_one_line(file, restored):
    restored.failure = errors.Refused("this group has other nodes (n2)")
    with pytest.raises(CommandError, match=r"^this group has other nodes \(n2\) \(409\)$"):
        run("restore", str(file), "--confirm", "tests")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"confirm": "other"}, "confirm"),
        ({"digest": "00"}, "digest"),
        ({"digest": "zz" * 32}, "digest"),
        ({"offset": -1}, "offset"),
        ({"size": "many"}, "size"),
        ({"force": 1}, "force"),
    ],
)
def test_bad_pieces(api, restored, changes, field):
    answer = send(api, **changes)
    assert answer.status_code == 400 and field in answer.json()["errors"]
    assert restored.pieces == []


def test_an_empty_or_a_huge_piece(api, restored):
    assert send(api, b"").status_code == 400
    assert send(api, b"x" * ((4 << 20) + 1)).status_code == 413
    assert send(api).json() == {"offset": 3, "revision": 101}
