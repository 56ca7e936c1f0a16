"""What can be proposed about namespaces and entries."""

from config_service.envelope import CommandBase, Done, Target


class PutNamespace(CommandBase, frozen=True, tag="entries.put_namespace"):
    name: str
    description: str
    must_not_exist: bool = False

    def touches(self, done: Done) -> tuple[Target, ...]:
        return (Target("namespace", self.name),)


class DeleteNamespace(CommandBase, frozen=True, tag="entries.delete_namespace"):
    """Refused while the namespace holds entries."""

    name: str

    def touches(self, done: Done) -> tuple[Target, ...]:
        return (Target("namespace", self.name),)


class PutEntry(CommandBase, frozen=True, tag="entries.put"):
    """``type_given`` is false where the proposer only guessed ``type`` from the value: an entry that exists then keeps
    its own type if the value fits it. The state machine decides, since the proposer may be behind."""

    namespace: str
    key: str
    value_json: str
    type: str
    comment: str = ""
    expected_revision: int | None = None
    must_not_exist: bool = False
    must_exist: bool = False
    type_given: bool = True

    def touches(self, done: Done) -> tuple[Target, ...]:
        return (Target("entry", self.namespace, self.key),)


class DeleteEntry(CommandBase, frozen=True, tag="entries.delete"):
    namespace: str
    key: str
    expected_revision: int | None = None
    must_exist: bool = False

    def touches(self, done: Done) -> tuple[Target, ...]:
        return (Target("entry", self.namespace, self.key),)


EntriesCommand = PutNamespace | DeleteNamespace | PutEntry | DeleteEntry
