"""What is proposed only to be recorded."""

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


AuditCommand = RecordReveal | RecordExport
