"""What can go wrong between a caller and the group. One class an outcome, so that callers can tell them apart.

A proposal ends in exactly one of three ways: it was applied (no exception), it was certainly *not* accepted
(:class:`NoLeader`, :class:`Overloaded`, :class:`Diverged`, :class:`RequestConflict`), or nobody can say yet
(:class:`OutcomeUnknown`).
"""


class ConsensusError(Exception):
    """Base of everything that `consensus` raises on purpose."""


class NoLeader(ConsensusError):
    """No leader with a majority could be reached in time. The proposal was certainly not accepted: try again.

    ``retry_after_s`` is a hint in seconds.
    """

    def __init__(self, detail: str = "this node cannot reach a leader with a majority", retry_after_s: float = 1.0):
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class NoMajority(NoLeader):
    """No majority of the voters could be reached in time. Nothing was changed: try again."""

    def __init__(self, detail: str = "this node cannot reach a majority of the group", retry_after_s: float = 1.0):
        super().__init__(detail, retry_after_s)


class DeadlineExceeded(ConsensusError):
    """This node did not get as far as was asked within the deadline. Nothing was changed."""


class Overloaded(ConsensusError):
    """Too much waits at the leader already. The proposal was not accepted: try again later."""

    retry_after_s = 0.5


class OutcomeUnknown(ConsensusError):
    """The deadline passed after the proposal had been sent: it may or may not be applied.

    Ask again with the same ``request_id`` (proposing it again is safe: it is applied at most once).
    """

    def __init__(self, request_id: str):
        super().__init__(f"the outcome of request {request_id} is not known yet")
        self.request_id = request_id


class RequestConflict(ConsensusError):
    """This request id was used before with a different command. Nothing was changed."""

    def __init__(self, request_id: str):
        super().__init__(f"request id {request_id} was used before for a different command")
        self.request_id = request_id


class Diverged(ConsensusError):
    """This node's tables are known to differ from those of the others. Nothing was done: ask another node."""

    retry_after_s = 5.0


class Refused(ConsensusError):
    """An operation on the group (drain, transfer) was refused; the message says why. Nothing was changed."""


class StartOver(ConsensusError):
    """What the node has stored is something else now: its life begins anew from there."""


class InvariantViolation(ConsensusError):
    """The node found a state that correct operation cannot produce. It stops rather than guess."""


class DatabaseRefused(InvariantViolation):
    """This node's database is not the one that the group knows, or an older copy of it: it has forgotten promises."""


class OtherDatabase(DatabaseRefused):
    """The group knows a node of this name with another database: what that one promised is forgotten here (R46)."""


class NameUsed(InvariantViolation):
    """The group had a node of this name before; perhaps this one, removed before it knew that it had been added."""


class Fenced(ConsensusError):
    """Another process has taken over this node's identity (a newer boot epoch): this one must stop writing."""


class UnknownVersion(ConsensusError):
    """A command, message or snapshot carries a version that this release does not know. It is never guessed."""


def from_status(status: str, detail: bytes, request_id: str) -> ConsensusError:
    """What an answer (`requests.Answer`) that is not "ok" means to who asked."""
    match status:
        case "refused":
            return Refused(detail.decode())
        case "conflict":
            return RequestConflict(request_id)
        case "unknown":
            return OutcomeUnknown(request_id)
        case "no_majority":
            return NoMajority()
        case "overloaded":
            return Overloaded("too many proposals wait at the leader")
        case "diverged":
            return Diverged(f"this node has diverged: {detail.decode()}")
        case "deadline":
            return DeadlineExceeded("the deadline has passed")
        case _:
            return NoLeader()
