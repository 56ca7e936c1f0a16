"""Whether this node's tables are what the others' are: digests of all nodes at one index are compared.

* A leader puts a VERIFY entry into the log when the scheduler says so. It changes nothing; every node takes the digest
  of its tables when it has applied exactly up to there, and tells the others.
* Right is what a majority of the voters has. A node that has something else has *diverged*: it stops applying, serving
  and campaigning, and hands leadership over. It stays so, over restarts, until its tables are replaced by an image.
* Where no majority has the same, and nobody is left to hear of, nobody can say who is right. Nobody is stopped, since
  that would turn a doubt into an outage; the index is shown as *disputed*, and people decide whose tables to take.
* Digests of nodes with different migrations are not compared, so a group can be upgraded one node at a time.

The log is not in doubt: a node that diverged goes on voting and acknowledging.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping

from consensus.wire import TableDigest, TablesDigest

logger = logging.getLogger(__name__)

# A digest is told so many times, once a second: messages get lost, and others may need longer for theirs.
TOLD_TIMES = 10
# So many of each other node are kept, since this node may need much longer for its own.
KEPT = 16


Tables = tuple[TableDigest, ...]


def holders(digests: Mapping[str, TablesDigest]) -> dict[Tables, list[str]]:
    """Who has which tables. All are of one index and layout."""
    found: dict[Tables, list[str]] = {}
    for node in sorted(digests):
        found.setdefault(digests[node].tables, []).append(node)
    return found


class Verification:
    """``diverged`` says why, "" while nothing is known against this node. ``everybody`` are the members now.

    ``verified_index``: there, a majority with this node among it had the same tables, 0: not yet in this life.
    ``disputed_index``: the last index at which voters differed and no majority agreed, 0: none since.
    """

    def __init__(
        self,
        node: str,
        is_majority: Callable[[Iterable[str]], bool],
        everybody: Callable[[], Collection[str]],
        diverged: str,
    ):
        self._node = node
        self._is_majority = is_majority
        self._everybody = everybody
        self._own: TablesDigest | None = None
        self._others: dict[str, dict[int, TablesDigest]] = {}
        self._told = 0
        self.diverged = diverged
        self.verified_index = 0
        self.disputed_index = 0

    def to_tell(self) -> TablesDigest | None:
        """Called once a second: what the others are to hear, if anything."""
        if self._own is None or self._told >= TOLD_TIMES:
            return None
        self._told += 1
        if self._told == TOLD_TIMES:
            self._judge()  # whoever has not been heard of by now will not be
        return self._own

    def took(self, own: TablesDigest) -> str:
        """This node has made its own digest; returns why it has diverged, "" if it has not as far as is known."""
        self._own, self._told = own, 0
        return self._judge()

    def heard(self, source: str, digest: TablesDigest) -> str:
        """``source`` tells its own; returns as `took`."""
        known = self._others.setdefault(source, {})
        known[digest.index] = digest
        while len(known) > KEPT:
            del known[min(known)]
        return self._judge()

    def replaced(self) -> None:
        """The tables were replaced: nothing is held against them."""
        self._own = None
        self.diverged = ""

    def _judge(self) -> str:
        own = self._own
        if own is None or self.diverged:
            return ""
        comparable = {
            node: found
            for node, known in self._others.items()
            if (found := known.get(own.index)) is not None and found.layout == own.layout
        }
        comparable[self._node] = own
        groups = holders(comparable)
        right = next((tables for tables, nodes in groups.items() if self._is_majority(nodes)), None)
        if right is None:
            if len(groups) > 1 and not self._may_be_decided(groups, comparable):
                self._dispute(own.index, sorted(comparable))
            return ""
        self.disputed_index = 0
        if right == own.tables:
            self.verified_index = own.index
            return ""
        return f"at {own.index} its tables differ from those of {', '.join(groups[right])} in {_odd(own.tables, right)}"

    def _may_be_decided(self, groups: Mapping[Tables, list[str]], heard: Collection[str]) -> bool:
        """Whether some group may still become a majority, by those that have not been heard of yet."""
        unheard = [node for node in self._everybody() if node not in heard]
        return self._told < TOLD_TIMES and any(self._is_majority([*nodes, *unheard]) for nodes in groups.values())

    def _dispute(self, index: int, nodes: list[str]) -> None:
        if self.disputed_index != index:
            logger.critical("the tables of %s differ at %d, and no majority agrees", ", ".join(nodes), index)
            self.disputed_index = index


def _odd(own: Tables, right: Tables) -> str:
    return ", ".join(mine.name for mine in own if mine not in right)
