"""Fixtures around tests/support: makers of snapshots, the app, a stage for one panel."""

import pytest
import pytest_asyncio

from makemore_tui.tui.screens import main
from tests.support import snapshots
from tests.support.explorer import Stage, running_explorer


@pytest.fixture(name="snapshot", scope="session")
def _snapshot():
    return snapshots.snapshot


@pytest.fixture(name="previous", scope="session")
def _previous():
    return snapshots.previous


@pytest.fixture(name="facts", scope="session")
def _facts():
    return snapshots.facts


@pytest.fixture(name="curve", scope="session")
def _curve():
    return snapshots.curve


@pytest.fixture(name="rate_search", scope="session")
def _rate_search():
    return snapshots.rate_search


@pytest.fixture(name="bigram_table", scope="session")
def _bigram_table():
    return snapshots.table


@pytest.fixture(name="health", scope="session")
def _health():
    return snapshots.HEALTH


@pytest.fixture
def quick_ticks(monkeypatch):
    """Explorers that are opened ask fifty times a second: for tests that wait for many ticks of one
    that has little to draw."""
    monkeypatch.setattr(main, "_TICK_SECONDS", 0.02)


@pytest.fixture(name="explorer", scope="session")
def _explorer():
    """`async with explorer(first, size, answers) as it:` runs the app."""
    return running_explorer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _shared():
    async with running_explorer(size=(120, 40)) as it:
        yield it


@pytest_asyncio.fixture(loop_scope="module")
async def it(_shared):
    """An explorer of 120x40 that shows the template; the tests of a module share it."""
    await _shared.reset()
    return _shared


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage():
    """One stage for all tests of a module."""
    app = Stage()
    async with app.run_test(size=(250, 80)) as pilot:
        app.pilot = pilot
        yield app
