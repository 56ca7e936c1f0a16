"""``manage.py config import|export``: a namespace as a file, or through stdin and stdout."""

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import OutputWrapper

from config_service.commandline.rest import Rest, RestError, namespace_path
from config_service.entries.exporting import PLAIN, SECRETS
from config_service.entries.planning import MODES
from config_service.entries.transfer.formats import FORMATS, MAX_FILE_BYTES, format_of_file
from config_service.whole_file import PRIVATE, SHARED, whole_file

_STDIO = "-"


def add_arguments(action: Callable[..., ArgumentParser]) -> None:
    export = action("export", "write a namespace into a file, or to stdout", "namespace", "file?")
    when = export.add_mutually_exclusive_group()
    when.add_argument("--revision", type=int, help="as it was at this revision")
    when.add_argument("--at", help="as it was at this time, such as 2026-05-04T12:00:00Z")
    export.add_argument("--secrets", choices=SECRETS, help="ciphertext (default), left out, or in clear: recorded")
    load = action("import", "read a file, or -, into a namespace: all of it or nothing", "namespace", "file")
    load.add_argument("--mode", choices=MODES, help="replace deletes what the file does not name")
    load.add_argument("--dry-run", action="store_true", help="only show what would be different")
    load.add_argument("--seen-revision", type=int, metavar="REVISION", help="only as a dry run at this revision showed")
    load.add_argument("--comment")
    for made in (export, load):
        made.add_argument("--format", choices=list(FORMATS), help="by the file's name, if not given")
        made.add_argument("--prefix", help="only the keys that begin so")


class Bar:
    """Progress, where a person looks on."""

    def __init__(self, out: OutputWrapper):
        self._out = out

    def __call__(self, step: dict[str, Any]) -> None:
        if self._out.isatty():
            unit = "bytes" if step["step"] == "read" else "entries" if step["step"] == "compare" else "parts"
            self._out.write(f"\r\x1b[K{step['step']}: {step['done']} of {step['total']} {unit}", ending="")
            self._out.flush()

    def close(self) -> None:
        if self._out.isatty():
            self._out.write("\r\x1b[K", ending="")
            self._out.flush()


def export(rest: Rest, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """What there is to tell, as JSON and as text."""
    name = options["file"] or _STDIO
    format = options["format"] or _format_of(name, "json")
    query = {"format": format} | {field: options[field] for field in ("prefix", "secrets", "revision", "at")}
    data, revision = rest.download(f"{namespace_path(options['namespace'])}/export", query)
    told = {"namespace": options["namespace"], "format": format, "revision": revision, "bytes": len(data)}
    if name == _STDIO:
        return told | {"content": data.decode()}, data.decode()
    _write_whole(Path(name), data, private=options["secrets"] == PLAIN)
    return told | {"file": name}, f"{options['namespace']} as of revision {revision} is in {name}"


def import_file(rest: Rest, options: dict[str, Any], bar: Bar) -> dict[str, Any]:
    name = options["file"]
    format = options["format"] or _format_of(name, "")
    data = _read(name)
    query = {"format": format} | {
        field: options[field] for field in ("mode", "prefix", "comment", "seen_revision") if options[field] is not None
    }
    path = f"{namespace_path(options['namespace'])}/import"
    if options["dry_run"]:
        return rest.upload(path, data, query | {"dry_run": "true"})
    try:
        return rest.upload(path, data, query, bar)
    finally:
        bar.close()


def summary(done: dict[str, Any]) -> str:
    counts = ", ".join(f"{done[name]} {name}" for name in ("added", "changed", "removed", "unchanged"))
    if done["dry_run"]:
        return f"{counts}; nothing was changed. As of revision {done['revision']}"
    return f"{counts}, at revision {done['revision']}"


def _format_of(name: str, default: str) -> str:
    found = format_of_file(name)
    if found is None and not (default and name == _STDIO):
        raise RestError(f"the name {name} does not tell the format: give --format")
    return found.name if found else default


def _read(name: str) -> bytes:
    try:
        if name == _STDIO:
            data = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        else:
            with open(name, "rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise RestError(f"{name} cannot be read: {error.strerror}") from error
    if len(data) > MAX_FILE_BYTES:
        raise RestError(f"{name} has more than {MAX_FILE_BYTES} bytes")
    return data


def _write_whole(path: Path, data: bytes, private: bool) -> None:
    try:
        with whole_file(path, PRIVATE if private else SHARED, replace=True) as file:
            file.write(data)
    except OSError as error:
        raise RestError(f"{path} cannot be written: {error.strerror}") from error
