"""One composed service for the tests of this folder, or a reason why there is none."""

from collections.abc import Iterator

import pytest

from tests.containers.engine import Stack, find_missing_engine, open_stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    if reason := find_missing_engine():
        pytest.skip(reason)
    with open_stack() as started:
        yield started
