"""Replicated facts about the group itself: who belongs to it, and which nodes are to get traffic (node_states.py)."""

import msgspec

from consensus import membership_rows
from consensus.errors import UnknownVersion
from consensus.group_commands import GroupResult, SetNodeState, command_decoder
from consensus.models import Member
from consensus.node_states import Standing, decide
from consensus.ports import GroupChange
from consensus.raft.messages import Membership
from consensus.sql import raw_connection
from consensus.wire import change_note_decoder, encode


def apply_group_command(index: int, request_id: str, payload: bytes) -> tuple[bytes, GroupChange | None]:
    """Apply one command inside the applying transaction; returns an encoded `GroupResult` and what was changed."""
    try:
        command = command_decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise UnknownVersion(f"group command at index {index} is not known to this release: {error}") from error
    if command.version not in (1, 2) or command.state not in Member.State.values:
        raise UnknownVersion(f"group command at index {index} has version {command.version}, state {command.state}")
    result, changed = _set_node_state(index, command)
    action = f"group.{command.state}"
    change = GroupChange(index, request_id, action, command.node, command.actor, command.at, command.origin)
    # The release that wrote version 1 told nobody; telling it here would make the nodes' trails differ.
    return encode(result), change if changed and command.version > 1 else None


def apply_membership(index: int, membership: Membership) -> GroupChange | None:
    """Bring the members' rows to ``membership`` inside the applying transaction; returns what was asked for, if this
    is where that begins."""
    membership_rows.write(raw_connection(), membership)
    if not membership.note:
        return None
    try:
        note = change_note_decoder.decode(membership.note)
    except msgspec.DecodeError as error:
        raise UnknownVersion(f"the change at index {index} is not known to this release: {error}") from error
    return GroupChange(index, "", f"group.{note.change}", note.node, note.actor, note.at, note.origin)


def _set_node_state(index: int, command: SetNodeState) -> tuple[GroupResult, bool]:
    """The result, and whether anything was changed."""
    members = {member.node: member for member in Member.objects.all()}
    standings = {node: Standing(member.state, member.voter) for node, member in members.items()}
    result, changed = decide(standings, command)
    if changed:
        member = members[command.node]
        member.state = command.state
        member.state_revision = index
        member.save()
    return result, changed
