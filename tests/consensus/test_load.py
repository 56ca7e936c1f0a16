"""What processes have to do: counted, added up, forgotten when they are gone."""

import pytest

from consensus.load import BOUNDS_MS, KEPT_MS, Load, Loads, Meter, quantile_ms, total


def test_what_was_counted_is_taken_once():
    meter = Meter()
    for seconds in (0.0004, 0.0021, 0.0021, 9.0):
        meter.wrote(seconds)
    meter.read()
    load = meter.take(2.0, watchers=3, requests=1)
    assert (load.writes, load.reads, load.watchers, load.requests) == (2.0, 0.5, 3, 1)
    assert load.times[0] == 1 and load.times[BOUNDS_MS.index(3)] == 2 and load.times[-1] == 1
    assert meter.take(2.0, 0, 0) == Load(times=(0,) * (len(BOUNDS_MS) + 1))


@pytest.mark.parametrize(("share", "ms"), [(0.5, 2.5), (1.0, 3.0), (0.25, 2.25)])
def test_a_quantile_lies_within_its_class(share, ms):
    meter = Meter()
    for _ in range(100):
        meter.wrote(0.0025)
    assert quantile_ms(meter.take(1, 0, 0).times, share) == pytest.approx(ms)


def test_quantiles_at_the_ends():
    assert quantile_ms((), 0.5) is None and quantile_ms((0, 0), 0.99) is None
    slow = Meter()
    slow.wrote(60)
    assert quantile_ms(slow.take(1, 0, 0).times, 0.5) == BOUNDS_MS[-1]


def test_loads_are_added_and_a_process_that_is_gone_is_forgotten():
    loads = Loads()
    loads.note("a", Load(watchers=1, reads=2.0, times=(1, 2)), 1000)
    loads.note("b", Load(watchers=4, times=(1,)), 3000)
    assert loads.total(3000, waiting=7) == Load(5, 0, 2.0, 0.0, (2, 2), 7)
    assert loads.total(1000 + KEPT_MS, waiting=0) == Load(4, times=(1,))
    assert total([]) == Load()
