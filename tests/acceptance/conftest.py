"""One real group for all acceptance tests, healthy at the beginning of each."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser import launched
from tests.support.group import RealGroup


@pytest.fixture(scope="session")
def _group() -> Iterator[RealGroup]:
    made = RealGroup()
    try:
        made.up()
        yield made
    finally:
        made.close()


@pytest.fixture
def group(_group: RealGroup) -> RealGroup:
    _group.heal()
    return _group


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser
