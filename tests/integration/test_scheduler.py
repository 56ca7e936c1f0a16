"""Celery's beat on the monotonic clock, in process (N07)."""

import threading
import time
from types import SimpleNamespace

import pytest
from celery import Celery
from django.conf import settings

from config_service.celery import app
from consensus import current, scheduler, tasks
from consensus.scheduler import InProcessScheduler, MonotonicSchedule, SchedulerThread
from tests.support.waiting import eventually


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    made = SimpleNamespace(now=100_000_000_000)
    monkeypatch.setattr(scheduler, "time", SimpleNamespace(monotonic_ns=lambda: made.now))
    return made


def test_due_on_a_grid_and_late_ticks_collapse_into_one(clock: SimpleNamespace) -> None:
    schedule = MonotonicSchedule(0.1)
    assert not schedule.is_due(None).is_due
    clock.now += 100_000_000
    assert schedule.is_due(None).is_due
    schedule.advance()
    assert not schedule.is_due(None).is_due
    clock.now += 60_030_000_000
    assert schedule.is_due(None).is_due
    schedule.advance()
    assert not schedule.is_due(None).is_due
    assert schedule.is_due(None).next == pytest.approx(0.07, abs=1e-6), "and the grid has not moved"


@pytest.fixture
def running():
    """A scheduler thread over an app of its own; gives the app and a function that starts the thread."""
    celery = Celery("scheduler-tests", broker="memory://", set_as_current=False)
    threads: list[SchedulerThread] = []

    def start(own_thread: str = "", **schedule: str) -> None:
        celery.conf.beat_schedule = {
            name: {"task": name, "schedule": 0.01, "options": {"own_thread": name == own_thread}} for name in schedule
        }
        thread = SchedulerThread(celery)
        threads.append(thread)
        thread.start()

    yield celery, start
    for thread in threads:
        thread.stop()
        thread.join(5)


def test_tasks_run_in_this_process_and_one_that_fails_stops_nobody(running) -> None:
    celery, start = running
    ran = {"good": 0, "bad": 0}

    @celery.task(name="good")
    def good() -> None:
        ran["good"] += 1

    @celery.task(name="bad")
    def bad() -> None:
        ran["bad"] += 1
        raise RuntimeError("on purpose")

    start(good="", bad="")
    eventually(lambda: ran["good"] > 5 and ran["bad"] > 5)


def test_slow_work_runs_beside_the_ticks_and_never_twice_at_once(running) -> None:
    celery, start = running
    go_on = threading.Event()
    ran = {"quick": 0, "slow": 0}

    @celery.task(name="quick")
    def quick() -> None:
        ran["quick"] += 1

    @celery.task(name="slow")
    def slow() -> None:
        ran["slow"] += 1
        go_on.wait(30)

    start(own_thread="slow", quick="", slow="")
    eventually(lambda: ran["quick"] > 10 and ran["slow"])
    assert ran["slow"] == 1, "the first run is still going on"
    go_on.set()
    eventually(lambda: ran["slow"] > 1)


def test_a_step_of_the_wall_clock_does_not_matter(running, monkeypatch: pytest.MonkeyPatch) -> None:
    celery, start = running
    ran: list[float] = []

    @celery.task(name="tick")
    def tick() -> None:
        ran.append(time.monotonic())

    start(tick="")
    eventually(lambda: len(ran) > 3)
    real = time.time
    for step_s in (-3600, 3600):
        monkeypatch.setattr(time, "time", lambda step_s=step_s: real() + step_s)
        before = len(ran)
        eventually(lambda before=before: len(ran) > before + 3)


def test_what_is_scheduled_is_a_registered_task_and_only_ticks_run_in_the_scheduler_s_thread() -> None:
    app.loader.import_default_modules()
    scheduled = settings.CELERY_BEAT_SCHEDULE.values()
    assert {entry["task"] for entry in scheduled} <= set(app.tasks)
    ticks = {entry["task"] for entry in scheduled if not entry.get("options", {}).get("own_thread")}
    assert ticks == {"consensus.heartbeat", "consensus.election", "consensus.compact", "consensus.verify"}
    entries = InProcessScheduler(app).schedule
    assert all(isinstance(entry.schedule, MonotonicSchedule) for entry in entries.values())


def test_a_task_hands_its_tick_to_the_runtime_and_is_harmless_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    tasks.heartbeat()
    runtime = SimpleNamespace(heartbeat=lambda: calls.append("heartbeat"), election=lambda: calls.append("election"))
    monkeypatch.setattr(current, "_runtime", runtime)
    tasks.heartbeat()
    tasks.election()
    assert calls == ["heartbeat", "election"]
