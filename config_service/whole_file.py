"""Files that are there whole or not at all, whatever happens while they are written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

# For its owner's eyes; for whomever the umask allows.
PRIVATE, SHARED = 0o600, 0o666


@contextmanager
def whole_file(path: Path, mode: int = PRIVATE, replace: bool = False) -> Iterator[BinaryIO]:
    """To write to and read from; it becomes ``path``, synced to disk, unless the block raises.

    Raises `FileExistsError` where ``path`` exists and is not to be replaced, or another `OSError`.
    """
    beside = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
    try:
        with open(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode), "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(beside, path)
        else:
            os.link(beside, path)
    finally:
        beside.unlink(missing_ok=True)
