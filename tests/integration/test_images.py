"""Images of the replicated tables on a real Postgres: whole, and installed in one step or not at all (R40, R41)."""

import zlib
from contextlib import ExitStack, closing

import psycopg
import pytest

from config_service.replicated import ReplicatedTables
from consensus import images
from consensus.errors import Fenced, InvariantViolation, UnknownVersion
from consensus.images import PostgresImages, PostgresReceivedImage, make
from consensus.ports import ReplicatedTable
from consensus.raft.messages import Entry, HardState, Identity, Membership, Snapshot
from consensus.storage import PostgresStorage
from tests.support.waiting import eventually

TABLES = ReplicatedTables.tables
GROUP = Membership(("n1", "n2"), identities={"n1": Identity("a", "redis://1"), "n2": Identity("b", "redis://2")})
FILL = """
INSERT INTO consensus_appliedstate (id, index) VALUES (1, 7);
INSERT INTO consensus_appliedrequest (request_id, index, fingerprint, result) VALUES ('r', 6, 'f', '\\x00ff0a09');
INSERT INTO consensus_member (node, state, state_revision, voter, incarnation, address)
  VALUES ('n1', 'draining', 5, true, 'a', 'redis://1');
INSERT INTO auth_group (id, name) VALUES (3, 'operators');
INSERT INTO auth_group_permissions (id, group_id, permission_id)
  SELECT 1, 3, id FROM auth_permission WHERE codename = 'operate_group';
"""
ROWS = "SELECT request_id, index, fingerprint, result FROM consensus_appliedrequest"
GRANTS = """
SELECT g.name, p.codename FROM auth_group_permissions link
JOIN auth_group g ON g.id = link.group_id JOIN auth_permission p ON p.id = link.permission_id
"""


@pytest.fixture
def source(node_database: str) -> str:
    with psycopg.connect(node_database) as connection:
        connection.execute(FILL)
    return node_database


@pytest.fixture
def target(another_node_database: str) -> str:
    """Numbers its permissions differently, and holds other rows."""
    with psycopg.connect(another_node_database) as connection:
        connection.execute("UPDATE auth_permission SET id = id + 100000")
        connection.execute("INSERT INTO consensus_appliedstate (id, index) VALUES (1, 0)")
        connection.execute("INSERT INTO auth_group (id, name) VALUES (9, 'gone')")
    return another_node_database


@pytest.fixture
def received():
    """An image of a database's tables, passed on in small pieces."""
    with ExitStack() as files:

        def receive(url: str, tables=TABLES) -> PostgresReceivedImage:
            with psycopg.connect(url) as connection:
                image = files.enter_context(closing(make(connection, (*images.OWN_TABLES, *tables))))
            taken = files.enter_context(closing(PostgresReceivedImage()))
            while taken.size < image.size:
                taken.append(image.read(taken.size, 100))
            assert taken.digest() == image.digest
            return taken

        yield receive


def opened(url: str) -> PostgresStorage:
    storage = PostgresStorage(url, "tests", "n1", TABLES, lock_wait_s=10)
    storage.open()
    return storage


def rows(url: str, query: str) -> list:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def entries(first: int, last: int, term: int = 2) -> list[Entry]:
    return [Entry(i, term, 1, b"x") for i in range(first, last + 1)]


@pytest.mark.parametrize("keep_log", [True, False])
def test_r40_tables_and_log_begin_with_the_snapshot(source: str, target: str, received, keep_log: bool) -> None:
    storage = opened(target)
    storage.save(HardState(2), entries(1, 9))
    storage.install(Snapshot(7, 2, GROUP), received(source), keep_log)
    storage.close()
    storage = PostgresStorage(target, "tests", "n1", TABLES, lock_wait_s=10)
    stored = storage.open()
    storage.close()
    assert stored.snapshot == Snapshot(7, 2, GROUP)
    assert stored.last_index == (9 if keep_log else 7)
    assert rows(target, "SELECT index FROM consensus_appliedstate") == [(7,)]
    assert rows(target, ROWS) == rows(source, ROWS)
    assert rows(target, GRANTS) == [("operators", "operate_group")]
    assert rows(target, "SELECT state FROM consensus_member") == [("draining",)]


def test_r41_an_image_of_another_release_is_refused_and_the_session_goes_on(source: str, target: str, received) -> None:
    storage = opened(target)
    storage.save(HardState(2), entries(1, 3))
    with pytest.raises(UnknownVersion, match="other tables"):
        storage.install(Snapshot(7, 2, GROUP), received(source, (*TABLES, ReplicatedTable("auth_permission"))), False)
    storage.save(HardState(2), entries(4, 4))
    storage.close()
    assert rows(target, "SELECT index FROM consensus_appliedstate") == [(0,)]
    assert rows(target, "SELECT name FROM auth_group") == [("gone",)]
    assert rows(target, "SELECT count(*) FROM consensus_logentry") == [(4,)]


