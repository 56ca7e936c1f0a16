"""``manage.py config import|export`` against the API in this process."""

import io
import json
import os
import sys

import pytest
from django.core.management import CommandError, call_command

from config_service.commandline import files
from config_service.entries.models import ConfigEntry
from tests.service.test_config_command import config, config_json


@pytest.fixture
def filled(nodes, shop):
    config("set", "shop", "a/b", "1")
    config("set", "shop", "name", "Café")
    return shop


@pytest.mark.parametrize("suffix", [".json", ".yaml", ".toml", ".env", ".properties"])
def test_a_file_goes_out_and_in_again(filled, tmp_path, suffix):
    file = str(tmp_path / f"shop{suffix}")
    first = config_json("list", "shop")[-1]["revision"]
    assert config("export", "shop", file) == f"shop as of revision {first} is in {file}"
    config("set", "shop", "a/b", "2")
    config("delete", "shop", "name")
    plan = config("import", "shop", file, "--dry-run", "--mode", "replace")
    assert plan.splitlines() == [
        "- a/b\t2", "+ a/b\t1", '+ name\t"Café"',
        f"1 added, 1 changed, 0 removed, 0 unchanged; nothing was changed. As of revision {first + 2}",
    ]  # fmt: skip
    assert config("get", "shop", "a/b") == "2"
    seen = str(config_json("import", "shop", file, "--dry-run")["revision"])
    done = config("import", "shop", file, "--mode", "replace", "--seen-revision", seen, "--comment", "back")
    assert done == f"1 added, 1 changed, 0 removed, 0 unchanged, at revision {first + 3}"
    assert config("list", "shop") == 'a/b\t1\nname\t"Café"'
    assert config_json("history", "shop")[0]["comment"] == "back"


def test_through_stdin_and_stdout(filled, monkeypatch):
    text = config("export", "shop", "--format", "yaml", "--prefix", "a/")
    assert text.endswith("entries:\n  a/b: 1")
    assert json.loads(config("export", "shop"))["entries"] == {"a/b": 1, "name": "Café"}
    assert config_json("export", "shop", "--format", "env")["content"].count("\n") == 4
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("a/b: 7\nc: ü\n".encode())))
    assert config_json("import", "shop", "-", "--format", "yaml")["added"] == 1
    assert config("get", "shop", "c") == "ü"


def test_a_file_is_whole_or_not_there(filled, tmp_path, monkeypatch):
    file = tmp_path / "shop.json"
    file.write_text("before")
    monkeypatch.setattr(os, "fsync", lambda number: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(CommandError, match="cannot be written: No space left on device"):
        config("export", "shop", str(file))
    assert file.read_text() == "before" and list(tmp_path.iterdir()) == [file]


def test_a_file_with_secrets_in_clear_is_its_owner_s(filled, tmp_path, settings, api_for, monkeypatch):
    monkeypatch.setenv("CONFIG_TOKEN", api_for("read:*", "reveal:*").headers["Authorization"].removeprefix("Bearer "))
    config("export", "shop", str(tmp_path / "a.json"), "--secrets", "plain")
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o600


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_person_sees_how_far_it_is(filled, tmp_path):
    file = tmp_path / "a.json"
    file.write_text(json.dumps({f"k{n}": n for n in range(3)}))
    seen = Terminal()
    call_command("config", "import", "shop", str(file), stdout=io.StringIO(), stderr=seen)
    assert "compare: 3 of 3 entries" in seen.getvalue() and seen.getvalue().endswith("\r\x1b[K")


def test_a_stream_that_breaks_off_is_asked_for_at_the_next_node(filled, tmp_path, monkeypatch):
    file = tmp_path / "a.json"
    file.write_text('{"k": 1}')
    urlopen, asked = files.Rest._ask.__globals__["urlopen"], []

    def broken_once(request, timeout):
        asked.append(request.get_header("Idempotency-key"))
        answer = urlopen(request, timeout)
        return io.BytesIO(answer.read()[:60]) if len(asked) == 1 else answer

    monkeypatch.setattr("config_service.commandline.rest.urlopen", broken_once)
    done = config_json("import", "shop", str(file), "--server", "http://one:1,http://two:2")
    assert done["added"] == 1 and len(set(asked)) == 1 and len(asked) == 2
    assert ConfigEntry.objects.get(key="k").version == 1


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["import", "shop", "none.json"], "none.json cannot be read: No such file"),
        (["import", "shop", "file.txt"], "the name file.txt does not tell the format"),
        (["import", "shop", "-"], "the name - does not tell the format"),
        (["export", "shop", "file.txt"], "the name file.txt does not tell the format"),
        (["export", "shop", "/nowhere/a.json"], "/nowhere/a.json cannot be written: No such file"),
        (["export", "none"], "there is no namespace 'none' (404)"),
        (["export", "shop", "--revision", "99"], "is yet to come"),
        (["export", "shop", "--format", "xml"], "invalid choice"),
    ],
)
def test_a_failure_is_one_clear_line(filled, argv, complaint):
    with pytest.raises(CommandError) as failed:
        config(*argv)
    assert complaint in str(failed.value) and "\n" not in str(failed.value)


def test_a_bad_file_is_told_with_its_line(filled, tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("a: 1\nb: [\n")
    with pytest.raises(CommandError, match=r"^line 3: not YAML: .* \(400\)$"):
        config("import", "shop", str(file))
