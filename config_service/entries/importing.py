"""Importing a file into a namespace: read it, compare, seal secrets, propose all that is different as one change."""

from collections.abc import Generator, Iterator
from dataclasses import astuple, dataclass
from hashlib import blake2b
from uuid import uuid4

import msgspec

from config_service.entries import imports
from config_service.entries.commands import ImportEntries, StageImport
from config_service.entries.planning import REPLACE, Plan, Scope, check_scope, plan
from config_service.entries.transfer.formats import Format, read_file
from config_service.envelope import Done
from config_service.proposing import first_answer, propose
from consensus import reads
from consensus.client import new_request_id

# Nodes that are busy take seconds to apply ten thousand entries.
APPLY_DEADLINE_S = 30.0
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Progress:
    """``step`` is read, compare, send or apply; ``done`` of ``total`` pieces of it."""

    step: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Imported:
    """``revision`` is that of the change, or of what was compared where nothing is different."""

    revision: int
    added: int
    changed: int
    removed: int
    unchanged: int


Steps = Generator[Progress, None, Imported]


def dry_run(scope: Scope, format: Format, data: bytes) -> Plan:
    """What `steps` would do now. Raises as it does."""
    check_scope(scope)
    document = read_file(format, data)
    reads.catch_up()
    return plan(scope, document, new_request_id())


def steps(actor: str, scope: Scope, format: Format, data: bytes, *, request_id: str = "") -> Steps:
    """Import: yields how far it is, returns what was done. All or nothing, at one revision.

    A request that was applied before is answered as it was, although the plan would be another one now. Raises
    `Invalid` and its kinds for a bad file, `PreconditionFailed` where somebody else was faster than this import.
    """
    check_scope(scope)
    request_id = request_id or new_request_id()
    asked = _fingerprint(actor, scope, format, data)
    yield Progress("read", 0, len(data))
    document = read_file(format, data)
    yield Progress("read", len(data), len(data))
    reads.catch_up()
    if (known := first_answer(request_id, asked)) is not None:
        return _imported(known)
    made = plan(scope, document, request_id)
    yield Progress("compare", len(made.items), len(made.items))
    if not made.changes:
        return Imported(made.revision, *made.counts)
    return (yield from _propose(actor, made, document.header.prefix, request_id, asked))


def run(actor: str, scope: Scope, format: Format, data: bytes, *, request_id: str = "") -> Imported:
    """`steps`, to its end."""
    *_, done = collect(steps(actor, scope, format, data, request_id=request_id))
    assert isinstance(done, Imported)
    return done


def collect(under_way: Steps) -> Iterator[Progress | Imported]:
    """The steps, and at last what they return."""
    yield (yield from under_way)


def _propose(actor: str, made: Plan, told_prefix: str, request_id: str, asked: bytes) -> Steps:
    scope = made.scope
    parts = imports.pack([item.edit for item in made.items])
    stage = uuid4().hex
    *first, last = parts
    for number, part in enumerate(first):
        yield Progress("send", number, len(parts))
        propose(StageImport(stage, number, part), actor)
    yield Progress("apply", len(first), len(parts))
    command = ImportEntries(
        namespace=scope.namespace,
        stage=stage,
        parts=len(first),
        digest=imports.digest(parts),
        data=last,
        replaces=scope.mode == REPLACE,
        prefix=scope.prefix or told_prefix,
        revision=made.revision,
    )
    done = propose(command, actor, request_id, APPLY_DEADLINE_S, asked=asked)
    yield Progress("apply", len(parts), len(parts))
    return _imported(done)


def _imported(done: Done) -> Imported:
    return Imported(done.revision, *done.counts)


def _fingerprint(actor: str, scope: Scope, format: Format, data: bytes) -> bytes:
    """Of what was asked for, not of what it came to: a retry finds other entries."""
    asked = (_VERSION, actor, *astuple(scope), format.name, data)
    return blake2b(msgspec.msgpack.encode(asked), digest_size=16).digest()
