"""Snapshots of a group on the command line: saved to a file, and restored into a new group."""

import http.client
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from config_service.commandline.rest import Rest, RestError
from config_service.whole_file import whole_file
from consensus.backup import BLOCK_BYTES, BackupHeader, BadSnapshot, check, read_header

Say = Callable[[int, int], None]
# Faster than any group has been; so what was written after a snapshot lies below what its age is worth.
REVISIONS_PER_S = 50_000
LEAST_HEADROOM = 1_000_000


def save(rest: Rest, file: Path, consistency: str, say: Say) -> BackupHeader:
    """Write a snapshot to ``file``, which appears only once it is whole."""
    if file.exists():
        raise RestError(f"{file} exists already: choose another name")

    def take(answer: http.client.HTTPResponse) -> None:
        size, done = int(answer.headers["Content-Length"]), 0
        out.seek(0)
        out.truncate()  # an earlier node may have broken off
        while block := answer.read(BLOCK_BYTES):
            out.write(block)
            done += len(block)
            say(done, size)

    try:
        with whole_file(file, replace=True) as out:
            rest.fetch("group/snapshot", {"consistency": consistency}, take)
            out.seek(0)
            return check(out)
    except BadSnapshot as error:
        raise RestError(f"what came is not whole: {error}") from None
    except OSError as error:
        raise RestError(f"{file} cannot be written: {error}") from None


def inspect(file: Path) -> BackupHeader:
    """Read all of ``file`` and say what it is. Raises `RestError` unless it is whole."""
    try:
        with file.open("rb") as opened:
            return check(opened)
    except BadSnapshot as error:
        raise RestError(f"{file}: {error}") from None
    except OSError as error:
        raise RestError(f"{file} cannot be read: {error}") from None


def safe_index(header: BackupHeader) -> int:
    """An index that nobody can have seen more than, by the age of the snapshot."""
    age_s = max(0.0, (datetime.now(UTC) - datetime.fromisoformat(header.at)).total_seconds())
    return header.index + LEAST_HEADROOM + int(age_s * REVISIONS_PER_S)


def restore(rest: Rest, file: Path, group: str, above: int, say: Say) -> int:
    """Replace all of the new group ``group`` by the snapshot in ``file``; returns where its log begins.

    Switches are set as anybody would set them, before the last byte goes: by then the group has agreed to be replaced,
    and the caller's token is not replaced yet.
    """
    header = inspect(file)
    about = {
        "confirm": group, "index": header.index, "above": above, "size": header.size, "digest": header.digest.hex(),
    }  # fmt: skip
    with file.open("rb") as opened:
        read_header(opened)
        begin, offset, last = opened.tell(), 0, header.size - 1
        while True:
            if offset == last:
                _set_switches(rest, header)
            opened.seek(begin + offset)
            piece = opened.read(min(BLOCK_BYTES, last - offset) or 1)
            answer = rest.upload_piece("group/restore", piece, about | {"offset": offset})
            if answer["revision"] is not None:
                return answer["revision"]
            offset = answer["offset"]
            say(offset, header.size)


def _set_switches(rest: Rest, header: BackupHeader) -> None:
    comment = f"restored from {header.group} at revision {header.index}"
    for name, value in header.registers or ():
        rest.request("PUT", f"switches/{quote(name, safe='')}", {"value": json.loads(value), "comment": comment})
