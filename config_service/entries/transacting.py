"""Writing several entries at once: validate each operation, seal the secrets, propose all of them as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from config_service.entries import secrecy, validation
from config_service.entries.commands import Transact
from config_service.entries.operations import SECRET_COMPARED, Compare, Delete, Operation, Put
from config_service.entries.schemas.services import check_value
from config_service.entries.snapshots import SECRET
from config_service.envelope import Done, fingerprint
from config_service.errors import Invalid, TooLarge, Unprocessable
from config_service.proposing import propose_made
from config_service.sealing.seals import seal
from config_service.texts import check_text
from consensus.client import new_request_id

MAX_OPERATIONS = 512
# One command travels in one frame between the nodes (1 MiB).
MAX_BYTES = 768 * 1024


@dataclass(frozen=True, slots=True)
class Branches:
    compare: tuple[Compare, ...]
    then: tuple[Operation, ...]
    otherwise: tuple[Operation, ...] = ()


def make_put(namespace: str, key: str, value: Any, type: str = "", comment: str = "", ttl_s: int | None = None) -> Put:
    """With the value in clear, also that of a secret: `transact` seals it."""
    validation.check_namespace(namespace)
    validation.check_key(key)
    check_text("comment", comment, validation.MAX_COMMENT_LENGTH)
    if type:
        validation.check_fits(validation.check_type(type), value)
    ttl_s = 0 if ttl_s is None else validation.check_ttl(ttl_s)
    kind = type or validation.infer_type(value)
    return Put(namespace, key, validation.canonical(value), kind, bool(type), comment, ttl_s)


def make_delete(namespace: str, key: str) -> Delete:
    return Delete(validation.check_namespace(namespace), validation.check_key(key))


def transact(actor: str, branches: Branches, *, request_id: str = "") -> Done:
    """Raises `Unprocessable` for a key that is named twice in a branch, for too many operations, and for comparing the
    value of a secret; `SealingUnavailable` where there is a secret to write and no key."""
    for name, branch in (("then", branches.then), ("else", branches.otherwise)):
        _check_unique(name, branch)
    operations = len(branches.then) + len(branches.otherwise)
    if operations > MAX_OPERATIONS or len(branches.compare) > MAX_OPERATIONS:
        raise Unprocessable(f"a transaction has at most {MAX_OPERATIONS} operations and as many comparisons")
    if not operations and not branches.compare:
        raise Unprocessable("the transaction is empty")
    request_id = request_id or new_request_id()
    hidden = [tuple(map(_hidden, part)) for part in (branches.compare, branches.then, branches.otherwise)]
    asked = fingerprint(Transact(*hidden), actor)
    return propose_made(lambda: _command(branches, request_id), actor, request_id, asked)


def _hidden(one: Any) -> Any:
    value_json = getattr(one, "value_json", "")
    return msgspec.structs.replace(one, value_json=secrecy.hidden(value_json)) if value_json else one


def _command(branches: Branches, request_id: str) -> Transact:
    sealed = _seal_secrets(branches, request_id)
    if _size(sealed) > MAX_BYTES:
        raise TooLarge(f"the values of a transaction have at most {MAX_BYTES} bytes together")
    return Transact(sealed.compare, sealed.then, sealed.otherwise)


def _check_unique(name: str, branch: Sequence[Operation]) -> None:
    seen: set[tuple[str, str]] = set()
    for place, operation in enumerate(branch):
        key = (operation.namespace, operation.key)
        if key in seen:
            field = f"{name}[{place}]"
            raise Unprocessable(f"{field}: {'/'.join(key)} is named twice", {field: ["named twice in this branch"]})
        seen.add(key)


def _seal_secrets(branches: Branches, request_id: str) -> Branches:
    """An entry that is a secret stays one when it is put without a type, in the branch that is not taken too: the log
    holds both. A compared value would stand there in clear."""
    compared = {(one.namespace, one.key) for one in branches.compare if one.test == "value"}
    untyped = {
        (one.namespace, one.key)
        for one in (*branches.then, *branches.otherwise)
        if isinstance(one, Put) and not one.type_given
    }
    secrets = secrecy.secrets_among(compared | untyped)
    for place, one in enumerate(branches.compare):
        if one.test == "value" and (one.namespace, one.key) in secrets:
            field = f"compare[{place}].value"
            raise Unprocessable(f"{field}: {SECRET_COMPARED}", {field: [SECRET_COMPARED]})

    def sealed(one: Operation) -> Operation:
        if not isinstance(one, Put):
            return one
        if one.type != SECRET and (one.type_given or (one.namespace, one.key) not in secrets):
            return one
        check_value(one.namespace, one.key, one.value_json)
        text = seal(one.namespace, one.key, one.value_json, request_id)
        return msgspec.structs.replace(one, value_json=text, type=SECRET, type_given=True)

    return Branches(branches.compare, tuple(map(sealed, branches.then)), tuple(map(sealed, branches.otherwise)))


def _size(branches: Branches) -> int:
    return len(msgspec.msgpack.encode((branches.compare, branches.then, branches.otherwise)))


def at_place(place: str, error: Invalid) -> Invalid:
    """The same complaint, saying which operation it is about."""
    fields = {f"{place}.{name}": texts for name, texts in error.errors.items()} or {place: [error.detail]}
    return type(error)(f"{place}: {error.detail}", fields)
