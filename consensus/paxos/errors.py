"""What can go wrong at once; everything else is an `Outcome`."""


class SafetyViolation(Exception):
    """What Paxos rules out has happened: a bug, or a disk that lost what it had stored. The node must stop."""


class Overloaded(Exception):
    """Certainly nothing was done: too much waits at this node, or it holds too many registers."""
