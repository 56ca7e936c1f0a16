"""A snapshot's file: whole, or a clear error."""

import io
from hashlib import blake2b

import msgspec
import pytest

from consensus import backup
from consensus.backup import BackupHeader, BadSnapshot, check, head_of, read_header

IMAGE = bytes(range(256)) * 40


def header(**changes) -> BackupHeader:
    whole = BackupHeader(
        backup.VERSION, "shop", "n2", 7, "2026-01-01T00:00:00Z", (("n1", True), ("n2", False)), len(IMAGE),
        blake2b(IMAGE, digest_size=32).digest(),
    )  # fmt: skip
    return msgspec.structs.replace(whole, **changes)


WHOLE = head_of(header()) + IMAGE


def test_what_was_written_is_read_again() -> None:
    file = io.BytesIO(WHOLE)
    told: list[tuple[int, int]] = []
    assert check(file, lambda done, size: told.append((done, size))) == header()
    assert told[-1] == (len(IMAGE), len(IMAGE))
    file.seek(0)
    assert read_header(file).index == 7 and file.read() == IMAGE


@pytest.mark.parametrize("length", [0, 5, len(backup.MAGIC), len(WHOLE) - len(IMAGE) - 1, len(WHOLE) - 1])
def test_a_cut_file_is_refused(length: int) -> None:
    with pytest.raises(BadSnapshot):
        check(io.BytesIO(WHOLE[:length]))


def test_a_file_with_something_after_it_is_refused() -> None:
    with pytest.raises(BadSnapshot, match="3 bytes too many"):
        check(io.BytesIO(WHOLE + b"xyz"))


def test_a_change_of_any_byte_is_noticed() -> None:
    for place in [*range(len(WHOLE) - len(IMAGE)), *range(len(WHOLE) - len(IMAGE), len(WHOLE), 997), len(WHOLE) - 1]:
        tampered = bytearray(WHOLE)
        tampered[place] ^= 1
        with pytest.raises(BadSnapshot):
            check(io.BytesIO(tampered))


def test_another_version_is_named() -> None:
    with pytest.raises(BadSnapshot, match="version 3, this release reads 1 and 2"):
        check(io.BytesIO(head_of(header(version=3)) + IMAGE))


def test_one_of_before_registers_were_in_it_is_read() -> None:
    fields = msgspec.structs.asdict(header(version=1))
    del fields["registers"]
    encoded = msgspec.msgpack.encode(fields)
    head = backup.MAGIC + len(encoded).to_bytes(4, "big") + encoded + blake2b(encoded, digest_size=32).digest()
    assert check(io.BytesIO(head + IMAGE)) == header(version=1)


def test_many_registers_fit() -> None:
    many = tuple((f"r{number}", bytes(4096)) for number in range(1000))
    assert check(io.BytesIO(head_of(header(registers=many)) + IMAGE)).registers == many
