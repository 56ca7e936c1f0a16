"""Which tests stay together when they are shared out among processes (`make test`)."""

from fnmatch import fnmatch

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/acceptance/test_[a-k]*", "tests/acceptance/*", "tests/simulation/*")
"""Acceptance tests share a real group, which waits more than it works: two halves that last alike, side by side.
Simulated runs are made once, on all cores."""


class Sharing(LoadScopeScheduling):
    """All other tests go one by one to whoever has time."""

    def _split_scope(self, nodeid: str) -> str:
        return next((pattern for pattern in TOGETHER if fnmatch(nodeid.partition("::")[0], pattern)), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Sharing:
    return Sharing(config, log)
