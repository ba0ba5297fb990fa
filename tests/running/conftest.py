"""Fixtures of the tests of runs."""

from __future__ import annotations

import pytest
from warm import WarmProcess


@pytest.fixture(scope="session")
def warm():
    """A process that has imported everything, to fork children from."""
    process = WarmProcess()
    yield process
    process.close()
