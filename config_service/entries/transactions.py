"""Compare, then or else, across namespaces, at one revision, all or nothing; and what has expired.

Every operation of the chosen branch is checked before the first is done, so a refusal leaves nothing half done.
"""

import json
from typing import Any

from config_service.entries.batch import Batch, Step
from config_service.entries.commands import ExpireEntries, Transact
from config_service.entries.decisions import expiry, kind_to_write, secret_in_clear
from config_service.entries.gates import value_refusal, write_refusal
from config_service.entries.operations import SECRET_COMPARED, Compare, Operation, Put
from config_service.entries.snapshots import SECRET
from config_service.entries.tables import Key
from config_service.entries.validation import same_json
from config_service.envelope import Done, OperationDone, Refusal


def transact(batch: Batch, step: Step, command: Transact) -> Done | Refusal:
    named = [*command.compare, *command.then, *command.otherwise]
    batch.load({(one.namespace, one.key) for one in named})
    for place, compare in enumerate(command.compare):
        if compare.test == "value" and _is_secret(batch, compare):
            return Refusal("type_mismatch", SECRET_COMPARED).at(f"compare[{place}]")
    texts = batch.values([(c.namespace, c.key) for c in command.compare if c.test == "value"])
    succeeded = all(_holds(batch, compare, texts) for compare in command.compare)
    branch = command.then if succeeded else command.otherwise
    compared = {(one.namespace, one.key) for one in command.compare} if succeeded else set()
    for place, operation in enumerate(branch):
        if refusal := _refusal(batch, operation, compared):
            return refusal.at(f"{'then' if succeeded else 'else'}[{place}]")
    results = tuple(_apply(batch, step, operation) for operation in branch)
    return Done(step.revision, at=step.at, succeeded=succeeded, results=results)


def expire(batch: Batch, step: Step, command: ExpireEntries) -> Done | Refusal:
    """Delete those entries that are still at the revision at which they were seen to have expired."""
    batch.load({(seen.namespace, seen.key) for seen in command.entries})
    results = []
    for seen in command.entries:
        row = batch.rows[seen.namespace, seen.key]
        if row is not None and row.revision == seen.revision:
            batch.delete(step, (seen.namespace, seen.key), "expired")
            results.append(OperationDone("delete", seen.namespace, seen.key, deleted=True))
    return Done(step.revision, at=step.at, changed=len(results), results=tuple(results))


def _holds(batch: Batch, compare: Compare, texts: dict[Key, str]) -> bool:
    row = batch.rows[compare.namespace, compare.key]
    match compare.test:
        case "exists":
            return (row is not None) == bool(compare.number)
        case "revision":
            return compare.number == (row.revision if row else 0)
        case "version":
            return compare.number == (row.version if row else 0)
    text = texts.get((compare.namespace, compare.key))
    return text is not None and _same(text, compare.value_json)


def _same(text: str, other: str) -> bool:
    if text == other:
        return True
    left: Any = json.loads(text)
    return same_json(left, json.loads(other))


def _refusal(batch: Batch, operation: Operation, compared: set[Key]) -> Refusal | None:
    key = (operation.namespace, operation.key)
    if refusal := write_refusal(batch, operation.namespace, conditional=key in compared):
        return refusal
    if not isinstance(operation, Put):
        return None
    if not operation.type_given and _is_secret(batch, operation):
        return secret_in_clear()
    return value_refusal(batch, key, operation.value_json, kind_to_write(batch.rows[key], operation))


def _is_secret(batch: Batch, named: Compare | Operation) -> bool:
    row = batch.rows[named.namespace, named.key]
    return row is not None and row.type == SECRET


def _apply(batch: Batch, step: Step, operation: Operation) -> OperationDone:
    key = (operation.namespace, operation.key)
    before = batch.rows[key]
    if not isinstance(operation, Put):
        if before is not None:
            batch.delete(step, key)
        return OperationDone("delete", *key, deleted=before is not None)
    kind = kind_to_write(before, operation)
    expires_at = expiry(step.at, operation.ttl_s)
    row = batch.put(step, key, operation.value_json, kind, operation.comment, expires_at)
    return OperationDone("put", *key, before is None, row.created_revision, row.version, kind, expires_at)
