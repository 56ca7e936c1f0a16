"""The state machine of the product: every committed command ends here, on every node, in the same order."""

from collections.abc import Sequence

import msgspec

from config_service.accounts import state_machine as accounts
from config_service.accounts.commands import AccountsCommand
from config_service.entries.commands import EntriesCommand
from config_service.entries.state_machine import EntriesStateMachine, Step
from config_service.envelope import VERSION, Done, Envelope, Refusal, encode_result
from config_service.guard import applying
from consensus.errors import UnknownVersion
from consensus.ports import Command
from consensus.sql import begin


class _Known(Envelope, frozen=True):
    """An envelope whose command this release can read."""

    command: EntriesCommand | AccountsCommand


_decoder = msgspec.msgpack.Decoder(_Known)


def decode(payload: bytes) -> _Known:
    """Raises `UnknownVersion`, also for a tag or a field of a newer release: half a command is never applied."""
    try:
        envelope = _decoder.decode(payload)
    except msgspec.DecodeError as error:
        raise UnknownVersion(f"this release cannot read a command: {error}") from error
    if envelope.version != VERSION:
        raise UnknownVersion(f"command version {envelope.version}, but this release knows {VERSION}")
    return envelope


class ReplicatedTables:
    """Implements `consensus.ports.StateMachine`.

    Commands about entries are applied as one batch, those about accounts one by one. The two touch different tables, so
    only the order within each of them matters.
    """

    def __init__(self) -> None:
        self._entries = EntriesStateMachine()

    def reset(self) -> None:
        self._entries.reset()

    def apply(self, commands: Sequence[Command]) -> list[bytes]:
        decoded = [(command.index, decode(command.payload)) for command in commands]
        results: list[Done | Refusal | None] = [None] * len(decoded)
        steps: list[Step] = []
        places: list[int] = []
        with applying():
            for place, (revision, envelope) in enumerate(decoded):
                if isinstance(envelope.command, EntriesCommand):
                    steps.append(Step(revision, envelope.actor, envelope.at, envelope.command))
                    places.append(place)
                else:
                    begin()
                    results[place] = accounts.apply(revision, envelope.at, envelope.command)
            if steps:
                for place, result in zip(places, self._entries.apply(steps), strict=True):
                    results[place] = result
        return [encode_result(result) for result in results if result is not None]
