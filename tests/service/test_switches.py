"""Switches: over HTTP and from the command line, with no leader, and what the audit trail tells of them afterwards."""

import itertools
import json

import pytest
from django.core.management import CommandError, call_command

from config_service.accounts import services as accounts
from config_service.api import switches as api_switches
from config_service.audit.models import AuditRecord
from config_service.switches import services
from config_service.switches.board import Board
from config_service.switches.function import Clear, Condition, Set, change
from config_service.switches.models import SwitchChange
from config_service.switches.recording import Recorder
from config_service.switches.state_machine import KEPT
from config_service.switches.stored import KEPT_BYTES, SEVERAL, decode
from consensus.errors import NoLeader
from consensus.origin import Origin
from consensus.paxos.register import Conflict, Register
from consensus.sql import execute
from consensus.wire import encode
from tests.support.waiting import eventually

S = "switches/kill"


@pytest.fixture
def flipper(api_for):
    return api_for("switches", "flip")


@pytest.fixture
def board(direct, monkeypatch):
    made = Board(direct)
    monkeypatch.setattr(api_switches, "get_board", lambda: made)
    yield made
    made.close()


def recorded(direct) -> int:
    news = direct.register_news(0, 0, 0)
    return Recorder().record(news.registers)


def test_what_was_recorded_before_the_tables_were_replaced_is_recorded_again(flipper, direct):
    """A switch that is set in a new group just before a snapshot becomes that group."""
    flipper.put(S, {"value": True})
    states, recorder = direct.register_news(0, 0, 0).registers, Recorder()
    assert (recorder.record(states, 1), recorder.record(states, 1)) == (1, 0)
    execute("DELETE FROM switches_switchchange")
    assert (recorder.record(states, 1), recorder.record(states, 2)) == (0, 1)


def test_a_switch_lives_and_dies(flipper):
    made = flipper.put(S, {"value": True, "comment": "go"})
    assert (made.status_code, made.headers["ETag"]) == (201, '"1"')
    body = made.json()
    assert body == {
        "name": "kill", "value": True, "version": 1, "created_version": 1, "updated_at": body["updated_at"],
        "updated_by": "root", "comment": "go",
    }  # fmt: skip
    got = flipper.get(S)
    assert (got.json(), got.headers["ETag"], got.headers["Config-Consistency"]) == (body, '"1"', "linearizable")
    assert flipper.get(S, If_None_Match='"1"').status_code == 304
    changed = flipper.put(S, {"value": {"a": [1, 2.5, None]}})
    assert (changed.status_code, changed.json()["version"], changed.json()["created_version"]) == (200, 2, 1)
    assert flipper.get("switches/").json() == {"items": [changed.json()], "next": None}
    assert flipper.delete(S).status_code == 204
    assert flipper.get(S).status_code == flipper.delete(S).status_code == 404
    assert flipper.get("switches/").json()["items"] == []
    again = flipper.put(S, {"value": 1})
    assert (again.status_code, again.json()["version"], again.json()["created_version"]) == (201, 4, 4)


def test_conditions_name_the_version(flipper):
    assert flipper.put(S, {"value": 1}, If_Match="*").status_code == 412
    assert flipper.put(S, {"value": 1}, If_None_Match="*").status_code == 201
    refused = flipper.put(S, {"value": 2}, If_None_Match="*")
    assert (refused.status_code, refused.json()["current_revision"]) == (412, 1)
    assert flipper.put(S, {"value": 2}, If_Match='"1"').json()["version"] == 2
    assert flipper.put(S, {"value": 3}, If_Match='"1"').json()["current_revision"] == 2
    assert flipper.delete(S, If_Match='"1"').status_code == 412
    assert flipper.delete(S, If_Match='"2"').status_code == 204
    assert flipper.delete(S, If_Match='"2"').json()["current_revision"] == 0


