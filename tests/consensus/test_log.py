"""The log against the simplest thing that could be right: a list (P 5.3)."""

from hypothesis import given
from hypothesis import strategies as st

from consensus.raft.log import Log
from consensus.raft.messages import Entry
from tests.consensus.harness import entries


class Stable:
    """What was saved."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def read(self, first: int, last: int) -> list[Entry]:
        return self.entries[first - 1 : last]


appended = st.lists(st.tuples(st.integers(0, 12), st.lists(st.integers(0, 2), min_size=1, max_size=6)), max_size=25)


@given(appended)
def test_log_agrees_with_a_list(steps: list[tuple[int, list[int]]]) -> None:
    stable, model, term = Stable(), [], 1
    log = Log(stable, tail_bytes=20)
    for back, rises in steps:
        keep = max(0, len(model) - back)
        new = []
        for rise in rises:
            term += rise
            new.append(Entry(keep + len(new) + 1, term, 1, b"12345"))
        model = model[:keep] + new
        log.append(new)
        unsaved = log.unsaved()
        del stable.entries[unsaved[0].index - 1 :]
        stable.entries += unsaved
        log.saved()
        log.forget(len(model) - 1)
        assert log.last_index == log.persisted_index == len(model)
        assert [log.term_at(i) for i in range(len(model) + 2)] == [0, *(entry.term for entry in model), None]
        read: list[Entry] = []
        while len(read) < len(model):
            read += log.read(len(read) + 1, len(model), 11)
        assert read == model


@given(st.lists(st.integers(0, 2), min_size=1, max_size=10), st.integers(0, 14), st.integers(0, 20))
def test_last_at_or_below_finds_the_highest_that_could_agree(rises: list[int], index: int, term: int) -> None:
    terms = [1 + sum(rises[: i + 1]) for i in range(len(rises))]
    log = Log(Stable())
    log.append(entries(*terms))
    candidates = [(i, t) for i, t in enumerate([0, *terms]) if i <= index and t <= term]
    assert log.last_at_or_below(index, term) == candidates[-1]


def test_a_read_gives_at_least_one_entry_and_respects_the_bound() -> None:
    log = Log(Stable())
    log.append(entries(1, 1, 1, 1))
    size = len(entries(1)[0].data)
    assert len(log.read(1, 4, 1)) == 1
    assert len(log.read(1, 4, 2 * size)) == 2
    assert log.read(5, 9, 100) == ()
