"""Exports and imports over REST: what comes out goes in again, all of it or nothing."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.test import override_settings

from config_service.audit.models import AuditRecord
from config_service.entries import expiring, importing, imports, services
from config_service.entries.commands import DropImports, ImportEntries
from config_service.entries.models import ConfigEntry, EntryRevision, ImportPart
from config_service.entries.transfer.formats import FORMATS
from config_service.proposing import propose
from config_service.sealing.keys import new_key
from consensus.errors import NoLeader

NS = "namespaces/shop"
VALUES = {
    "db/port": (5432, "integer"), "db/host": ("db.example.com", "string"), "ratio": (1, "float"),
    "on": (True, "boolean"), "limits": ({"b": [1, 2.5, None, "ü"], "a": {}}, "json"), "no": ("no", "string"),
    "text": ("a\nb\n 'c' \"d\" \\", "string"), "a.b": ("", "string"), "a-b": (None, "json"),
    "a_b": ("😀\x00\x85", "string"), "big": (2**70, "integer"), "word": ("7", "json"),
}  # fmt: skip


@pytest.fixture
def filled(shop, settings):
    settings.SECRET_KEYS = f"k1:{new_key()}"
    for key, (value, kind) in VALUES.items():
        assert (
            shop.put(f"{NS}/entries/{key}", {"value": value, "type": kind, "comment": f"about {key}"}).status_code
            == 201
        )
    assert shop.put(f"{NS}/entries/pw", {"value": "s3cr3t", "type": "secret"}).status_code == 201
    assert shop.put(f"{NS}/entries/brief", {"value": 1, "ttl_s": 3600}).status_code == 201
    return shop


def state() -> dict[str, tuple]:
    rows = ConfigEntry.objects.filter(namespace_id="shop")
    return {row.key: (row.value, row.type, row.comment, row.expires_at) for row in rows}


def export(api, name: str = "json", query: str = "") -> bytes:
    answer = api.get(f"{NS}/export?format={name}{query}")
    assert answer.status_code == 200, answer.content
    return answer.content


def load(api, data: bytes | str, name: str = "json", query: str = "", **headers: str):
    return api.post(f"{NS}/import?format={name}{query}", data, **headers)


def test_a_plan_tells_each_difference_and_changes_nothing(filled, direct):
    before, revision = state(), direct.applied
    file = {"db/port": 6543, "db/host": "db.example.com", "new": [1], "pw": "other"}
    told = load(filled, json.dumps(file), query="&dry_run=true&mode=replace").json()
    counts = {name: told[name] for name in ("added", "changed", "removed", "unchanged")}
    assert counts == {"added": 1, "changed": 2, "removed": len(VALUES) + 2 - 3, "unchanged": 1}
    items = {item["key"]: item for item in told["items"]}
    assert items["db/port"]["old"]["value"] == 5432 and items["db/port"]["new"]["value"] == 6543
    assert items["new"]["old"] is None and items["new"]["new"]["type"] == "json"
    assert items["pw"]["new"]["masked"] and items["pw"]["new"]["value"] is None
    assert items["ratio"]["new"] is None and items["ratio"]["change"] == "removed"
    assert (state(), direct.applied, told["revision"]) == (before, revision, revision)


@pytest.mark.parametrize("name", FORMATS)
def test_what_was_exported_is_there_again(filled, name):
    before, file = state(), export(filled, name)
    again = load(filled, file, name, "&mode=replace").json()
    assert (again["unchanged"], again["changed"], again["added"], again["removed"]) == (len(before), 0, 0, 0)
    emptied = load(filled, b"{}", "json", "&mode=replace").json()
    assert emptied["removed"] == len(before) and not state()
    done = load(filled, file, name).json()
    assert done["added"] == len(before) and state() == before
    assert len({row.revision for row in ConfigEntry.objects.all()}) == 1
    assert filled.post(f"{NS}/entries/pw/reveal", {}).status_code in (200, 403)


def test_an_export_names_its_revision_and_its_file(filled):
    answer = filled.get(f"{NS}/export?format=yaml")
    assert answer.headers["Content-Type"] == "application/yaml"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="shop.yaml"'
    newest = max(row.revision for row in ConfigEntry.objects.all())
    assert f"revision: {newest}\n" in answer.content.decode() and answer.headers["Config-Revision"] == str(newest)


def test_the_past_is_exported_too(filled):
    revision = ConfigEntry.objects.get(key="db/port").revision
    file = json.loads(export(filled, query=f"&revision={revision}"))
    assert (file["revision"], file["entries"]) == (revision, {"db/port": 5432})


def test_no_export_holds_a_secret_in_clear_unless_it_is_asked_for_and_recorded(filled, api_for):
    for name in FORMATS:
        assert b"s3cr3t" not in export(filled, name) + export(filled, name, "&secrets=omit")
    assert filled.get(f"{NS}/export?format=json&secrets=plain").status_code == 403
    revealer = api_for("read:shop", "reveal:shop")
    assert json.loads(export(revealer, query="&secrets=plain"))["entries"]["pw"] == "s3cr3t"
    record = AuditRecord.objects.order_by("-revision").first()
    assert (record.action, [target["key"] for target in record.targets]) == ("secrets.export", ["pw"])


def test_secrets_in_clear_are_sealed_before_they_are_proposed(filled, api_for, direct):
    file = export(api_for("read:shop", "reveal:shop"), "env", "&secrets=plain")
    direct.proposed.clear()
    assert load(filled, file, "env").json()["changed"] == 1, "whoever writes cannot find out by guessing"
    assert direct.proposed and not any(b"s3cr3t" in payload for payload in direct.proposed)
    assert ConfigEntry.objects.get(key="pw").type == "secret"


def test_what_was_left_out_stays(filled):
    before, file = state(), export(filled, query="&secrets=omit")
    assert load(filled, file, query="&mode=replace").json()["removed"] == 0
    assert state() == before


def test_a_sealed_secret_is_good_for_its_own_entry_only(filled, api_for):
    file = json.loads(export(filled))
    file["sealed"]["db/password"] = file["sealed"].pop("pw")
    refused = load(filled, json.dumps(file))
    assert refused.status_code == 400 and "db/password" in refused.json()["detail"]
    assert not ConfigEntry.objects.filter(key="db/password").exists()


def test_a_secret_sealed_with_an_older_key_is_sealed_anew(filled, settings):
    file = export(filled)
    settings.SECRET_KEYS = f"k2:{new_key()},{settings.SECRET_KEYS}"
    load(filled, b"{}", query="&mode=replace")
    assert load(filled, file).status_code == 200
    assert json.loads(ConfigEntry.objects.get(key="pw").value)["key_id"] == "k2"


def test_an_unmarked_file_keeps_the_types_that_entries_have(filled):
    text = "db/port=1\nratio=2\nno=3\nnew=4\nlimits=[]\non=maybe\nword=x\npw=other\n"
    assert load(filled, text, "properties").status_code == 200
    kinds = {key: (value, kind) for key, (value, kind, *_) in state().items()}
    assert (
        kinds["db/port"] == ("1", "integer") and kinds["ratio"] == ("2", "float") and kinds["no"] == ('"3"', "string")
    )
    assert kinds["new"] == ('"4"', "string") and kinds["limits"] == ("[]", "json") and kinds["word"] == ('"x"', "json")
    assert kinds["on"] == ('"maybe"', "string") and kinds["pw"][1] == "secret"


def test_a_prefix_bounds_what_is_replaced(filled):
    before = state()
    done = load(filled, '{"db/port": 1}', query="&mode=replace&prefix=db/").json()
    assert (done["changed"], done["removed"]) == (1, 1) and len(state()) == len(before) - 1
    assert load(filled, '{"x": 1}', query="&prefix=db/").status_code == 400
    file = export(filled, query="&prefix=a")
    assert load(filled, file, query="&prefix=b").status_code == 400
    assert load(filled, file, query="&mode=replace").json()["removed"] == 0


def test_one_change_of_history_and_one_record(filled, direct):
    records = AuditRecord.objects.count()
    done = load(filled, '{"a": 1, "b": 2}', query="&comment=why").json()
    changes = EntryRevision.objects.filter(revision=done["revision"])
    assert sorted(changes.values_list("key", "comment")) == [("a", "why"), ("b", "why")]
    assert AuditRecord.objects.count() == records + 1
    record = AuditRecord.objects.order_by("-revision").first()
    assert record.action == "entries.import" and record.targets[0]["detail"] == "2 added, 0 changed, 0 removed"
    assert [target.get("key") for target in record.targets[1:]] == ["a", "b"]


def test_a_retry_gets_the_first_answer_though_the_plan_would_be_another(filled):
    first = load(filled, '{"a": 1}', Idempotency_Key="x")
    filled.put(f"{NS}/entries/a", {"value": 2})
    again = load(filled, '{"a": 1}', Idempotency_Key="x")
    assert again.json() == first.json() and json.loads(state()["a"][0]) == 2
    assert load(filled, '{"a": 3}', Idempotency_Key="x").status_code == 422
    events = load(filled, '{"a": 1}', Idempotency_Key="x", Accept="text/event-stream").getvalue().decode()
    assert json.loads(events.split("event: done\ndata: ")[1]) == first.json()


def test_somebody_who_came_between_is_not_overwritten(filled, monkeypatch):
    pack = imports.pack

    def late(edits):
        services.put_entry("other", "shop", "db/port", 7)
        return pack(edits)

    monkeypatch.setattr(imports, "pack", late)
    before = {key: value for key, value in state().items() if key != "db/port"}
    refused = load(filled, '{"a": 1, "db/port": 5432}')
    assert refused.status_code == 412 and refused.json()["detail"].startswith("db/port: expected revision")
    assert {key: value for key, value in state().items() if key != "db/port"} == before
    assert state()["db/port"][0] == "7", "what the file says is there already has to be there"


def test_replacing_is_refused_where_an_entry_has_come(filled, monkeypatch):
    pack = imports.pack

    def late(edits):
        services.put_entry("other", "shop", "guest", 7)
        return pack(edits)

    monkeypatch.setattr(imports, "pack", late)
    assert load(filled, '{"a": 1}').status_code == 200
    services.delete_entry("other", "shop", "guest")
    refused = load(filled, '{"a": 2}', query="&mode=replace")
    assert refused.status_code == 412 and refused.json()["detail"].startswith("guest: was created")


def test_only_what_was_shown_is_done(filled):
    shown = load(filled, '{"a": 1, "db/port": 5432}', query="&dry_run=true").json()["revision"]
    filled.put(f"{NS}/entries/other", {"value": 1})
    seen = f"&seen_revision={shown}"
    assert load(filled, '{"a": 1, "db/port": 5432}', query=seen).status_code == 200
    refused = load(filled, '{"a": 1, "db/port": 5432}', query=seen)
    assert refused.status_code == 412 and refused.json()["detail"].startswith("a: has changed at revision")
    assert load(filled, '{"db/port": 1}', query=f"&mode=replace{seen}").status_code == 412
    assert load(filled, '{"db/port": 1}', query="&seen_revision=99999").status_code == 400


def big(number: int) -> bytes:
    return json.dumps({f"k/{n:05}": f"{n * 7919 % 1_000_003} value" * 3 for n in range(number)}).encode()


def test_ten_thousand_entries_are_one_change(filled, direct, monkeypatch):
    monkeypatch.setattr(imports, "PART_BYTES", 20_000)
    answer = load(filled, big(10_000), Accept="text/event-stream")
    lines = answer.getvalue().decode().splitlines()
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert events[-1]["added"] == 10_000 and events[0] == {"step": "read", "done": 0, "total": len(big(10_000))}
    sent = [event for event in events[:-1] if event["step"] == "send"]
    assert len(sent) > 3 and [event["done"] for event in sent] == list(range(len(sent)))
    assert ConfigEntry.objects.filter(revision=events[-1]["revision"]).count() == 10_000
    assert EntryRevision.objects.filter(revision=events[-1]["revision"]).count() == 10_000
    assert not ImportPart.objects.exists()
    record = AuditRecord.objects.get(revision=events[-1]["revision"])
    assert len(record.targets) == 1
    assert load(filled, export(filled), query="&mode=replace").json()["unchanged"] == 10_000 + len(VALUES) + 2


def test_more_changes_than_one_revision_holds_are_refused(filled, direct):
    before = direct.applied
    assert load(filled, big(imports.MAX_CHANGES + 1)).status_code == 413
    assert direct.applied == before


def on_the_last_command(monkeypatch, do) -> None:
    """``do`` it with the command that does the import, instead of proposing it."""

    def propose_other(command, *given, **more):
        if isinstance(command, ImportEntries):
            do(command)
        return propose(command, *given, **more)

    monkeypatch.setattr(imports, "PART_BYTES", 1000)
    monkeypatch.setattr(importing, "propose", propose_other)


def test_an_import_whose_parts_are_gone_changes_nothing_and_says_so_in_the_stream(filled, monkeypatch):
    before = state()
    on_the_last_command(monkeypatch, lambda command: propose(DropImports((command.stage,)), "system"))
    assert load(filled, big(1000)).status_code == 409
    events = load(filled, big(1000), Accept="text/event-stream").getvalue().decode()
    assert json.loads(events.split("event: problem\ndata: ")[1])["type"].endswith(":import-lost")
    assert state() == before


def test_what_nobody_finished_is_dropped_by_proposal(filled, monkeypatch):
    def fail(command):
        raise NoLeader

    on_the_last_command(monkeypatch, fail)
    assert load(filled, big(1000)).status_code == 503
    assert ImportPart.objects.count() > 1
    now = datetime.now(UTC)
    assert expiring.drop_imports("system", now) == 0
    assert expiring.drop_imports("system", now + expiring.IMPORT_KEPT + timedelta(seconds=1)) == 1
    assert not ImportPart.objects.exists()


def test_what_is_on_its_way_is_bounded(filled, monkeypatch):
    monkeypatch.setattr(imports, "PART_BYTES", 1000)
    monkeypatch.setattr(imports, "MAX_STAGED_BYTES", 1500)
    before = state()
    refused = load(filled, big(1000))
    assert refused.status_code == 413 and "at the same time" in refused.json()["detail"] and state() == before


@pytest.mark.parametrize(
    ("data", "query", "status", "complaint"),
    [
        (b'{"a b": 1, "c": 2, "d d": 3}', "", 400, "a b: a key is made of"),
        (b"{}", "&format=json", 400, "wrong parameters: format"),
        (b'{"$format": 1, "entries": {"a": 1}, "types": {"a": "strange"}}', "", 400, "a: one of string"),
        (b'{"$format": 1, "entries": {"a": 1}, "types": {"a": "string"}}', "", 422, "a: the value is of type integer"),
        (b'{"$format": 1, "entries": {"a": 1}, "expires_at": {"a": "soon"}}', "", 400, "a: a time with its zone"),
        (b'{"a": "' + b"x" * 600_000 + b'"}', "", 413, "a: a value has at most"),
        (b'{"a": ' + b"[" * 66 + b"]" * 66 + b"}", "", 400, "nested deeper"),
        (b"", "", 400, "not JSON"),
        (b"{}", "&mode=append", 400, "one of merge, replace"),
        (b"{}", "&dry_run=1", 400, "true or false"),
        (b"{}", "&prefix=a%20b", 400, "a prefix is made of"),
        (b"{}", "&seen_revision=-1", 400, "a whole number"),
        (b"{}", "&fast=1", 400, "wrong parameters: fast"),
        (b"{}", "&comment=" + "x" * 2001, 400, "at most 2000 characters"),
        (b'{"$format": 1, "sealed": {"pw": {"x": 1}}}', "", 400, "pw: this is not a sealed value"),
        (b'{"\xff": 1}', "", 400, "not UTF-8"),
    ],
)
def test_a_bad_import_gets_its_answer_and_changes_nothing(filled, direct, data, query, status, complaint):
    before, applied = state(), direct.applied
    for headers in ({}, {"Accept": "text/event-stream"}):
        refused = load(filled, data, query=query, **headers)
        assert (refused.status_code, refused.headers["Content-Type"]) == (status, "application/problem+json")
        assert complaint in refused.json()["detail"]
    assert (state(), direct.applied) == (before, applied)


def test_the_first_faults_are_told_together_with_their_lines(filled):
    refused = load(filled, "ok: 1\nb b: 2\nc c: 3\n", "yaml").json()
    assert refused["detail"].startswith("line 2: b b: a key is made of") and refused["detail"].endswith("(and 1 more)")
    assert list(refused["errors"]) == ["line 2: b b", "line 3: c c"]


def test_only_whom_it_is_allowed(filled, api_for):
    reader, writer = api_for("read:shop"), api_for("write:shop")
    assert load(reader, "{}").status_code == 403 and load(reader, "{}", query="&dry_run=true").status_code == 403
    assert load(writer, '{"a": 1}').status_code == 200
    assert load(writer, '{"a": 1}', query="&dry_run=true").status_code == 403, "a plan shows what is there"
    assert writer.get(f"{NS}/export?format=json").status_code == 403
    assert load(api_for("write:other"), "{}").status_code == 403
    assert filled.get(f"{NS}/export").status_code == 400 and filled.get(f"{NS}/export?format=xml").status_code == 400
    assert filled.get("namespaces/none/export?format=json").status_code == 404
    assert filled.post("namespaces/none/import?format=json", b'{"a": 1}').status_code == 404


@override_settings(SECRET_KEYS="")
def test_without_a_key_there_is_no_secret_to_write(shop):
    refused = load(shop, b'{"$format": 1, "entries": {"a": "x"}, "types": {"a": "secret"}}')
    assert refused.status_code == 422 and not state()
