"""The names of the Redis keys, in one place. All of a node's keys live in its own Redis."""


def inbox(group: str, destination: str, source: str) -> str:
    """Frames from ``source``; the only key that it may push to."""
    return f"{group}:inbox:{destination}:{source}"


def hellos(group: str, destination: str) -> str:
    """Hellos of anybody, members or not."""
    return f"{group}:hellos:{destination}"


def requests(group: str, node: str) -> str:
    """What processes of this node ask of its runtime."""
    return f"{group}:requests:{node}"


def answers(group: str, node: str, client: str) -> str:
    """Answers for one process of this node."""
    return f"{group}:answers:{node}:{client}"


def status(group: str, node: str) -> str:
    """The runtime's latest published status."""
    return f"{group}:status:{node}"


def series(group: str, node: str) -> str:
    """The last minutes in numbers, a bounded list."""
    return f"{group}:series:{node}"


def applied(group: str, node: str) -> str:
    """The channel on which the runtime tells this node's processes at once how far it has applied."""
    return f"{group}:applied:{node}"


def applied_lately(group: str, node: str) -> str:
    """The same now and then, for whoever needs nothing before somebody asks."""
    return f"{group}:applied-lately:{node}"
