"""Writing namespaces and entries: validate, propose, tell what came of it. For admin, REST and commands alike.

Every function may raise `config_service.errors.ProductError` (nothing was changed) or a
`consensus.errors.ConsensusError`. ``request_id`` makes a retry harmless; without one, each call is a new request.
"""

from dataclasses import dataclass
from typing import Any

from config_service.entries import validation
from config_service.entries.commands import DeleteEntry, DeleteNamespace, PutEntry, PutNamespace
from config_service.entries.snapshots import EntrySnapshot, NamespaceSnapshot
from config_service.proposing import propose


@dataclass(frozen=True, slots=True)
class WrittenEntry:
    entry: EntrySnapshot
    created: bool


@dataclass(frozen=True, slots=True)
class WrittenNamespace:
    namespace: NamespaceSnapshot
    created: bool


def put_namespace(
    actor: str, name: str, description: str = "", *, must_not_exist: bool = False, request_id: str = ""
) -> WrittenNamespace:
    validation.check_namespace(name)
    validation.check_text("description", description, validation.MAX_DESCRIPTION_LENGTH)
    done = propose(PutNamespace(name, description, must_not_exist), actor, request_id)
    snapshot = NamespaceSnapshot(name, description, done.revision, done.created_revision, done.at, actor)
    return WrittenNamespace(snapshot, done.created)


def delete_namespace(actor: str, name: str, *, request_id: str = "") -> int:
    """Returns the revision. `NotEmpty` while the namespace holds entries."""
    validation.check_namespace(name)
    return propose(DeleteNamespace(name), actor, request_id).revision


def put_entry(
    actor: str,
    namespace: str,
    key: str,
    value: Any,
    *,
    type: str = "",
    comment: str = "",
    expected_revision: int | None = None,
    must_not_exist: bool = False,
    must_exist: bool = False,
    request_id: str = "",
) -> WrittenEntry:
    """``value`` is a JSON value from `validation.parse_json`. Without ``type``, an existing entry keeps its type where
    the value fits it, and a new one takes the value's own."""
    validation.check_namespace(namespace)
    validation.check_key(key)
    validation.check_text("comment", comment, validation.MAX_COMMENT_LENGTH)
    if type:
        validation.check_fits(validation.check_type(type), value)
    text = validation.canonical(value)
    command = PutEntry(
        namespace=namespace,
        key=key,
        value_json=text,
        type=type or validation.infer_type(value),
        comment=comment,
        expected_revision=expected_revision,
        must_not_exist=must_not_exist,
        must_exist=must_exist,
        type_given=bool(type),
    )
    done = propose(command, actor, request_id)
    snapshot = EntrySnapshot(
        namespace, key, text, done.type, done.revision, done.created_revision, done.version, done.at, actor, comment
    )
    return WrittenEntry(snapshot, done.created)


def delete_entry(
    actor: str,
    namespace: str,
    key: str,
    *,
    expected_revision: int | None = None,
    must_exist: bool = False,
    request_id: str = "",
) -> int:
    """Returns the revision at which the entry went away."""
    validation.check_namespace(namespace)
    validation.check_key(key)
    return propose(DeleteEntry(namespace, key, expected_revision, must_exist), actor, request_id).revision