def test_r41_an_image_of_another_index_than_announced_leaves_the_old_state_whole(
    source: str, target: str, received
) -> None:
    storage = opened(target)
    storage.save(HardState(2), entries(1, 3))
    with pytest.raises(InvariantViolation, match="of index 7, not of 8"):
        storage.install(Snapshot(8, 2, GROUP), received(source), False)
    storage.close()
    assert rows(target, "SELECT name FROM auth_group") == [("gone",)]
    assert rows(target, "SELECT count(*) FROM consensus_logentry") == [(3,)]


def test_r41_a_cut_off_image_leaves_the_old_state_whole(source: str, target: str, received) -> None:
    whole = received(source)
    storage = opened(target)
    with closing(PostgresReceivedImage()) as cut:
        cut.append(b"".join(whole.blocks())[: whole.size // 2])
        with pytest.raises(InvariantViolation):
            storage.install(Snapshot(7, 2, GROUP), cut, False)
    storage.close()
    assert rows(target, "SELECT name FROM auth_group") == [("gone",)]


def test_a_life_that_lost_its_identity_installs_and_compacts_nothing(source: str, target: str, received) -> None:
    storage = opened(target)
    with psycopg.connect(target, autocommit=True) as other:
        other.execute("UPDATE consensus_hardstate SET epoch = epoch + 1")
    for write in (
        lambda: storage.install(Snapshot(7, 2, GROUP), received(source), False),
        lambda: storage.compact(Snapshot(1, 1, GROUP)),
        lambda: storage.found(GROUP, "g1"),
    ):
        with pytest.raises(Fenced):
            write()
    storage.close()
    assert rows(target, "SELECT count(*) FROM consensus_logbase") == [(0,)]


def test_an_image_is_made_beside_the_caller(source: str) -> None:
    made = PostgresImages(source, TABLES)
    assert made.take() is None and not made.busy
    made.start()
    image = eventually(made.take, 20, "an image")
    assert image.index == 7 and image.read(0, image.size)
    image.close()
    assert not made.busy


def test_where_no_image_can_be_made_the_next_try_is_free(source: str) -> None:
    made = PostgresImages(source.replace("/node_", "/no_such_node_"), TABLES)
    made.start()
    eventually(lambda: not made.busy, 20, "the failed try to end")
    assert made.take() is None


ALONE = Membership(("n1",), identities={"n1": Identity("new", "redis://9")})


def test_a_restored_snapshot_begins_above_all_that_was_seen_with_the_members_of_now(
    source: str, target: str, received
) -> None:
    storage = opened(target)
    storage.save(HardState(2), entries(1, 9))
    storage.restore(Snapshot(1_000, 2, ALONE), received(source), 7)
    storage.save(HardState(2), entries(1_001, 1_002))
    storage.close()
    stored = PostgresStorage(target, "tests", "n1", TABLES, lock_wait_s=10)
    begun = stored.open()
    stored.close()
    assert (begun.snapshot, begun.last_index) == (Snapshot(1_000, 2, ALONE), 1_002)
    assert rows(target, "SELECT index FROM consensus_appliedstate") == [(1_000,)]
    assert rows(target, GRANTS) == [("operators", "operate_group")]
    assert rows(target, ROWS) == rows(source, ROWS), "a retry of what the snapshot holds gets its answer"
    members = rows(target, "SELECT node, state, incarnation FROM consensus_member")
    assert members == [("n1", "active", "new")], "a drain of the old group's node is not one of the new group's"
    assert rows(target, "SELECT oldest_revision FROM entries_historyreach") == [(1_000,)]
    assert rows(target, "SELECT revision FROM accounts_accountsstate") == [(1_000,)]


@pytest.mark.parametrize("harm", ["cut", "garbled", "index"])
def test_a_snapshot_that_cannot_be_loaded_changes_nothing_and_the_session_goes_on(
    source: str, target: str, received, harm: str
) -> None:
    whole = received(source)
    storage = opened(target)
    storage.save(HardState(2), entries(1, 3))
    data = b"".join(whole.blocks())
    with closing(PostgresReceivedImage()) as image:
        if harm == "garbled":
            plain = zlib.decompress(data)
            data = zlib.compress(plain.replace(b"operators", b"oper\tator"))
        image.append(data[: len(data) // 2] if harm == "cut" else data)
        with pytest.raises(UnknownVersion):
            storage.restore(Snapshot(1_000, 2, ALONE), image, 8 if harm == "index" else 7)
    storage.save(HardState(2), entries(4, 5))
    storage.close()
    assert rows(target, "SELECT name FROM auth_group") == [("gone",)]
    assert rows(target, "SELECT count(*) FROM consensus_logentry") == [(5,)]
