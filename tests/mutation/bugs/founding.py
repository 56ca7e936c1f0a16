"""Mistakes about how a group begins."""

from tests.mutation.planting import ADMISSION, CARRYING_OUT, FOUNDING, FRAMES, PAXOS_QUORUM, mutant

BUGS = (
    mutant(
        "a majority founds a group",
        "after a database is lost, the others found a second group",
        "founding",
        PAXOS_QUORUM,
        "len(group) if membership.unanimous else len(group) // 2 + 1",
        "len(group) // 2 + 1",
    ),
    mutant(
        "promises of a founding in memory only",
        "after a restart another group is founded than was",
        "founding, Q03",
        CARRYING_OUT,
        "storage.save_registers(ready.hard_state, ready.records)",
        "storage.save_registers(ready.hard_state, ())",
    ),
    mutant(
        "a wiped founder uses its ballots again",
        "two decrees at one ballot",
        "founding, Q01",
        FOUNDING,
        'PaxosConfig(node, owner=f"{node}/{stored.incarnation}")',
        "PaxosConfig(node)",
    ),
    mutant(
        "a wiped founder takes the decree that names its old database",
        "it votes, and has forgotten how it voted",
        "founding, R46",
        ADMISSION,
        "if known is None or known.incarnation != self._stored.incarnation:",
        "if known is None:",
    ),
    mutant(
        "another group of the same name is heard",
        "votes and appends of one group count in the other",
        "founding, N06",
        FRAMES,
        "return own == theirs or (not (own and theirs) and isinstance(message, INTRODUCTIONS))",
        "return True",
    ),
    mutant(
        "a founder whose database went back acts at once",
        "a second vote in one term",
        "founding, N04",
        ADMISSION,
        "        if self.admitted:\n            return\n",
        "        if self.admitted or not self._node.membership.voters:\n"
        "            self._found(message.membership, message.group_id) if known and not self.admitted else None\n"
        "            self.admitted = self.admitted or bool(known)\n"
        "            return\n",
    ),
)
