"""Celery's beat, in the worker, on a clock that holds.

Stock beat runs on the wall clock and sends every due task through the broker. Heartbeats must come while the broker
is away and while somebody sets the clock, so here the schedule is a grid on the monotonic clock, in which late ticks
collapse into one, and a due task is called in this process. The entries, the tasks and the service are Celery's.

Ticks are called in the scheduler's own thread. An entry with ``options: {"own_thread": True}`` is slow work: it runs
beside them, and what is due while it still runs is skipped. Not through the broker, where it would pile up while the
worker is busy and be lost while Redis is away.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from celery import beat, schedules
from django.db import connections

from consensus.origin import Origin, coming_from

logger = logging.getLogger(__name__)


class MonotonicSchedule(schedules.schedule):
    """Due every ``run_every`` on a fixed grid of the monotonic clock. What is missed is missed: no catching up."""

    def __init__(self, run_every: float | timedelta, app=None, **kwargs):
        super().__init__(run_every, app=app, **kwargs)
        self._period_ns = round(self.run_every.total_seconds() * 1e9)
        self._start_ns = time.monotonic_ns()
        self._next_ns = self._start_ns + self._period_ns

    def __reduce__(self):
        return type(self), (self.run_every,)

    def is_due(self, last_run_at) -> schedules.schedstate:
        """(due now, seconds until the next grid point)."""
        now_ns = time.monotonic_ns()
        due = now_ns >= self._next_ns
        next_ns = self._next_point(now_ns) if due else self._next_ns
        return schedules.schedstate(due, (next_ns - now_ns) / 1e9)

    def advance(self) -> None:
        """This grid point is taken care of."""
        self._next_ns = self._next_point(time.monotonic_ns())

    def _next_point(self, now_ns: int) -> int:
        """The first grid point after ``now_ns``; whole numbers, so that it is never ``now_ns`` itself."""
        passed = (now_ns - self._start_ns) // self._period_ns
        return self._start_ns + (passed + 1) * self._period_ns


class SlowTasks:
    """Threads beside the scheduler's, at most one for each name. They end with the process: what they do must bear
    being cut off at any point, as proposals do."""

    def __init__(self) -> None:
        self._running: dict[str, threading.Thread] = {}

    def run(self, name: str, work: Callable[[], None]) -> bool:
        """False if the last run is still going on."""
        last = self._running.get(name)
        if last is not None and last.is_alive():
            return False
        thread = threading.Thread(target=self._with_connections, args=(work,), name=f"slow-{name}", daemon=True)
        self._running[name] = thread
        thread.start()
        return True

    def _with_connections(self, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            connections.close_all()


class InProcessScheduler(beat.Scheduler):
    """Runs the entries of ``beat_schedule`` that have a `MonotonicSchedule`, in process."""

    def __init__(self, *args, **kwargs):
        self._slow = SlowTasks()
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        entries = self.app.conf.beat_schedule or {}
        self.merge_inplace(
            {
                name: dict(entry, schedule=MonotonicSchedule(entry["schedule"], app=self.app))
                for name, entry in entries.items()
            }
        )

    def _when(self, entry, next_time_to_run, mktime=None) -> float:
        return time.monotonic() + (next_time_to_run or 0)

    def reserve(self, entry):
        entry.schedule.advance()
        return super().reserve(entry)

    def apply_entry(self, entry, producer=None) -> None:
        if entry.options.get("own_thread"):
            self._slow.run(entry.name, lambda: self._call(entry))
        else:
            self._call(entry)

    def _call(self, entry) -> None:
        try:
            with coming_from(Origin("task", entry.task)):
                self.app.tasks[entry.task](*entry.args, **entry.kwargs)
        except Exception:
            logger.exception("scheduled task %s failed", entry.task)

    @property
    def producer(self):
        """Nothing is sent anywhere."""
        return None

    def close(self) -> None:
        self.sync()


class SchedulerThread(threading.Thread):
    """`celery.beat.Service` in a thread of the worker."""

    def __init__(self, app):
        super().__init__(name="scheduler", daemon=True)
        self._service = beat.Service(app, max_interval=1, scheduler_cls=InProcessScheduler, remote_control=False)

    def run(self) -> None:
        try:
            self._service.start(embedded_process=False)
        except Exception:
            # Without ticks the node stops leading by itself (driver.py); say why.
            logger.exception("the scheduler has stopped")

    def stop(self) -> None:
        self._service.stop()
