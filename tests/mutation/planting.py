"""Well-known mistakes in Raft, each as a change of the source: what it breaks, and where the rule stands.

P: Ongaro and Ousterhout, extended version; T: Ongaro's thesis; R, N: scenarios that the core's tests name.
"""

from dataclasses import dataclass

ELECTION = "consensus/raft/election.py"
LOG = "consensus/raft/log.py"
NODE = "consensus/raft/node.py"
PROGRESS = "consensus/raft/progress.py"
QUORUM = "consensus/raft/quorum.py"
READS = "consensus/raft/read_index.py"
REPLICATION = "consensus/raft/replication.py"
STATE = "consensus/raft/state.py"
TRANSFER = "consensus/raft/transfer.py"
MEMBERSHIPS = "consensus/raft/membership.py"
CHANGE = "consensus/raft/membership_change.py"
DRIVER = "consensus/driver.py"
PENDING = "consensus/pending.py"
FORWARDING = "consensus/forwarding.py"
TABLES = "consensus/simulator/tables.py"
VERIFICATION = "consensus/verification.py"
DRAIN = "consensus/drain.py"
STATES = "consensus/node_states.py"
UPKEEP = "consensus/upkeep.py"
ADMISSION = "consensus/admission.py"
CARRYING_OUT = "consensus/carrying_out.py"
FOUNDING = "consensus/founding.py"
FRAMES = "consensus/frames.py"
PAXOS_QUORUM = "consensus/paxos/quorum.py"


@dataclass(frozen=True, slots=True)
class Patch:
    """``old`` stands exactly once in ``file``."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """``breaks`` says what goes wrong, ``section`` where the rule stands."""

    name: str
    breaks: str
    section: str
    patches: tuple[Patch, ...]


def mutant(name: str, breaks: str, section: str, file: str, old: str, new: str, *more: Patch) -> Mutant:
    return Mutant(name, breaks, section, (Patch(file, old, new), *more))
