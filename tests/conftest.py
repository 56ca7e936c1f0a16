"""Which tests stay together when they are shared out among processes (`make test`)."""

import pytest

TOGETHER = ("tests/acceptance", "tests/simulation")
"""Acceptance tests share one real group; simulated runs are made once, on all cores."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for folder in TOGETHER:
            if item.nodeid.startswith(folder):
                item.add_marker(pytest.mark.xdist_group(folder))