def test_a_retry_is_done_once_and_a_reused_key_is_refused(flipper):
    first = flipper.put(S, {"value": 1}, Idempotency_Key="a")
    assert flipper.put(S, {"value": 1}, Idempotency_Key="a").json() == first.json()
    assert flipper.put(S, {"value": 2}, Idempotency_Key="a").status_code == 422
    assert flipper.get(S).json()["version"] == 1


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (S, {"value": "x" * 5000}, 413),
        (S, {"value": "é" * 2048}, 413),
        (S, {}, 400),
        (S, {"value": 1, "colour": "red"}, 400),
        (S, {"value": 1, "comment": "x" * 201}, 400),
        ("switches/-no", {"value": 1}, 400),
        ("switches/" + "x" * 101, {"value": 1}, 400),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(flipper, path, body, status):
    refused = flipper.put(path, body)
    assert refused.status_code == status and refused.json()["status"] == status
    assert flipper.get("switches/").json()["items"] == []


def test_a_value_of_4_kib_fits(flipper):
    assert flipper.put(S, {"value": "x" * 4094}).status_code == 201


def test_pages_of_both_consistencies_are_the_same(flipper, board):
    for number in range(5):
        flipper.put(f"switches/s{number}", {"value": number})
    flipper.delete("switches/s3")
    eventually(lambda: len(board.switches()) == 4, 5, "the board knows all")
    for consistency in ("linearizable", "stale"):
        query = f"?limit=3&consistency={consistency}"
        first = flipper.get(f"switches/{query}").json()
        assert [item["name"] for item in first["items"]] == ["s0", "s1", "s2"] and first["next"]
        rest = flipper.get(f"switches/{query}&cursor={first['next']}").json()
        assert ([item["value"] for item in rest["items"]], rest["next"]) == ([4], None)


def test_without_a_majority_only_stale_reads_are_answered(flipper, board, direct):
    flipper.put(S, {"value": True})
    eventually(lambda: board.switches(), 5, "the board knows it")
    direct.lost = True
    for answer in (flipper.get(S), flipper.put(S, {"value": 1}), flipper.delete(S), flipper.get("switches/")):
        assert answer.status_code == 503 and answer.headers["Retry-After"]
    stale = flipper.get(S + "?consistency=stale")
    assert (stale.json()["value"], stale.headers["Config-Consistency"]) == (True, "stale")
    assert flipper.get("switches/other?consistency=stale").status_code == 404
    assert flipper.get(S + "?consistency=fresh").status_code == 400


def test_without_a_leader_switches_are_changed_all_the_same(flipper, direct):
    direct.failure = NoLeader()
    assert flipper.put(S, {"value": True}).status_code == 201
    assert flipper.get(S).json()["value"] is True
    assert direct.failure is not None, "nobody has asked the leader"


def test_scopes_and_permissions(api_for, root):
    reader, flipping, neither = api_for("switches"), api_for("flip"), api_for("read:*", "write:*", "operate")
    assert reader.put(S, {"value": 1}).json()["missing"] == "flip"
    assert flipping.put(S, {"value": 1}).status_code == 201
    assert (reader.get(S).status_code, flipping.get(S).json()["missing"]) == (200, "switches")
    assert neither.get("switches/").status_code == neither.delete(S).status_code == 403


def test_the_audit_trail_tells_each_flip_once_with_who_and_when(flipper, direct):
    flipper.put(S, {"value": True, "comment": "why"})
    flipper.put(S, {"value": False})
    services.put_switch("ann", "kill", 3)
    assert recorded(direct) == 3 and recorded(direct) == 0
    told = list(AuditRecord.objects.filter(action="switches.flip").order_by("revision"))
    assert [(record.actor, record.channel) for record in told] == [("root", "rest"), ("ann", "")]
    details = [target["detail"] for record in told for target in record.targets]
    assert [detail.partition(" at ")[0] for detail in details] == ["version 1 set", "version 2 set", "version 3 set"]
    items = flipper.get(S + "/history").json()["items"]
    assert [(item["version"], item["value"], item["actor"]) for item in items] == [
        (3, 3, "ann"), (2, False, "root"), (1, True, "root"),
    ]  # fmt: skip
    assert items[-1]["comment"] == "why"


def test_what_was_recorded_leaves_the_register(flipper, direct):
    flipper.put(S, {"value": 1})
    recorded(direct)
    flipper.put(S, {"value": 2})
    version, switch = services.read_register("kill")
    assert version == 2 and [flip.version for flip in switch.flips] == [2]
    assert [item["version"] for item in flipper.get(S + "/history").json()["items"]] == [2, 1]


