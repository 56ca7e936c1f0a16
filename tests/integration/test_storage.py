"""One contract for every Storage, and what only Postgres can promise (N01, N02, R05, R46)."""

import select

import psycopg
import pytest

from consensus.errors import Fenced, InvariantViolation
from consensus.paxos.ballot import Ballot
from consensus.paxos.messages import HardState as RegisterHardState
from consensus.paxos.messages import Record
from consensus.ports import Storage
from consensus.raft.membership import encode
from consensus.raft.messages import Entry, EntryKind, HardState, Identity, Membership, Snapshot
from consensus.reactor import Reactor
from consensus.session_watch import SessionWatch
from consensus.simulator.disk import Disk
from consensus.storage import PostgresStorage
from tests.support.servers import end_other_sessions
from tests.support.waiting import eventually


def entries(first: int, *terms: int) -> list[Entry]:
    return [Entry(first + i, term, 1, bytes([i, 0, 255])) for i, term in enumerate(terms)]


class Memory:
    """The simulator's disk, opened as often as one likes."""

    def __init__(self) -> None:
        self._disk = Disk()

    def session(self) -> Storage:
        return self._disk.session()

    def close(self, storage: Storage) -> None:
        pass

    def applied(self, index: int) -> None:
        pass


class Postgres:
    def __init__(self, url: str):
        self.url = url

    def session(self, lock_wait_s: float = 10, **options) -> PostgresStorage:
        """It may have to wait: the server ends a session that was closed a moment later."""
        return PostgresStorage(self.url, "tests", "n1", lock_wait_s=lock_wait_s, **options)

    def close(self, storage: PostgresStorage) -> None:
        storage.close()

    def applied(self, index: int) -> None:
        """As the applier does, so that the tables are where the log says."""
        with psycopg.connect(self.url) as connection:
            connection.execute("DELETE FROM consensus_appliedstate")
            connection.execute("INSERT INTO consensus_appliedstate (id, index) VALUES (1, %s)", (index,))


@pytest.fixture
def postgres(node_database: str) -> Postgres:
    return Postgres(node_database)


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest):
    return Memory() if request.param == "memory" else request.getfixturevalue("postgres")


def reopened(place, storage):
    place.close(storage)
    again = place.session()
    return again, again.open()


def test_a_new_place_is_empty_and_each_opening_is_a_new_epoch(place) -> None:
    storage = place.session()
    stored = storage.open()
    assert (stored.hard_state, stored.terms, stored.last_index) == (HardState(), (), 0)
    again, later = reopened(place, storage)
    assert later.epoch == stored.epoch + 1
    place.close(again)


def test_term_vote_and_entries_are_found_again(place) -> None:
    storage = place.session()
    storage.open()
    storage.save(HardState(2, "n3"), entries(1, 1, 1, 2))
    storage.save(HardState(3, ""), [])
    storage.save(HardState(3, "n1"), entries(4, 3))
    again, stored = reopened(place, storage)
    assert stored.hard_state == HardState(3, "n1")
    assert stored.terms == ((1, 1), (3, 2), (4, 3)) and stored.last_index == 4
    assert again.read(1, 4) == entries(1, 1, 1, 2) + entries(4, 3)
    assert again.read(2, 3) == entries(1, 1, 1, 2)[1:]
    place.close(again)


def test_new_entries_replace_what_stands_there_and_all_after(place) -> None:
    storage = place.session()
    storage.open()
    storage.save(HardState(1), entries(1, 1, 1, 1, 1, 1))
    storage.save(HardState(2), entries(3, 2))
    again, stored = reopened(place, storage)
    assert stored.last_index == 3 and stored.terms == ((1, 1), (3, 2))
    place.close(again)


GROUP = Membership(("n1", "n2"), identities={"n1": Identity("a", "redis://1"), "n2": Identity("b", "redis://2")})


def test_an_incarnation_is_kept(place) -> None:
    storage = place.session()
    first = storage.open()
    again, later = reopened(place, storage)
    assert first.incarnation and later.incarnation == first.incarnation
    place.close(again)


def test_the_founding_membership_is_what_the_log_begins_with(place) -> None:
    storage = place.session()
    assert storage.open().snapshot == Snapshot()
    storage.found(GROUP, "g1")
    again, stored = reopened(place, storage)
    assert stored.snapshot == Snapshot(0, 0, GROUP) and stored.memberships == ()
    place.close(again)


