"""What can be proposed about namespaces and entries."""

import msgspec

from config_service.entries.operations import Compare, Operation
from config_service.envelope import CommandBase, Done, Target


class PutNamespace(CommandBase, frozen=True, tag="entries.put_namespace"):
    """What is None stays as it is; of a new namespace it is nothing and false."""

    name: str
    description: str | None = None
    must_not_exist: bool = False
    colour: str | None = None
    protected: bool | None = None
    requires_approval: bool | None = None
    require_if_match: bool | None = None

    def touches(self, done: Done) -> tuple[Target, ...]:
        return (Target("namespace", self.name),)


class DeleteNamespace(CommandBase, frozen=True, tag="entries.delete_namespace"):
    """Refused while the namespace holds entries."""

    name: str

    def touches(self, done: Done) -> tuple[Target, ...]:
        return (Target("namespace", self.name),)


class PutSchema(CommandBase, frozen=True, tag="entries.put_schema"):
    """Rules as JSON text, "" to take them away. The proposer has checked every value at ``seen_revision``; applying
    checks those that were written since. ``expected_version`` is the version of the rules that are replaced."""

    namespace: str
    rules: str
    comment: str
    seen_revision: int
    expected_version: int | None = None
    forced: bool = False

    def touches(self, done: Done) -> tuple[Target, ...]:
        detail = f"schema version {done.version}" + (", forced" if self.forced else "")
        return (Target("namespace", self.namespace, detail=detail),)


class PutEntry(CommandBase, frozen=True, tag="entries.put"):
    """``type_given`` is false where the proposer only guessed ``type`` from the value: an entry that exists then keeps
    its own type if the value fits it. The state machine decides, since the proposer may be behind. ``expires_at`` is
    for keeping what an entry has; ``ttl_s`` counts from now."""

    namespace: str
    key: str
    value_json: str
    type: str
    comment: str = ""
    expected_revision: int | None = None
    must_not_exist: bool = False
    must_exist: bool = False
    type_given: bool = True
    ttl_s: int = 0
    expires_at: str = ""

    def touches(self, done: Done) -> tuple[Target, ...]:
        return (Target("entry", self.namespace, self.key),)


class ResealEntry(CommandBase, frozen=True, tag="entries.reseal"):
    """The value of a secret under another key: it stays what it is, so nobody has to approve it."""

    namespace: str
    key: str
    value_json: str
    expected_revision: int
    comment: str = ""
    expires_at: str = ""

    def touches(self, done: Done) -> tuple[Target, ...]:
        return (Target("entry", self.namespace, self.key),)


class DeleteEntry(CommandBase, frozen=True, tag="entries.delete"):
    namespace: str
    key: str
    expected_revision: int | None = None
    must_exist: bool = False

    def touches(self, done: Done) -> tuple[Target, ...]:
        return (Target("entry", self.namespace, self.key),)


class RollbackEntry(CommandBase, frozen=True, tag="entries.rollback"):
    """Give an entry the value that it had at ``revision``."""

    namespace: str
    key: str
    revision: int
    comment: str
    expected_revision: int | None = None
    must_exist: bool = False

    def touches(self, done: Done) -> tuple[Target, ...]:
        return (Target("entry", self.namespace, self.key, detail=f"to revision {self.revision}"),)


class RollbackNamespace(CommandBase, frozen=True, tag="entries.rollback_namespace"):
    """Bring every entry of a namespace back to what it was at ``revision``."""

    namespace: str
    revision: int
    comment: str

    def touches(self, done: Done) -> tuple[Target, ...]:
        told = Target("namespace", self.namespace, detail=f"to revision {self.revision}, {done.changed} entries")
        return (told,) if done.changed else ()


class RevertNamespace(CommandBase, frozen=True, tag="entries.revert_namespace"):
    """`RollbackNamespace`, refused where an entry of the namespace has changed after ``seen_revision``."""

    namespace: str
    revision: int
    comment: str
    seen_revision: int

    def touches(self, done: Done) -> tuple[Target, ...]:
        return RollbackNamespace(self.namespace, self.revision, self.comment).touches(done)


class CompactHistory(CommandBase, frozen=True, tag="entries.compact"):
    """Forget changes that are older than ``keep_s`` (by the times in the commands) and that are not among the last
    ``keep_revisions`` of their entry. At most ``at_once`` changes are looked at; `Done.changed` is how many were."""

    keep_revisions: int
    keep_s: int
    at_once: int

    def touches(self, done: Done) -> tuple[Target, ...]:
        return (Target("history", detail=f"{done.changed} changes looked at"),) if done.changed else ()


class Transact(CommandBase, frozen=True, tag="entries.transact"):
    """Do ``then`` if all of ``compare`` hold, ``otherwise`` if not. No key occurs twice in a branch."""

    compare: tuple[Compare, ...]
    then: tuple[Operation, ...]
    otherwise: tuple[Operation, ...]

    def touches(self, done: Done) -> tuple[Target, ...]:
        return tuple(
            Target("entry", one.namespace, one.key, detail=one.operation)
            for one in done.results
            if one.operation == "put" or one.deleted
        )


class StageImport(CommandBase, frozen=True, tag="entries.stage_import"):
    """A piece of an import that is too large for one command: kept until `ImportEntries` or `DropImports` names its
    ``stage``. Parts are counted from 0."""

    stage: str
    part: int
    data: bytes

    def touches(self, done: Done) -> tuple[Target, ...]:
        return ()


class ImportEntries(CommandBase, frozen=True, tag="entries.import"):
    """Do all that the parts of ``stage``, followed by ``data``, ask for, or nothing: see imports.py.

    ``digest`` is of all of it. ``replaces``: what was made sure is that no other entry begins with ``prefix``, as of
    ``revision``."""

    namespace: str
    stage: str
    parts: int
    digest: bytes
    data: bytes
    replaces: bool
    prefix: str
    revision: int

    def touches(self, done: Done) -> tuple[Target, ...]:
        """Each entry, where they are few; the history has them all."""
        added, changed, removed, _ = done.counts
        told = Target("namespace", self.namespace, detail=f"{added} added, {changed} changed, {removed} removed")
        few = (Target("entry", self.namespace, one.key, detail=one.operation) for one in done.results)
        return (told, *few) if done.changed else ()


class DropImports(CommandBase, frozen=True, tag="entries.drop_imports"):
    """Forget the parts of imports that nobody has finished."""

    stages: tuple[str, ...]

    def touches(self, done: Done) -> tuple[Target, ...]:
        return ()


class SeenEntry(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    namespace: str
    key: str
    revision: int


class ExpireEntries(CommandBase, frozen=True, tag="entries.expire"):
    """Delete entries whose time is over by the proposer's clock, unless they were written since it looked."""

    entries: tuple[SeenEntry, ...]

    def touches(self, done: Done) -> tuple[Target, ...]:
        return tuple(Target("entry", one.namespace, one.key, detail="expired") for one in done.results)


EntriesCommand = (
    PutNamespace
    | DeleteNamespace
    | PutSchema
    | PutEntry
    | ResealEntry
    | DeleteEntry
    | RollbackEntry
    | RollbackNamespace
    | RevertNamespace
    | CompactHistory
    | Transact
    | ExpireEntries
    | StageImport
    | ImportEntries
    | DropImports
)
