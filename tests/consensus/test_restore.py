"""A snapshot becomes the state of a new group: only where that is sound, and piece by piece."""

from hashlib import blake2b
from types import SimpleNamespace

import pytest

from consensus.errors import UnknownVersion
from consensus.raft.messages import Membership, Snapshot
from consensus.raft.node import Role
from consensus.requests import Answer, RestoreRequest
from consensus.restore import MOST_INDEX, Restorer
from consensus.simulator.images import MemoryReceivedImage

IMAGE = b"0123456789" * 3
ALONE = Membership(("n1",))


class Storage:
    def __init__(self) -> None:
        self.restored: list[tuple[Snapshot, bytes, int]] = []
        self.failure: Exception | None = None

    def restore(self, snapshot: Snapshot, image: MemoryReceivedImage, index: int) -> None:
        if self.failure is not None:
            raise self.failure
        self.restored.append((snapshot, bytes(image.data), index))


def node(membership: Membership = ALONE, **changes) -> SimpleNamespace:
    known = {"role": Role.LEADER, "term": 3, "last_index": 9, "membership": membership, "membership_settled": True}
    return SimpleNamespace(**known | changes)


@pytest.fixture
def storage() -> Storage:
    return Storage()


def restorer(storage: Storage, **changes) -> Restorer:
    return Restorer("n1", node(**changes), storage, SimpleNamespace(receive=MemoryReceivedImage))


def piece(offset: int, length: int = 10, image: bytes = IMAGE, above: int = 100, index: int = 50) -> RestoreRequest:
    digest = blake2b(IMAGE, digest_size=32).digest()
    data = image[offset : offset + length]
    return RestoreRequest("here", 1, 1000, index, above, len(IMAGE), digest, offset, data)


def wanted(answer: Answer) -> int:
    assert answer.status == "ok", answer
    return int(answer.result)


def test_pieces_in_order_replace_everything_above_what_anybody_saw(storage: Storage) -> None:
    one = restorer(storage)
    assert [wanted(one.take(piece(offset))) for offset in (0, 10)] == [10, 20]
    assert not one.done and storage.restored == []
    last = one.take(piece(20))
    assert (last.status, last.index) == ("ok", 101) and one.done
    assert storage.restored == [(Snapshot(101, 3, ALONE), IMAGE, 50)]


def test_a_piece_that_is_lost_or_comes_twice_does_no_harm(storage: Storage) -> None:
    one = restorer(storage)
    one.take(piece(0))
    assert wanted(one.take(piece(20))) == 10, "the second one was lost"
    assert wanted(one.take(piece(10))) == wanted(one.take(piece(10))) == 20
    assert one.take(piece(20)).index == 101
    assert storage.restored[0][1] == IMAGE


def test_beginning_anew_forgets_what_came_before(storage: Storage) -> None:
    one = restorer(storage)
    one.take(piece(0))
    assert wanted(one.take(piece(0, length=20))) == 20
    assert one.take(piece(20)).index == 101 and storage.restored[0][1] == IMAGE


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"membership": Membership(("n1", "n2", "n3"))}, "other nodes (n2, n3)"),
        ({"membership": Membership(("n1",), ("n2",))}, "other nodes (n2)"),
        ({"role": Role.FOLLOWER}, "does not lead"),
        ({"membership_settled": False}, "does not lead"),
    ],
)
def test_only_a_group_of_one_takes_a_snapshot(storage: Storage, changes: dict, reason: str) -> None:
    answer = restorer(storage, **changes).take(piece(0, length=30))
    assert answer.status == "refused" and reason in answer.result.decode()
    assert storage.restored == []


@pytest.mark.parametrize(("index", "above"), [(50, 49), (5, 8), (50, MOST_INDEX)])
def test_the_log_begins_above_the_snapshot_and_above_its_own_end(storage: Storage, index: int, above: int) -> None:
    answer = restorer(storage).take(piece(0, length=30, index=index, above=above))
    assert answer.status == "refused" and b"above" in answer.result
    assert storage.restored == []


def test_bytes_that_are_not_those_of_the_checksum_change_nothing(storage: Storage) -> None:
    one = restorer(storage)
    answer = one.take(piece(0, length=30, image=b"x" * 30))
    assert answer.status == "refused" and b"damaged" in answer.result
    assert storage.restored == [] and not one.done
    assert one.take(piece(0, length=30)).index == 101, "it can be tried again"


def test_what_cannot_be_loaded_is_refused_with_the_reason(storage: Storage) -> None:
    one = restorer(storage)
    storage.failure = UnknownVersion("the image holds other tables")
    answer = one.take(piece(0, length=30))
    assert (answer.status, answer.result) == ("refused", b"the image holds other tables") and not one.done
