"""What a node's database holds, read past the product: to find what should not be there, and to see whether anything
has changed."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from config_service.localgroup import postgres
from config_service.localgroup.parts import DATABASE
from tests.support.group import RealGroup

STATE = ("entries_namespace", "entries_configentry", "entries_entryrevision", "entries_importpart", "accounts_user",
         "accounts_grant", "audit_auditrecord")  # fmt: skip


@contextmanager
def opened(group: RealGroup, node: str) -> Iterator[psycopg.Connection]:
    url = postgres.url(group.layout.nodes[node].postgres_port, group.layout.secrets["postgres"], DATABASE)
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def everything_stored(group: RealGroup, node: str) -> bytes:
    """Every row of every table, log included, as text; binary columns as they are."""
    held = []
    with opened(group, node) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"').fetchall():
                held += [bytes(one) if isinstance(one, bytes | memoryview) else str(one).encode() for one in row]
    return b"\n".join(held)


def digest_of_state(group: RealGroup, node: str) -> str:
    """Of the product's replicated tables; when a token was last used apart."""
    found = hashlib.sha256()
    with opened(group, node) as connection:
        for table in STATE:
            rows = connection.execute(f"SELECT md5(t::text) FROM {table} t ORDER BY 1").fetchall()
            found.update(repr((table, rows)).encode())
    return found.hexdigest()
