"""The consensus settings of this node, read once from ``settings.CONSENSUS`` (a dict; see `NodeConfig`)."""

from dataclasses import dataclass, field
from functools import lru_cache

from django.conf import settings
from psycopg.conninfo import make_conninfo


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """Who this node is, who its peers are, and the timing they share. Times in milliseconds unless named otherwise.

    ``members`` maps every node id of the group, this one included, to the URL of *its* Redis as its peers reach it.
    ``redis_url`` is this node's own Redis. ``state_machine`` is a dotted path to a `consensus.ports.StateMachine`,
    ``register_function`` to a `consensus.ports.RegisterFunction`.
    ``command_version`` is the format that proposals are written in: 1 is what the release before reads.
    """

    group: str
    node: str
    redis_url: str
    members: dict[str, str] = field(default_factory=dict)
    web_url: str = ""
    secret: str = ""
    state_machine: str = ""
    heartbeat_interval_ms: int = 100
    election_tick_ms: int = 50
    election_timeout_min_ms: int = 500
    election_timeout_max_ms: int = 1000
    deadline_s: float = 5.0
    command_version: int = 2
    log_keep_entries: int = 10_000
    log_keep_bytes: int = 64 << 20
    log_keep_s: float = 600.0
    lease_reads: bool = False
    register_function: str = "consensus.registers.replace"


def database_dsn(application_name: str) -> str:
    """The node's Postgres, as Django's default database names it, for connections of one's own."""
    database = settings.DATABASES["default"]
    names = {"HOST": "host", "PORT": "port", "NAME": "dbname", "USER": "user", "PASSWORD": "password"}
    given = {name: str(database[key]) for key, name in names.items() if database.get(key)}
    return make_conninfo("", application_name=application_name, **given)


@lru_cache(maxsize=1)
def get_config() -> NodeConfig:
    """This process's configuration; ``get_config.cache_clear()`` after changing ``settings.CONSENSUS`` in a test."""
    return NodeConfig(**settings.CONSENSUS)
