"""Which tests stay together when they are shared out among processes (`make test`)."""

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/acceptance", "tests/simulation")
"""Acceptance tests share one real group; simulated runs are made once, on all cores."""


class Sharing(LoadScopeScheduling):
    """All other tests go one by one to whoever has time."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Sharing:
    return Sharing(config, log)
