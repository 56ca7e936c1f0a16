"""What goes wrong during a run: one fault at a time, each held until the others have noticed it, then mended.

Faults begin and end; in between the nemesis waits for a condition (somebody else leads, clients got on), never for a
time. The group keeps a majority throughout.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import httpx

from tests.support.group import RealGroup
from tests.support.waiting import eventually
from tests.support.ways import Way

PARTS = ("worker", "web", "redis", "postgres", "all")


@dataclass
class Nemesis:
    """``progress`` counts the operations that clients have done so far; ``say`` is told what happens."""

    group: RealGroup
    random: Random
    progress: Callable[[], int]
    say: Callable[[str], None] = print
    operations_a_fault: int = 150
    done: list[str] = field(default_factory=list)

    @property
    def faults(self) -> dict[str, Callable[[], None]]:
        return {
            "kill": self.kill,
            "pause": self.pause,
            "cut": self.cut,
            "drain": self.drain,
            "transfer": self.transfer,
        }

    def run(self, names: list[str], goes_on: Callable[[], bool]) -> None:
        """Faults of these kinds in turn, each with a target of its own, as long as ``goes_on``."""
        while goes_on():
            for name in self.random.sample(names, len(names)):
                if goes_on():
                    self.faults[name]()

    # --- the faults --------------------------------------------------------------------------------------------------
    def kill(self, part: str = "", node: str = "") -> None:
        """SIGKILL for a part, or the whole, of a node: mostly the leader."""
        node, part = node or self._victim(), part or self.random.choice(PARTS)
        self._note(f"kill {part} of {node}")
        self.group.act("kill", node, part)
        self._get_on(node)
        self.group.act("start", node, part)
        self._recover()

    def pause(self, part: str = "", node: str = "") -> None:
        """SIGSTOP: the process misses everything, and goes on as if nothing had happened."""
        node, part = node or self._victim(), part or self.random.choice(("worker", "redis", "postgres", "all"))
        self._note(f"pause {part} of {node}")
        self.group.act("pause", node, part)
        self._get_on(node)
        self.group.act("resume", node, part)
        self._recover()

    def cut(self, kind: str = "", node: str = "") -> None:
        """The network drops everything on some ways of a node."""
        node = node or self._victim()
        others = [other for other in self.group.nodes if other != node]
        out = [Way(node, "redis", other) for other in others]
        back = [Way(other, "redis", node) for other in others]
        ways = {
            "from its peers": out + back,
            "from its peers, outwards": out,
            "from its peers, inwards": back,
            "from one peer": [out[0], back[0]],
            "from its Redis": [Way(node, "redis", node)],
            "from its Postgres": [Way(node, "postgres", node)],
        }
        kind = kind or self.random.choice(list(ways))
        self._note(f"cut {node} {kind}")
        self.group.cut(*ways[kind])
        self._get_on(node)
        self.group.cut()
        self._recover()

    def drain(self, node: str = "") -> None:
        node = node or self._victim()
        self._note(f"drain {node}")
        other = self._other(node)
        assert self.group.rest(other, "POST", f"group/nodes/{node}/drain").status_code == 200
        eventually(lambda: self.group.state(node) == "drained", 20, f"{node} drained")
        self._get_on()
        assert self.group.rest(other, "POST", f"group/nodes/{node}/undrain").status_code == 200
        self._recover()

    def transfer(self) -> None:
        target = self._other(self.group.leader())
        self._note(f"transfer to {target}")
        answer = self.group.rest(self._other(target), "POST", "group/transfer-leadership", {"to": target})
        # Under load a target may be too far behind to take over in time; then nothing has changed.
        assert answer.status_code in (200, 504), answer.text
        self._get_on()

    # --- in between --------------------------------------------------------------------------------------------------
    def _victim(self) -> str:
        leader = self.group.leader()
        return leader if self.random.random() < 0.7 else self._other(leader)

    def _other(self, node: str) -> str:
        return self.random.choice([other for other in self.group.nodes if other != node])

    def _note(self, what: str) -> None:
        self.done.append(what)
        self.say(what)

    def _get_on(self, without: str = "") -> None:
        """Clients have done a good number of operations, and nodes other than ``without`` take writes."""
        before = self.progress()
        eventually(lambda: self.progress() >= before + self.operations_a_fault, 40, "clients get on")
        key = f"nemesis/{uuid.uuid4().hex}"
        able = [node for node in self.group.nodes if node != without]
        eventually(lambda: any(self._writes(node, key) for node in able), 40, "a majority takes writes")

    def _writes(self, node: str, key: str) -> bool:
        try:
            return self.group.put(node, key, 1).status_code in (200, 201)
        except httpx.HTTPError:
            return False

    def _recover(self) -> None:
        self.group.wait_ready()
