"""Hosts the node runtime and the scheduler in the Celery worker.

A step of the *worker*, not of its consumer: a consumer step is torn down and rebuilt whenever the broker goes away,
and this node must outlive that.
"""

import logging

from celery import bootsteps
from celery.worker import state as worker_state

from consensus import current, heap
from consensus.conf import database_dsn, get_config
from consensus.runtime import Runtime
from consensus.scheduler import SchedulerThread
from consensus.startup import require_sound_settings

logger = logging.getLogger(__name__)

EX_UNAVAILABLE = 69


class ConsensusStep(bootsteps.StartStopStep):
    """Starts after the pool, so that a worker which cannot start at all never takes the node's identity."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker, **kwargs):
        super().__init__(worker, **kwargs)
        self._scheduler: SchedulerThread | None = None
        self._runtime: Runtime | None = None

    def start(self, worker) -> None:
        require_sound_settings()
        heap.settle()
        self._runtime = Runtime(get_config(), database_dsn("raft"), on_fatal)
        current.set_runtime(self._runtime)
        self._runtime.start()
        self._scheduler = SchedulerThread(worker.app)
        self._scheduler.start()

    def stop(self, worker) -> None:
        # The scheduler goes last: handing leadership over takes ticks.
        if self._runtime is not None:
            self._runtime.stop()
        if self._scheduler is not None:
            self._scheduler.stop()
        current.set_runtime(None)

    terminate = stop


def on_fatal(reason: str) -> None:
    """End the worker with an error: a node that must not go on must not look alive either."""
    logger.critical("ending the worker: %s", reason)
    worker_state.should_stop = EX_UNAVAILABLE
