"""Talk to this node's runtime from any of the node's processes (web, command line): propose, read index, status."""

from concurrent.futures import Future
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Applied:
    """A proposal that is applied on this node. ``index`` is its revision, ``result`` what the state machine said."""

    index: int
    result: bytes


class Client:
    """Thread-safe. One a process: `get_client`."""

    def submit(self, payload: bytes, request_id: str, deadline_s: float | None = None) -> "Future[Applied]":
        """Propose without waiting. The future ends as `propose` does."""
        raise NotImplementedError

    def propose(self, payload: bytes, request_id: str, deadline_s: float | None = None) -> Applied:
        """Propose a command and wait until it is applied on this node.

        Raises `NoLeader`, `Overloaded`, `RequestConflict` (nothing changed) or `OutcomeUnknown`.
        """
        raise NotImplementedError

    def read_index(self, deadline_s: float | None = None) -> int:
        """Wait until this node has applied all that was committed when this was called (Raft thesis 6.4).

        What is read from this node's database afterwards is linearizable. Raises `NoLeader`.
        """
        raise NotImplementedError

    def wait_applied(self, index: int, deadline_s: float | None = None) -> int:
        """Wait until this node has applied ``index``; returns the applied index. Raises `DeadlineExceeded`."""
        raise NotImplementedError


def get_client() -> Client:
    """This process's client."""
    raise NotImplementedError
