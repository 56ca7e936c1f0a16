"""What a node makes sure of before it starts, and what its processes do while Postgres hangs."""

import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress

import psycopg
import pytest
from django.db import connection

from config_service.database import base
from config_service.database.base import DatabaseWrapper
from config_service.sealing.keys import new_key
from consensus import services
from consensus.errors import DeadlineExceeded
from consensus.startup import EX_CONFIG, require_sound_settings


def test_sound_settings_pass(settings):
    settings.SECRET_KEYS = f"k1:{new_key()}"
    require_sound_settings()


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ("k1", "SECRET_KEYS is a list such as"),
        ("k1:short", "the key 'k1' in SECRET_KEYS must be 32 bytes in base64"),
        (f"k1:{new_key()},k1:{new_key()}", "the key id 'k1' occurs twice"),
    ],
    ids=["a name alone", "a short key", "a name twice"],
)
def test_keys_that_cannot_be_read_end_the_process_with_one_line(settings, capsys, keys, complaint):
    settings.SECRET_KEYS = keys
    with pytest.raises(SystemExit) as ended:
        require_sound_settings()
    line = capsys.readouterr().err
    assert ended.value.code == EX_CONFIG and complaint in line and line.count("\n") == 1
    assert all(part not in line for part in (keys.partition(":")[2] or "Error", "Traceback"))


def test_the_web_process_does_not_start_with_them(monkeypatch):
    monkeypatch.setenv("SECRET_KEYS", "k1:x")
    run = subprocess.run(
        [sys.executable, "-c", "import config_service.asgi"], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == EX_CONFIG and run.stderr.startswith("this node cannot start: the key 'k1'")


@pytest.fixture
def hanging(db, monkeypatch):
    """A way to Postgres on which nothing comes back any more once it is set."""
    hang = threading.Event()
    connection.ensure_connection()
    parameters, info = connection.get_connection_params(), connection.connection.info
    listener = socket.create_server(("127.0.0.1", 0))

    def carry() -> None:
        here, _ = listener.accept()
        there = socket.create_connection((info.host, info.port))
        threading.Thread(target=_pump, args=(here, there, threading.Event()), daemon=True).start()
        _pump(there, here, hang)

    threading.Thread(target=carry, daemon=True).start()
    monkeypatch.setattr(base, "answer_timeout_s", 0.2)
    parameters |= {"host": "127.0.0.1", "port": listener.getsockname()[1]}
    yield base.BoundedConnection.connect(**parameters), hang
    listener.close()


def _pump(source: socket.socket, target: socket.socket, hang: threading.Event) -> None:
    """Until either end is closed, by the one way or the other."""
    with source, target, suppress(OSError):
        while data := source.recv(65536):
            if not hang.is_set():
                target.sendall(data)


def test_a_postgres_that_hangs_is_given_up_until_it_answers(hanging):
    opened, hang = hanging
    assert opened.execute("SELECT 1").fetchone() == (1,)
    hang.set()
    with pytest.raises(psycopg.OperationalError, match="Postgres does not answer"):
        opened.execute("SELECT 1")
    assert opened.closed
    with pytest.raises(psycopg.OperationalError, match="did not answer just now"):
        DatabaseWrapper(connection.settings_dict).get_new_connection({})
    # What asks the server nothing proves nothing; an answer to anybody says that it is back.
    connection.connection.wait(connection.connection._commit_gen())
    with pytest.raises(psycopg.OperationalError, match="did not answer just now"):
        DatabaseWrapper(connection.settings_dict).get_new_connection({})
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    parameters = connection.get_connection_params()
    with DatabaseWrapper(connection.settings_dict).get_new_connection(parameters) as again:
        assert again.execute("SELECT 1").fetchone() == (1,)


def test_an_answer_that_takes_its_time_is_waited_for_in_a_worker(db):
    assert base.answer_timeout_s is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.3)")


def test_a_change_of_a_node_s_state_is_the_same_request_whenever_it_is_asked(direct, monkeypatch):
    asked = []

    def propose(payload, request_id, deadline_s=None, fingerprint=b"", kind=None):
        asked.append((request_id, fingerprint))
        raise DeadlineExceeded("not yet")

    monkeypatch.setattr(direct, "propose", propose)
    for state in ("draining", "draining", "active"):
        time.sleep(0.001)
        with pytest.raises(DeadlineExceeded):
            services._set_state("n1", state, ("active",), "ann", "k1")
    assert asked[0] == asked[1] != asked[2]
