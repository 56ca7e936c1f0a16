"""Digests of the replicated tables on a real Postgres: the same for the same rows, and of exactly one index."""

import psycopg
import pytest

from config_service.replicated import ReplicatedTables
from consensus.digests import PostgresDigests
from consensus.wire import TablesDigest
from tests.support.waiting import eventually

TABLES = ReplicatedTables.tables
ENTRY = """
INSERT INTO entries_configentry (id, namespace_id, key, value, type, revision, created_revision, version, updated_at,
  updated_by, comment)
VALUES (%s, 'shop', %s, %s, 'string', 1, 1, 1, '2026-01-01T00:00:00Z', 'me', '')
"""
NAMESPACE = """
INSERT INTO entries_namespace (name, description, revision, created_revision, updated_at, updated_by)
SELECT 'shop', '', 1, 1, '2026-01-01T00:00:00Z', 'me' WHERE NOT EXISTS (SELECT 1 FROM entries_namespace)
"""
GRANT = """
INSERT INTO auth_group (id, name) VALUES (3, 'operators');
INSERT INTO auth_group_permissions (id, group_id, permission_id)
  SELECT 1, 3, id FROM auth_permission WHERE codename = 'operate_group';
"""


def run(url: str, query: str, *parameters: object) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(query, parameters or None)


def fill(url: str, *keys: str) -> None:
    run(url, "INSERT INTO consensus_appliedstate (id, index) VALUES (1, 7) ON CONFLICT (id) DO NOTHING")
    run(url, NAMESPACE)
    for key in keys:
        run(url, ENTRY, int(key), key, f'"{key}"')


def digest(url: str, index: int = 7) -> TablesDigest:
    digests = PostgresDigests(url, TABLES)
    digests.begin(index)
    return eventually(digests.take, 10, "a digest")


def odd(one: TablesDigest, other: TablesDigest) -> list[str]:
    return [mine.name for mine, theirs in zip(one.tables, other.tables, strict=True) if mine != theirs]


def test_the_same_rows_give_the_same_digest_wherever_they_lie_and_whatever_a_node_numbers_by_itself(
    node_database: str, another_node_database: str
) -> None:
    run(another_node_database, "UPDATE auth_permission SET id = id + 100000")
    fill(node_database, "1", "2", "3")
    fill(another_node_database, "3", "1", "2")
    run(node_database, GRANT)
    run(another_node_database, GRANT)
    assert digest(node_database) == digest(another_node_database)


@pytest.mark.parametrize(
    ("change", "table"),
    [
        ("UPDATE entries_configentry SET value = '\"4\"' WHERE key = '3'", "entries_configentry"),
        ("DELETE FROM entries_configentry WHERE key = '3'", "entries_configentry"),
        ("UPDATE entries_configentry SET expires_at = now() WHERE key = '3'", "entries_configentry"),
        ("UPDATE entries_namespace SET description = 'x'", "entries_namespace"),
        ("INSERT INTO auth_group (id, name) VALUES (4, 'more')", "auth_group"),
        (
            "INSERT INTO consensus_appliedrequest (request_id, index, fingerprint, result) VALUES ('r', 6, 'f', 'a')",
            "consensus_appliedrequest",
        ),
    ],
)
def test_one_row_that_differs_is_told_by_its_table(node_database: str, change: str, table: str) -> None:
    fill(node_database, "1", "2", "3")
    before = digest(node_database)
    run(node_database, change)
    assert odd(before, digest(node_database)) == [table]


def test_values_that_change_places_are_noticed(node_database: str) -> None:
    fill(node_database, "1", "2")
    before = digest(node_database)
    run(node_database, "UPDATE entries_configentry SET value = CASE key WHEN '1' THEN '\"2\"' ELSE '\"1\"' END")
    assert odd(before, digest(node_database)) == ["entries_configentry"]


def test_what_is_applied_after_the_mark_is_not_in_the_digest(node_database: str) -> None:
    fill(node_database, "1")
    before = digest(node_database)
    with psycopg.connect(node_database) as blocker:
        # The digest has its snapshot, but cannot read yet: meanwhile applying goes on.
        blocker.execute("LOCK TABLE entries_namespace IN ACCESS EXCLUSIVE MODE")
        digests = PostgresDigests(node_database, TABLES)
        digests.begin(7)
        run(node_database, "UPDATE consensus_appliedstate SET index = 8")
        run(node_database, "UPDATE entries_configentry SET value = '\"later\"'")
        assert digests.take() is None
    assert eventually(digests.take, 10, "a digest") == before


def test_tables_that_have_gone_on_already_give_no_digest(node_database: str, caplog) -> None:
    fill(node_database, "1")
    digests = PostgresDigests(node_database, TABLES)
    digests.begin(6)
    eventually(lambda: "no digest at 6" in caplog.text, 10, "it says so")
    assert digests.take() is None


def test_other_migrations_are_another_layout(node_database: str) -> None:
    fill(node_database, "1")
    before = digest(node_database)
    run(node_database, "INSERT INTO django_migrations (app, name, applied) VALUES ('entries', '0099_next', now())")
    after = digest(node_database)
    assert before.layout != after.layout and before.tables == after.tables