def test_a_group_id_is_kept_and_what_was_promised_about_its_decree_is_dropped(place) -> None:
    storage = place.session()
    assert storage.open().group_id == ""
    record = Record(Ballot(0, 2, "n2/b"), Ballot(0, 1, "n1/a"), b"decree")
    storage.save_registers(RegisterHardState(1000), [("group", record)])
    again, stored = reopened(place, storage)
    assert (stored.registers, stored.records) == (RegisterHardState(1000), {"group": record})
    again.found(GROUP, "0123456789abc")
    again.save_registers(None, [("a", Record(Ballot(0, 1, "n1"))), ("b", Record(Ballot(0, 1, "n1")))])
    last, stored = reopened(place, again)
    assert stored.group_id == "0123456789abc" and stored.snapshot.membership == GROUP
    assert (stored.registers, sorted(stored.records)) == (RegisterHardState(), ["a", "b"]), "registers begin anew"
    place.close(last)


def test_memberships_in_the_log_are_found(place) -> None:
    storage = place.session()
    storage.open()
    storage.found(GROUP, "g1")
    change = Entry(2, 1, EntryKind.MEMBERSHIP, encode(Membership(("n1",))))
    storage.save(HardState(1), [*entries(1, 1), change])
    again, stored = reopened(place, storage)
    assert stored.memberships == ((2, Membership(("n1",))),)
    place.close(again)


def test_r43_a_compacted_log_begins_after_its_snapshot(place) -> None:
    storage = place.session()
    storage.open()
    storage.save(HardState(2), entries(1, 1, 1, 2, 2))
    place.applied(3)
    storage.compact(Snapshot(3, 2, GROUP))
    storage.save(HardState(2), entries(5, 2))
    again, stored = reopened(place, storage)
    assert stored.snapshot == Snapshot(3, 2, GROUP)
    assert stored.last_index == 5 and stored.terms == ((4, 2),)
    assert [entry.index for entry in again.read(4, 5)] == [4, 5]
    place.close(again)


def test_a_term_never_goes_back(place) -> None:
    storage = place.session()
    storage.open()
    storage.save(HardState(5, "n1"), [])
    with pytest.raises((Fenced, AssertionError)):
        storage.save(HardState(4, ""), entries(1, 4))
    place.close(storage)


def test_a_second_process_under_one_name_is_refused(postgres: Postgres) -> None:
    first = postgres.session()
    first.open()
    with pytest.raises(Fenced, match="another process runs as node n1"):
        postgres.session(lock_wait_s=0).open()
    first.save(HardState(1, "n1"), [])
    first.close()


def test_an_earlier_epoch_writes_nothing(postgres: Postgres) -> None:
    """Even with its session alive: should the lock ever fail, the fence still holds."""
    storage = postgres.session()
    storage.open()
    storage.save(HardState(1, "n1"), entries(1, 1))
    with psycopg.connect(postgres.url, autocommit=True) as other:
        other.execute("UPDATE consensus_hardstate SET epoch = epoch + 1")
        for write in (entries(2, 1), []):
            with pytest.raises(Fenced):
                storage.save(HardState(1, "n1"), write)
        with pytest.raises(Fenced):
            storage.save(HardState(2, ""), entries(2, 2))
        assert other.execute("SELECT count(*) FROM consensus_logentry").fetchone() == (1,)
        assert other.execute("SELECT term FROM consensus_hardstate").fetchone() == (1,)
    storage.close()


def test_a_lost_session_is_an_error_and_the_next_one_finds_everything(postgres: Postgres) -> None:
    storage = postgres.session()
    storage.open()
    storage.save(HardState(1, "n1"), entries(1, 1))
    with psycopg.connect(postgres.url, autocommit=True) as other:
        end_other_sessions(other.execute)
    with pytest.raises(psycopg.OperationalError):
        storage.save(HardState(1, "n1"), entries(2, 1))
    storage.close()
    again = postgres.session()
    assert again.open().last_index == 1
    again.close()


def test_the_end_of_a_session_is_noticed_while_nothing_is_written(postgres: Postgres) -> None:
    reactor, storage = Reactor(), postgres.session()
    storage.open()
    watch = SessionWatch(reactor, storage)
    watch.start()

    def ended() -> bool:
        reactor.run(0.1)
        try:
            watch.require_alive()
        except psycopg.OperationalError:
            return True
        return False

    assert storage._connection is not None
    storage._connection.execute("LISTEN news")
    with psycopg.connect(postgres.url, autocommit=True) as other:
        other.execute("NOTIFY news")  # something that comes unasked, and is no end
        assert select.select([storage.descriptor], [], [], 20)[0]
        assert not ended()
        storage.save(HardState(1, "n1"), entries(1, 1))
        end_other_sessions(other.execute)
    eventually(ended)
    watch.stop()
    storage.close()
    reactor.close()


