"""The contract of `paxos.node`, kept in one place for registers and for the decree that founds a group."""

from collections.abc import Callable, Sequence

from consensus.paxos.messages import PaxosMessage
from consensus.paxos.node import PaxosNode, Ready
from consensus.ports import Storage

Send = Callable[[Sequence[tuple[str, PaxosMessage]]], None]


def carry_out(paxos: PaxosNode, ready: Ready, storage: Storage, send: Send) -> None:
    """Nothing that promises anything leaves before it is durable."""
    send(ready.early)
    if ready.hard_state is not None or ready.records:
        storage.save_registers(ready.hard_state, ready.records)
    paxos.saved(ready)
    send(ready.late)
