"""System checks: settings with which the group could not work are refused at start, with what to change."""

from django.core.checks import Error, register

from consensus.conf import get_config
from consensus.startup import NODE


@register(NODE)
def timing(app_configs, **kwargs) -> list[Error]:
    """Elections must not be quicker than heartbeats can be missed (Raft paper 5.6)."""
    config = get_config()
    errors = []
    if config.election_timeout_min_ms < 5 * config.heartbeat_interval_ms:
        errors.append(
            Error(
                f"election_timeout_min_ms ({config.election_timeout_min_ms}) is less than five heartbeats "
                f"of {config.heartbeat_interval_ms} ms",
                hint="Raise ELECTION_TIMEOUT_MIN_MS or lower HEARTBEAT_INTERVAL_MS.",
                id="consensus.E001",
            )
        )
    if config.election_timeout_max_ms <= config.election_timeout_min_ms:
        errors.append(
            Error(
                "election_timeout_max_ms must be above election_timeout_min_ms: equal timeouts split votes for ever",
                hint="Raise ELECTION_TIMEOUT_MAX_MS.",
                id="consensus.E002",
            )
        )
    if config.election_tick_ms > config.heartbeat_interval_ms:
        errors.append(
            Error(
                "the election timer is looked at less often than heartbeats are sent",
                hint="Lower ELECTION_TICK_MS to at most HEARTBEAT_INTERVAL_MS.",
                id="consensus.E003",
            )
        )
    return errors


@register(NODE)
def membership(app_configs, **kwargs) -> list[Error]:
    config = get_config()
    errors = []
    if config.node not in config.members:
        errors.append(
            Error(
                f"this node ({config.node}) is not among the members ({', '.join(sorted(config.members))})",
                hint="Set NODE_ID to one of the names in GROUP_MEMBERS.",
                id="consensus.E004",
            )
        )
    if len(config.members) > 1 and not config.secret:
        errors.append(
            Error(
                "a group of several nodes needs a secret, or anyone who reaches a Redis can speak as a node",
                hint="Set GROUP_SECRET to the same random value on every node.",
                id="consensus.E005",
            )
        )
    return errors
