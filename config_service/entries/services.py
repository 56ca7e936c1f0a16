"""Writing namespaces and entries: validate, propose, tell what came of it. For admin, REST and commands alike.

Every function may raise `config_service.errors.ProductError` (nothing was changed) or a
`consensus.errors.ConsensusError`. ``request_id`` makes a retry harmless; without one, each call is a new request.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from config_service.entries import history, secrecy, selectors, validation
from config_service.entries.commands import (
    CompactHistory,
    DeleteEntry,
    DeleteNamespace,
    PutEntry,
    PutNamespace,
    RevertNamespace,
    RollbackEntry,
    RollbackNamespace,
)
from config_service.entries.schemas.services import check_value
from config_service.entries.snapshots import SECRET, EntrySnapshot, NamespaceSnapshot, time_text
from config_service.envelope import fingerprint
from config_service.errors import Invalid
from config_service.proposing import propose, propose_made
from config_service.sealing.seals import seal
from consensus.client import new_request_id

# Changes that one compaction looks at: so few that applying it holds nobody up.
COMPACT_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class WrittenEntry:
    entry: EntrySnapshot
    created: bool


@dataclass(frozen=True, slots=True)
class WrittenNamespace:
    namespace: NamespaceSnapshot
    created: bool
    revision: int


def put_namespace(
    actor: str,
    name: str,
    description: str | None = None,
    *,
    colour: str | None = None,
    protected: bool | None = None,
    requires_approval: bool | None = None,
    require_if_match: bool | None = None,
    must_not_exist: bool = False,
    request_id: str = "",
) -> WrittenNamespace:
    """What is None stays as it is. What is returned is the namespace as this node holds it afterwards."""
    validation.check_namespace(name)
    if description is not None:
        validation.check_text("description", description, validation.MAX_DESCRIPTION_LENGTH)
    if colour is not None:
        validation.check_colour(colour)
    marks = (colour, protected, requires_approval, require_if_match)
    done = propose(PutNamespace(name, description, must_not_exist, *marks), actor, request_id)
    return WrittenNamespace(selectors.get_namespace(name).namespace, done.created, done.revision)


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
    ttl_s: int | None = None,
    expires_at: datetime | None = None,
    request_id: str = "",
) -> WrittenEntry:
    """``value`` is a JSON value from `validation.parse_json`. Without ``type``, an existing entry keeps its type where
    the value fits it, and a new one takes the value's own. A secret is sealed here, before anything else sees it; an
    entry that is one stays one. With ``ttl_s`` the entry is deleted so long after, with ``expires_at`` at that time."""
    validation.check_namespace(namespace)
    validation.check_key(key)
    validation.check_text("comment", comment, validation.MAX_COMMENT_LENGTH)
    if type:
        validation.check_fits(validation.check_type(type), value)
    request_id = request_id or new_request_id()
    command = PutEntry(
        namespace=namespace,
        key=key,
        value_json=validation.canonical(value),
        type=type or validation.infer_type(value),
        comment=comment,
        expected_revision=expected_revision,
        must_not_exist=must_not_exist,
        must_exist=must_exist,
        type_given=bool(type),
        ttl_s=0 if ttl_s is None else validation.check_ttl(ttl_s),
        expires_at=time_text(expires_at) if expires_at else "",
    )
    asked = fingerprint(replace(command, value_json=secrecy.hidden(command.value_json)), actor)
    done = propose_made(lambda: _sealed_if_secret(command, request_id), actor, request_id, asked)
    text = "" if done.type == SECRET else command.value_json
    snapshot = EntrySnapshot(
        namespace, key, text, done.type, done.revision, done.created_revision, done.version, done.at, actor, comment,
        done.expires_at or None,
    )  # fmt: skip
    return WrittenEntry(snapshot, done.created)


def _sealed_if_secret(command: PutEntry, request_id: str) -> PutEntry:
    namespace, key, text = command.namespace, command.key, command.value_json
    if command.type != SECRET and (command.type_given or not secrecy.is_secret(namespace, key)):
        return command
    check_value(namespace, key, text)
    return replace(command, value_json=seal(namespace, key, text, request_id), type=SECRET, type_given=True)


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


def rollback_entry(
    actor: str,
    namespace: str,
    key: str,
    revision: int,
    comment: str = "",
    *,
    expected_revision: int | None = None,
    must_exist: bool = False,
    request_id: str = "",
) -> WrittenEntry:
    """Give an entry the value that it had at ``revision``, as a new change. `NotFound` where it was not there then,
    `Compacted` where that cannot be told any more."""
    validation.check_namespace(namespace)
    validation.check_key(key)
    comment = _rollback_comment(comment, revision)
    command = RollbackEntry(namespace, key, revision, comment, expected_revision, must_exist)
    done = propose(command, actor, request_id)
    change = history.change_of(namespace, key, done.revision)
    if change is None:  # a retry, so late that the first answer's change is compacted
        raise history.compacted(done.revision, history.reach().oldest_revision)
    return WrittenEntry(change.as_entry(), done.created)


@dataclass(frozen=True, slots=True)
class RolledBack:
    revision: int
    changed: int


def rollback_namespace(
    actor: str, namespace: str, revision: int, comment: str = "", *, request_id: str = ""
) -> RolledBack:
    """Bring all entries of a namespace back to what they were at ``revision``, in one change of the group."""
    validation.check_namespace(namespace)
    command = RollbackNamespace(namespace, revision, _rollback_comment(comment, revision))
    done = propose(command, actor, request_id)
    return RolledBack(done.revision, done.changed)


def revert_namespace(
    actor: str, namespace: str, revision: int, seen_revision: int, comment: str = "", *, request_id: str = ""
) -> RolledBack:
    """`rollback_namespace` for somebody who was shown what it does at ``seen_revision``: `PreconditionFailed` where an
    entry of the namespace has changed since."""
    validation.check_namespace(namespace)
    command = RevertNamespace(namespace, revision, _rollback_comment(comment, revision), seen_revision)
    done = propose(command, actor, request_id)
    return RolledBack(done.revision, done.changed)


def compact_history(actor: str, keep_revisions: int, keep_days: float) -> int:
    """Forget the changes that the rule allows to forget, at most a piece of them. Returns how many were looked at:
    after 0 there is nothing left to do."""
    if keep_revisions < 1 or keep_days < 0:
        raise Invalid("at least 1 revision is kept, and no negative number of days")
    return propose(CompactHistory(keep_revisions, int(keep_days * 86_400), COMPACT_AT_ONCE), actor).changed


def _rollback_comment(comment: str, revision: int) -> str:
    return validation.check_text("comment", comment, validation.MAX_COMMENT_LENGTH) or f"rollback to {revision}"
