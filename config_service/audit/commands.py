"""What is proposed only to be recorded."""

from config_service.audit.models import SNAPSHOT
from config_service.envelope import CommandBase, Done, Target


class RecordReveal(CommandBase, frozen=True, tag="secrets.reveal"):
    """The secret of an entry, as of its ``revision``, is about to be shown to the actor."""

    namespace: str
    key: str
    revision: int

    def touches(self, done: Done) -> tuple[Target, ...]:
        return (Target("secret", self.namespace, self.key, detail=f"revision {self.revision}"),)


class RecordExport(CommandBase, frozen=True, tag="secrets.export"):
    """These secrets of a namespace, as of ``revision``, are about to be handed to the actor in clear."""

    namespace: str
    keys: tuple[str, ...]
    revision: int

    def touches(self, done: Done) -> tuple[Target, ...]:
        return tuple(Target("secret", self.namespace, key, detail=f"revision {self.revision}") for key in self.keys)


class RecordSnapshot(CommandBase, frozen=True, tag=SNAPSHOT):
    """A snapshot of the group, as of the revision ``index``, is about to be handed to the actor. It holds the hashes
    of passwords and tokens."""

    index: int
    digest: bytes

    def touches(self, done: Done) -> tuple[Target, ...]:
        return (Target("snapshot", id=str(self.index), detail=self.digest.hex()),)


class TrimAudit(CommandBase, frozen=True, tag="audit.trim"):
    """Forget the records up to ``revision``, whose digest is ``digest``: they are archived. At most ``at_once``;
    `Done.changed` is how many there were; after 0 there is nothing left to do."""

    revision: int
    digest: bytes
    at_once: int

    def touches(self, done: Done) -> tuple[Target, ...]:
        told = f"{done.changed} records, archived up to revision {self.revision}, {self.digest.hex()}"
        return (Target("audit", detail=told),) if done.changed else ()


AuditCommand = RecordReveal | RecordExport | RecordSnapshot | TrimAudit
