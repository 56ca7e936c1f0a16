"""The scheduled work of a node, as Celery tasks. Each hands an event to the node's thread and is done.

They stand in ``beat_schedule`` and run in the worker (scheduler.py); ``celery call consensus.heartbeat`` works too.
A late or doubled one costs time, never truth.
"""

from celery import shared_task

from consensus import current


@shared_task(name="consensus.heartbeat", ignore_result=True)
def heartbeat() -> None:
    """A leader tells its followers that it lives (Raft paper 5.2)."""
    runtime = current.get_runtime()
    if runtime is not None:
        runtime.heartbeat()


@shared_task(name="consensus.election", ignore_result=True)
def election() -> None:
    """Every node looks at its election timer; a leader at who still answers (Raft paper 5.2, thesis 6.2)."""
    runtime = current.get_runtime()
    if runtime is not None:
        runtime.election()


@shared_task(name="consensus.verify", ignore_result=True)
def verify() -> None:
    """The leader has every node compare its tables with the others' (verification.py)."""
    runtime = current.get_runtime()
    if runtime is not None:
        runtime.verify()


@shared_task(name="consensus.compact", ignore_result=True)
def compact() -> None:
    """Every node looks at how much log it keeps (Raft paper 7)."""
    runtime = current.get_runtime()
    if runtime is not None:
        runtime.compact()
