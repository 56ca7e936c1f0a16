"""Carrying registers over where the node has no room for more requests."""

from collections.abc import Callable

from consensus.paxos.node import Outcome
from consensus.paxos.register import put
from consensus.paxos.work import Kind
from consensus.register_handover import Handover
from tests.paxos.harness import Group


def test_what_cannot_even_be_asked_is_asked_again_in_the_next_step() -> None:
    group = Group()
    for name in ("x", "y"):
        group.change("A", name, put(f"q-{name}", b"1"))
    asked: list[Callable[[Outcome], None]] = []
    full = False

    def ask(begin: Callable[[int], None], done: Callable[[Outcome], None]) -> None:
        """Answers at once that it has no room, as long as it is full."""
        asked.append(done)
        if full:
            done(Outcome(Kind.UNAVAILABLE))

    handover = Handover(group["A"].node, ask)
    handover.step(0)
    asked.pop()(Outcome(Kind.DONE, names=("x", "y")))
    full = True
    handover.step(1)
    assert len(asked) == 2 and not handover.done
    full = False
    handover.step(2)
    assert len(asked) == 4
    for done in asked[2:]:
        done(Outcome(Kind.DONE))
    handover.step(3)
    assert handover.done
