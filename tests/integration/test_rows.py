"""Rows as one binary parameter: what goes in comes out, of every kind, by both ways to run a statement."""

import json
from datetime import UTC, datetime

import pytest
from django.db import connection

from config_service.audit.trail import RECORD_ROW
from config_service.entries.tables import CHANGE_ROW
from consensus.sql import Writes, execute, write

pytestmark = pytest.mark.django_db(transaction=True)

AT = "2026-11-24T10:31:22.123456Z"
BEFORE = "1969-12-31T23:59:59.999999+00:00"
CHANGE = (7, 5, "shop", "kéy", '"ünï"', "string", 9, 8, 1 << 60, AT, "ann", "", "", "put", True)
DELETED = (7, 5, "shop", "kéy", "null", "json", -1, 0, 0, BEFORE, "", "gone", AT, "delete", False)


def test_every_kind_of_column_comes_back_as_it_went() -> None:
    rows = execute("SELECT * FROM unnest(%s::entries_change_row[])", CHANGE_ROW.of([CHANGE, DELETED])).fetchall()
    at = datetime(2026, 11, 24, 10, 31, 22, 123456, UTC)
    assert rows[0] == (*CHANGE[:9], at, "ann", "", None, "put", True)
    assert rows[1] == (*DELETED[:9], datetime(1969, 12, 31, 23, 59, 59, 999999, UTC), "", "gone", at, "delete", False)


def test_json_and_bytes() -> None:
    record = (1, 1, "", "ann", "rest", "", "", "r", "entries.put", '[{"kind":"entry"}]', b"", b"\x00\xff")
    ((targets, previous, digest),) = execute(
        "SELECT targets, previous, digest FROM unnest(%s::audit_record_row[])", RECORD_ROW.of([record])
    ).fetchall()
    assert (json.loads(targets), bytes(previous), bytes(digest)) == ([{"kind": "entry"}], b"", b"\x00\xff")


def test_no_rows() -> None:
    assert execute("SELECT * FROM unnest(%s::entries_change_row[])", CHANGE_ROW.of([])).fetchall() == []


def test_a_prepared_step_takes_the_same_rows_in_several_statements_and_again_on_a_new_connection() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE one (id bigint, key text)")
        cursor.execute("CREATE TABLE two (id bigint, key text)")
    rows = CHANGE_ROW.of([CHANGE, DELETED])
    for _ in range(2):
        with Writes():
            write("INSERT INTO one SELECT id, key FROM unnest(%s::entries_change_row[]) RETURNING 1", rows)
            write("INSERT INTO two SELECT id, key FROM unnest(%s::entries_change_row[]) WHERE stands", rows)
        connection.close()
    assert execute("SELECT * FROM one").fetchall() == [(7, "kéy")] * 4
    assert execute("SELECT * FROM two").fetchall() == [(7, "kéy")] * 2
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE one, two")