def test_somebody_elses_database_is_refused(postgres: Postgres) -> None:
    storage = postgres.session()
    storage.open()
    storage.close()
    with pytest.raises(InvariantViolation, match="belongs to node n1 of group tests"):
        PostgresStorage(postgres.url, "tests", "n2", lock_wait_s=10).open()


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        ("DELETE FROM consensus_logentry WHERE index = 2", "gaps"),
        ("UPDATE consensus_logentry SET term = 9 WHERE index = 3", "above the stored term"),
        ("UPDATE consensus_logentry SET term = 2 WHERE index = 1", "go down"),
        ("INSERT INTO consensus_appliedstate (id, index) VALUES (1, 4)", "the tables are at 4"),
    ],
)
def test_n01_n02_what_cannot_be_is_refused_loudly(postgres: Postgres, damage: str, complaint: str) -> None:
    storage = postgres.session()
    storage.open()
    storage.save(HardState(2, ""), entries(1, 1, 1, 2))
    storage.close()
    with psycopg.connect(postgres.url, autocommit=True) as other:
        other.execute(damage)
    damaged = postgres.session()
    with pytest.raises(InvariantViolation, match=complaint):
        damaged.open()
    damaged.close()


def test_large_and_many_entries_come_back_as_they_were(postgres: Postgres) -> None:
    storage = postgres.session()
    storage.open()
    many = [Entry(i + 1, 1, 1, bytes([i % 256]) * (i * 37 % 5000)) for i in range(500)]
    storage.save(HardState(1, ""), many)
    assert storage.read(1, 500) == many
    storage.close()


def test_that_tables_have_diverged_outlives_a_restart(place) -> None:
    storage = place.session()
    assert storage.open().diverged == ""
    storage.mark_diverged("at 7 they differ")
    place.close(storage)
    storage = place.session()
    assert storage.open().diverged == "at 7 they differ"
    place.close(storage)


ACCEPTED = Record(Ballot(1, 7, "n2"), Ballot(1, 5, "n1"), b"\x00value")


def test_what_was_promised_and_accepted_about_registers_is_found_again(place) -> None:
    storage = place.session()
    stored = storage.open()
    assert (stored.registers, stored.records) == (RegisterHardState(), {})
    promise = Record(Ballot(1, 9, "n3"))
    storage.save_registers(RegisterHardState(1000, Ballot(), 0, 1), [("a", ACCEPTED), ("b", promise)])
    storage.save_registers(None, [("b", ACCEPTED)])
    storage.save_registers(None, [("c", promise), ("d", promise)])
    again, stored = reopened(place, storage)
    assert stored.registers == RegisterHardState(1000, Ballot(), 0, 1)
    assert stored.records == {"a": ACCEPTED, "b": ACCEPTED, "c": promise, "d": promise}
    place.close(again)


def test_an_erased_register_goes_with_its_floor(place) -> None:
    storage = place.session()
    storage.open()
    storage.save_registers(RegisterHardState(1, Ballot(), 0, 1), [("a", ACCEPTED), ("b", ACCEPTED)])
    floor = RegisterHardState(1, Ballot(1, 7, "n2"), 4, 1)
    storage.save_registers(floor, [("a", None)])
    again, stored = reopened(place, storage)
    assert (stored.registers, stored.records) == (floor, {"b": ACCEPTED})
    place.close(again)


def test_an_earlier_epoch_writes_no_register(postgres: Postgres) -> None:
    storage = postgres.session()
    storage.open()
    storage.save_registers(RegisterHardState(1, Ballot(), 0, 1), [("a", ACCEPTED)])
    with psycopg.connect(postgres.url, autocommit=True) as other:
        other.execute("UPDATE consensus_hardstate SET epoch = epoch + 1")
        later = RegisterHardState(2, Ballot(), 0, 1)
        for hard_state, records in ((None, [("b", ACCEPTED)]), (later, []), (None, [("a", None), ("b", ACCEPTED)])):
            with pytest.raises(Fenced):
                storage.save_registers(hard_state, records)
        assert other.execute("SELECT name FROM consensus_register").fetchall() == [("a",)]
        assert other.execute("SELECT reserved FROM consensus_registerstate").fetchone() == (1,)
    storage.close()


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        ("UPDATE consensus_register SET promised = '1.4.n2'", "above its promise"),
        ("UPDATE consensus_register SET value = ''", "accepted nothing"),
        ("UPDATE consensus_registerstate SET membership = 0", "of membership 1"),
    ],
)
def test_registers_that_cannot_be_are_refused_loudly(postgres: Postgres, damage: str, complaint: str) -> None:
    storage = postgres.session()
    storage.open()
    storage.save_registers(RegisterHardState(1, Ballot(), 0, 1), [("a", ACCEPTED)])
    storage.close()
    with psycopg.connect(postgres.url, autocommit=True) as other:
        other.execute(damage)
    damaged = postgres.session()
    with pytest.raises(InvariantViolation, match=complaint):
        damaged.open()
    damaged.close()
