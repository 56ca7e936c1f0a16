"""The state machine of the product: every committed command ends here, on every node, in the same order."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
import msgspec.inspect

from config_service.accounts import state_machine as accounts
from config_service.accounts.commands import AccountsCommand
from config_service.accounts.replicated_tables import TABLES as ACCOUNTS_TABLES
from config_service.audit import trimming
from config_service.audit.commands import AuditCommand
from config_service.audit.replicated_tables import TABLES as AUDIT_TABLES
from config_service.audit.trail import Event, Trail
from config_service.changesets.commands import ChangeSetsCommand
from config_service.changesets.deciding import HANDLERS as CHANGE_SET_HANDLERS
from config_service.changesets.replicated_tables import TABLES as CHANGE_SETS_TABLES
from config_service.entries.commands import EntriesCommand
from config_service.entries.replicated_tables import TABLES as ENTRIES_TABLES
from config_service.entries.state_machine import EntriesStateMachine, Step
from config_service.envelope import READABLE_VERSIONS, CommandBase, Envelope, Refusal, Target, encode_result
from config_service.guard import applying
from config_service.switches import state_machine as switches
from config_service.switches.commands import SwitchesCommand
from config_service.switches.replicated_tables import TABLES as SWITCHES_TABLES
from consensus.errors import UnknownVersion
from consensus.ports import Command, GroupChange
from consensus.sql import begin


class _Known(Envelope, frozen=True):
    """An envelope whose command this release can read."""

    command: EntriesCommand | ChangeSetsCommand | SwitchesCommand | AccountsCommand | AuditCommand


_decoder = msgspec.msgpack.Decoder(_Known)


def decode(payload: bytes) -> _Known:
    """Raises `UnknownVersion`, also for a tag or a field of a newer release: half a command is never applied."""
    try:
        envelope = _decoder.decode(payload)
    except msgspec.DecodeError as error:
        raise UnknownVersion(f"this release cannot read a command: {error}") from error
    if envelope.version not in READABLE_VERSIONS:
        raise UnknownVersion(f"command version {envelope.version}, but this release knows {READABLE_VERSIONS}")
    return envelope


class ReplicatedTables:
    """Implements `consensus.ports.StateMachine`.

    Commands about entries and change sets are applied as one batch, those about switches and accounts one by one. They
    touch different tables, so only the order within each of them matters: deciding about entries never asks the
    accounts. The audit trail comes last and follows the order of the log.
    """

    tables = (*ACCOUNTS_TABLES, *ENTRIES_TABLES, *CHANGE_SETS_TABLES, *SWITCHES_TABLES, *AUDIT_TABLES)

    def __init__(self) -> None:
        self._entries = EntriesStateMachine(CHANGE_SET_HANDLERS)
        self._trail = Trail()

    def reset(self) -> None:
        self._entries.reset()
        self._trail.reset()

    def apply(self, commands: Sequence[Command], group_changes: Sequence[GroupChange] = ()) -> list[bytes]:
        decoded = [(command.index, decode(command.payload)) for command in commands]
        with applying():
            results = self._apply(decoded)
            events = [
                event
                for command, (_, envelope), result in zip(commands, decoded, results, strict=True)
                if (event := _event(command, envelope, result)) is not None
            ]
            if group_changes:
                events = sorted([*events, *map(_group_event, group_changes)], key=lambda event: event.revision)
            self._trail.append(events)
        return [encode_result(result) for result in results]

    def _apply(self, decoded: list[tuple[int, _Known]]) -> list[Any]:
        results: list[Any] = [None] * len(decoded)
        steps: list[Step] = []
        places: list[int] = []
        for place, (revision, envelope) in enumerate(decoded):
            if isinstance(envelope.command, EntriesCommand | ChangeSetsCommand):
                steps.append(Step(revision, envelope.actor, envelope.at, envelope.command))
                places.append(place)
            elif isinstance(envelope.command, AuditCommand):
                results[place] = trimming.apply(revision, envelope.at, envelope.command)
            elif isinstance(envelope.command, SwitchesCommand):
                begin()
                results[place] = switches.apply(revision, envelope.at, envelope.command)
            else:
                begin()
                results[place] = accounts.apply(revision, envelope.at, envelope.command)
        if steps:
            for place, result in zip(places, self._entries.apply(steps), strict=True):
                results[place] = result
        return results


def _event(command: Command, envelope: _Known, result: Any) -> Event | None:
    """What the audit trail is to say: nothing of a command that changed nothing, nor of one of version 1, which the
    release before applied without a record, so that the trails of all nodes begin at the same revision."""
    if envelope.version == 1 or isinstance(result, Refusal):
        return None
    targets = envelope.command.touches(result)
    if not targets:
        return None
    action = _action(type(envelope.command))
    return Event(command.index, envelope.at, envelope.actor, envelope.origin, command.request_id, action, targets)


@cache
def _action(kind: type[CommandBase]) -> str:
    return str(msgspec.inspect.type_info(kind).tag)


def _group_event(change: GroupChange) -> Event:
    targets = (Target("node", name=change.node),)
    return Event(change.index, change.at, change.actor, change.origin, change.request_id, change.action, targets)
