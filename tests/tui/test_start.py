"""What the explorer does at its start so that the first frame comes soon, and undoes after it."""

import gc

import pytest


@pytest.fixture
def no_collections():
    """As the command line starts the explorer."""
    gc.disable()
    yield
    gc.enable()


async def test_garbage_is_collected_again_from_the_first_snapshot_on(
    no_collections, explorer, snapshot
):
    async with explorer(first=None) as it:
        assert not gc.isenabled()
        it.engine.tell(snapshot())
        await it.until(gc.isenabled)