def test_a_deleted_switch_leaves_its_history_and_its_versions_go_on(flipper, direct):
    flipper.put(S, {"value": 1})
    flipper.delete(S)
    assert recorded(direct) == 2
    assert services.read_register("kill")[1] is None, "the register holds nothing any more"
    items = flipper.get(S + "/history").json()["items"]
    assert [(item["operation"], item["version"]) for item in items] == [("delete", 2), ("put", 1)]
    assert flipper.put(S, {"value": 1}).json()["version"] > 2
    assert flipper.get("switches/other/history").status_code == 404


def test_a_group_that_was_restored_records_its_own_flips(flipper, direct):
    """Its tables tell of the switches of another group, whose versions were higher; its registers begin anew."""
    for number in range(5):
        flipper.put(S, {"value": number})
    assert recorded(direct) == 5
    direct.forget_registers()
    flipper.put(S, {"value": "new"})
    flipper.put(S, {"value": "newer"})
    assert recorded(direct) == 2 and recorded(direct) == 0
    items = flipper.get(S + "/history").json()["items"]
    assert [(item["version"], item["value"]) for item in items][:3] == [(2, "newer"), (1, "new"), (5, 4)]


def test_old_changes_of_a_switch_are_forgotten(direct, root):
    for number in range(KEPT + 20):
        services.put_switch("root", "busy", number)
    recorded(direct)
    kept = SwitchChange.objects.filter(name="busy")
    assert kept.count() == KEPT and kept.order_by("version").first().version == 21


ASKED = Set("1", Condition(), "ann", "2026-05-04T12:00:00Z", "", Origin("rest"), 0, "", "one")


def test_a_register_never_grows_without_bound_and_says_what_it_folded():
    register, command = Register(0), encode(replace_struct(ASKED, value='"' + "x" * 400 + '"'))
    for number in range(1000):
        register = Register(number + 1, change(register, command))
    flips = decode(register.value).flips
    assert len(register.value) < 2 * KEPT_BYTES
    assert flips[0].first == 1 and flips[-1].version == 1000
    assert all(later.first == earlier.version + 1 for earlier, later in itertools.pairwise(flips))
    bob = encode(replace_struct(ASKED, actor="bob"))
    for number in range(1000, 3000):
        register = Register(number + 1, change(register, bob))
    assert decode(register.value).flips[0].actor == SEVERAL


def test_what_a_newer_release_wrote_is_never_replaced():
    for command in (b"\x93\xa6newest\x01\x02", encode(ASKED)):
        with pytest.raises(Conflict):
            change(Register(4, b"\xc1"), command)


def test_only_a_deleted_switch_is_cleared_and_only_at_its_version():
    live = change(Register(0), encode(ASKED))
    with pytest.raises(Conflict):
        change(Register(1, live), encode(Clear(1)))
    deleted = change(Register(1, live), encode(replace_struct(ASKED, value="")))
    with pytest.raises(Conflict):
        change(Register(3, deleted), encode(Clear(2)))
    assert change(Register(2, deleted), encode(Clear(2))) is None


def replace_struct(command: Set, **changes: object) -> Set:
    return Set(**{name: changes.get(name, getattr(command, name)) for name in Set.__struct_fields__})


def test_the_command_line(nodes, direct, capsys, monkeypatch, root):
    token = accounts.create_token("test", "cli", root.pk, ["switches", "flip"]).plain
    monkeypatch.setenv("CONFIG_TOKEN", token)

    def run(*argv: str) -> str:
        call_command("config", "switch", *argv)
        return capsys.readouterr().out.strip()

    assert run("set", "kill", "on", "--comment", "too hot") == "kill is true at version 1"
    assert run("get", "kill") == "true"
    assert run("set", "kill", "off", "--expect", "1") == "kill is false at version 2"
    assert "kill\tfalse\tversion 2 by root" in run("list")
    assert [line.split("\t")[0] for line in run("history", "kill").splitlines()] == ["2", "1"]
    assert json.loads(run("get", "kill", "--json"))["version"] == 2
    for wrong in (
        ["set", "kill"],
        ["get"],
        ["get", "kill", "1"],
        ["flip", "kill"],
        ["set", "kill", "1", "--expect", "1"],
    ):
        with pytest.raises(CommandError):
            run(*wrong)
    assert run("delete", "kill") == "kill is deleted" and run("list") == ""
