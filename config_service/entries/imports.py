"""Applying an import: many edits of one namespace as one change, all or nothing.

Ten thousand edits do not fit into one command, which travels in one frame. So their text, compressed, is cut into
parts; those before the last are replicated first, each by a command that only puts it aside, and the last comes with
the command that does all of it. What was found when the edits were made is checked here, edit by edit: nobody is
overwritten who came in between.
"""

import zlib
from collections.abc import Sequence
from hashlib import blake2b

import msgspec

from config_service.entries.batch import Batch, Step
from config_service.entries.commands import DropImports, ImportEntries, StageImport
from config_service.entries.decisions import stale
from config_service.entries.gates import value_refusal, write_refusal
from config_service.entries.models import IDS_PER_REVISION
from config_service.entries.operations import Edit
from config_service.envelope import Done, OperationDone, Refusal
from config_service.errors import TooLarge
from consensus.sql import begin, execute

MAX_CHANGES = IDS_PER_REVISION
MAX_ITEMS = 100_000
PART_BYTES = 256 * 1024
# Of one import, before it is compressed; and of the parts of all that are on their way.
MAX_BYTES = 32 * 1024 * 1024
MAX_STAGED_BYTES = 128 * 1024 * 1024
# Of more, the answer and the audit trail tell only how many there were.
FEW = 512

_STAGED_BYTES = "SELECT coalesce(sum(length(data)), 0) FROM entries_importpart"
_STAGE = """
INSERT INTO entries_importpart (id, stage, part, at, data)
VALUES (%s::bigint, %s, %s::bigint, %s::timestamptz, %s)
"""
_PARTS = "SELECT data FROM entries_importpart WHERE stage = %s AND part < %s::bigint ORDER BY part, id"
_DROP = "DELETE FROM entries_importpart WHERE stage = ANY(%s)"
_LATER = """
SELECT key, revision FROM entries_configentry
WHERE namespace_id = %s AND key >= %s AND key < %s AND revision > %s::bigint
"""

_decoder = msgspec.msgpack.Decoder(tuple[Edit, ...])
_encoder = msgspec.msgpack.Encoder()


def pack(edits: Sequence[Edit]) -> list[bytes]:
    """The parts of an import, at least one. Raises `TooLarge`."""
    text = _encoder.encode(edits)
    if len(text) > MAX_BYTES:
        raise TooLarge.field("file", f"what is different has more than {MAX_BYTES} bytes")
    packed = zlib.compress(text, 1)
    return [packed[start : start + PART_BYTES] for start in range(0, len(packed), PART_BYTES)]


def digest(parts: Sequence[bytes]) -> bytes:
    return blake2b(b"".join(parts), digest_size=16).digest()


def stage(batch: Batch, step: Step, command: StageImport) -> Done | Refusal:
    begin()
    (held,) = execute(_STAGED_BYTES).fetchone()
    if held + len(command.data) > MAX_STAGED_BYTES:
        return Refusal("too_large", "too much is being imported at the same time: try again later")
    execute(_STAGE, step.revision, command.stage, command.part, step.at, command.data)
    return Done(step.revision, at=step.at)


def drop(batch: Batch, step: Step, command: DropImports) -> Done | Refusal:
    begin()
    execute(_DROP, list(command.stages))
    return Done(step.revision, at=step.at)


def run(batch: Batch, step: Step, command: ImportEntries) -> Done | Refusal:
    """`Done.counts` are the entries added, changed, removed and kept as they were."""
    # Every edit names the revision it was made on, so an import is conditional by nature.
    if refusal := write_refusal(batch, command.namespace, conditional=True):
        return refusal
    batch.settle()
    staged = [bytes(row[0]) for row in execute(_PARTS, command.stage, command.parts).fetchall()]
    packed = [*staged, command.data]
    if len(staged) != command.parts or digest(packed) != command.digest:
        return Refusal("import_lost", "the import took too long, and what was sent of it is gone: try again")
    edits = _unpack(packed)
    if edits is None or len(edits) > MAX_ITEMS:
        return Refusal("invalid", "the import cannot be read")
    batch.load([(command.namespace, edit.key) for edit in edits])
    if sum(edit.operation != "keep" for edit in edits) > MAX_CHANGES:
        return Refusal("too_large", f"more than {MAX_CHANGES} entries would change")
    if refusal := _refusal(batch, command, edits):
        return refusal
    execute(_DROP, [command.stage])
    return _apply(batch, step, command.namespace, edits)


def _unpack(packed: Sequence[bytes]) -> tuple[Edit, ...] | None:
    try:
        return _decoder.decode(zlib.decompressobj().decompress(b"".join(packed), MAX_BYTES))
    except (zlib.error, msgspec.DecodeError):
        return None


def _refusal(batch: Batch, command: ImportEntries, edits: Sequence[Edit]) -> Refusal | None:
    for edit in edits:
        row = batch.rows[command.namespace, edit.key]
        if edit.expected_revision != (row.revision if row else 0):
            return stale(edit.expected_revision, row).at(edit.key)
        if edit.operation == "put" and (
            refusal := value_refusal(batch, (command.namespace, edit.key), edit.value_json, edit.type)
        ):
            return refusal
    if command.replaces:
        named = {edit.key for edit in edits}
        end = command.prefix + "\x7f"
        for key, revision in execute(_LATER, command.namespace, command.prefix, end, command.revision).fetchall():
            if key not in named:
                return Refusal("precondition_failed", f"{key}: was created at revision {revision}", revision)
    return None


def _apply(batch: Batch, step: Step, namespace: str, edits: Sequence[Edit]) -> Done:
    added = changed = removed = 0
    results = []
    for edit in edits:
        key = (namespace, edit.key)
        before = batch.rows[key]
        if edit.operation == "put":
            row = batch.put(step, key, edit.value_json, edit.type, edit.comment, edit.expires_at)
            added, changed = added + (before is None), changed + (before is not None)
            done = OperationDone("put", *key, before is None, row.created_revision, row.version, row.type)
        elif edit.operation == "delete" and before is not None:
            batch.delete(step, key, edit.comment)
            removed += 1
            done = OperationDone("delete", *key, deleted=True)
        else:
            continue
        results.append(done)
    total = added + changed + removed
    return Done(
        step.revision, at=step.at, changed=total, results=tuple(results) if total <= FEW else (),
        counts=(added, changed, removed, len(edits) - total),
    )  # fmt: skip
