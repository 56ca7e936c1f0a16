"""What a node does about its own drained state: hand leadership over, stop campaigning, then say "drained".

The state itself is replicated (group_state.py); this watches it from inside the node. Every step can be repeated: a
crash or a double click at any point changes nothing but the time it takes.
"""

from consensus.conf import NodeConfig
from consensus.forwarding import Forwarding
from consensus.group_commands import ACTIVE, DRAINED, DRAINING, SetNodeState, encode_group_command
from consensus.ports import Applier
from consensus.raft.messages import EntryKind
from consensus.raft.node import RaftNode, Role
from consensus.requests import ProposeRequest


class DrainWatch:
    def __init__(self, config: NodeConfig, node: RaftNode, applier: Applier, forwarding: Forwarding):
        self._config = config
        self._node = node
        self._applier = applier
        self._forwarding = forwarding

    def tick(self, now_ms: int, fit: bool) -> None:
        """``fit``: nothing else speaks against leading than a drain might."""
        state, revision = self._applier.node_state(self._config.node)
        self._node.allow_campaign(fit and state == ACTIVE)
        if fit and state == ACTIVE:
            return
        if self._node.role is Role.LEADER:
            if not self._node.transferring:
                self._forwarding.begin_transfer("", now_ms)
        elif state == DRAINING and self._node.leader:
            self._say_drained(revision, now_ms)

    def _say_drained(self, revision: int, now_ms: int) -> None:
        """Propose the last step; its request id names the drain it ends, so saying it again is harmless."""
        request_id = f"drained:{self._config.node}:{revision}"
        if request_id in self._forwarding.proposals:
            return
        node, version = self._config.node, self._config.command_version
        command = SetNodeState(node, DRAINED, (DRAINING,), actor=node, version=version)
        request = ProposeRequest("", 0, 2000, request_id, EntryKind.GROUP, encode_group_command(request_id, command))
        self._forwarding.proposals.add(request, now_ms)
