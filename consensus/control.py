"""``celery inspect raft_status``: the node's view of its group, through the worker's remote control."""

from celery.worker.control import inspect_command

from consensus import current


@inspect_command()
def raft_status(state, **kwargs):
    """Role, term, indexes, members and counters of this node."""
    runtime = current.get_runtime()
    return runtime.status() if runtime is not None else {"running": False}
