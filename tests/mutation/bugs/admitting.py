"""Mistakes about who may act: databases that were lost or went back, and nodes that wait for ever."""

from tests.mutation.planting import ADMISSION, mutant

BUGS = (
    mutant(
        "a lost database goes unnoticed",
        "a node with an empty database votes again, and its acknowledged entries count",
        "R46",
        ADMISSION,
        "if known is not None and known.incarnation != self._stored.incarnation:",
        "if known is None and own in message.membership.everybody:",
    ),
    mutant(
        "only the epoch shows that a database went back",
        "a copy from this life has lost votes and acknowledged entries, and acts",
        "N04",
        ADMISSION,
        "if message.epoch > self._stored.epoch or term > hard.term or lost:",
        "if message.epoch > self._stored.epoch:",
    ),
    mutant(
        "a database from before the group is taken for a new node",
        "it has voted since, and votes again",
        "N04",
        ADMISSION,
        "        self._check_not_gone_back(source, message)\n",
        "        if self._node.membership.voters:\n            self._check_not_gone_back(source, message)\n",
    ),
    mutant(
        "a leader that is gone is waited for",
        "a learner remembers it for ever, so a majority that is there cannot elect",
        "N04",
        ADMISSION,
        'return "" if silent and self._node.role is not Role.LEADER else self._node.leader',
        "return self._node.leader",
    ),
    mutant(
        "voters of old decide who may act",
        "a node that was away while they were replaced never comes back",
        "N04, P 6",
        ADMISSION,
        "latest = max([membership, *(answer.membership for answer in answers.values())], key=lambda one: one.version)",
        "latest = membership",
    ),
    mutant(
        "answers count for ever",
        "a node waits for a leader, or a majority, that only somebody who is gone has told of",
        "admission",
        ADMISSION,
        "if now_ms - at <= ANSWER_COUNTS_MS}",
        "}",
    ),
    mutant(
        "who tells late is not heard",
        "a database that went back is let in by the first who do not know it",
        "N04",
        ADMISSION,
        "        self._check_not_gone_back(source, message)\n        if self.admitted:\n            return\n",
        "        if self.admitted:\n            return\n        self._check_not_gone_back(source, message)\n",
    ),
    mutant(
        "a leader looks for nobody",
        "a member that knows none of today's others never comes back",
        "admission",
        ADMISSION,
        "if self._node.role is Role.LEADER and now_ms - self._sought_ms >= LOST_HELLO_EVERY_MS:",
        "if False:",
    ),
)
