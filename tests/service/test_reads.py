"""A read is as fresh as it has to be by what the tables hold, whatever the runtime says that it has applied."""

import psycopg
import pytest
from django.db import OperationalError, close_old_connections, connection

from config_service.bridge import QuestionThreads
from config_service.entries.models import Namespace
from consensus import reads
from consensus.errors import DeadlineExceeded, NoLeader
from consensus.models import AppliedState
from consensus.sql import execute, execute_first
from tests.support.servers import end_other_sessions

A = "namespaces/shop/entries/a"


class Crashed:
    """Postgres has lost the last change of an entry, which the runtime has applied long ago; it takes two looks until
    the runtime notices."""

    def __init__(self, shop, direct):
        shop.put(A, {"value": 1})
        shop.put(A, {"value": 2})
        self.waited: list[int] = []
        self.lost = direct.applied
        self._become(self.lost - 1, "1")
        direct.wait_applied = self._wait

    def _wait(self, index: int, deadline_s: float | None = None) -> int:
        self.waited.append(index)
        if len(self.waited) == 2:
            self._become(self.lost, "2")
        return self.lost

    @staticmethod
    def _become(index: int, value: str) -> None:
        AppliedState.objects.update(index=index)
        execute("UPDATE entries_configentry SET value = %s", value)


@pytest.mark.parametrize("query", ["", "?consistency=stale", "?consistency=stale&min_revision=3"])
def test_what_a_crash_of_postgres_has_lost_is_waited_for(shop, direct, query):
    crashed = Crashed(shop, direct)
    answer = shop.get(A + query)
    assert (answer.json()["value"], answer.headers["Config-Revision"]) == (2, str(crashed.lost))
    assert crashed.waited == [crashed.lost] * 2


def test_it_is_waited_for_no_longer_than_the_deadline(shop, direct):
    crashed = Crashed(shop, direct)
    direct.wait_applied = lambda index, deadline_s=None: crashed.lost
    with pytest.raises(DeadlineExceeded, match=f"not applied revision {crashed.lost} in time"):
        reads.reach(crashed.lost, 0.05)
    assert reads.reach(crashed.lost - 1, 0.05) == crashed.lost - 1


def test_what_the_runtime_says_between_its_lives_ends_no_wait(shop, direct):
    crashed = Crashed(shop, direct)
    wait, says = direct.wait_applied, [NoLeader(), DeadlineExceeded("lost with the life")]

    def wait_applied(index: int, deadline_s: float | None = None) -> int:
        if says:
            raise says.pop()
        return wait(index, deadline_s)

    direct.wait_applied = wait_applied
    assert reads.reach(crashed.lost) == crashed.lost and not says


def test_catching_up_asks_the_group_and_looks_at_the_tables(shop, direct):
    shop.put(A, {"value": 1})
    AppliedState.objects.update(index=direct.applied + 3)  # more was applied since the group answered
    assert reads.catch_up() == direct.applied + 3
    direct.failure = NoLeader()
    with pytest.raises(NoLeader):
        reads.catch_up()


def end_sessions() -> None:
    with psycopg.connect(**connection.get_connection_params()) as other:
        end_other_sessions(other.execute)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("look", [execute, execute_first])
def test_a_connection_is_replaced_before_the_first_query_of_a_request_and_never_after_it(look):
    """What the first connection saw, another one may not have yet, after a crash."""
    for _ in range(2):
        close_old_connections()
        assert look("SELECT 1").fetchone() == (1,)
        end_sessions()
    close_old_connections()
    assert look("SELECT 1").fetchone() == (1,)
    end_sessions()
    with pytest.raises(OperationalError):
        look("SELECT 1")
    close_old_connections()
    assert look("SELECT 1").fetchone() == (1,)


@pytest.mark.django_db(transaction=True)
def test_questions_of_the_event_loop_find_a_connection_that_lives():
    """No request begins around them."""
    pool = QuestionThreads(1, "questions")
    try:
        for _ in range(2):
            assert pool.submit(Namespace.objects.count).result(10) == 0
            end_sessions()
    finally:
        pool.close()
