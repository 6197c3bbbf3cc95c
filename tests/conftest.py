"""Fixtures for all tests: the program in a terminal, and a configuration of its own."""

import gc
import os

import pytest
from hypothesis import settings

from tests.support.terminal import UNENDING, Terminal, living_processes

# Tests run side by side, so none takes more than one thread of its own: not in this process, where
# torch is not loaded yet, nor in those that it starts.
os.environ["OMP_NUM_THREADS"] = "1"

# Screens in a test's own process are painted less often than a person would like.
os.environ["TEXTUAL_FPS"] = "15"

# The same examples every time, however long one takes on a busy machine.
settings.register_profile("suite", deadline=None, max_examples=40, database=None, derandomize=True)
settings.load_profile("suite")


def pytest_collection_modifyitems(items):
    """What takes longest is begun first: a file's tests run in one process, one after the other."""
    items.sort(key=lambda item: item.path.name != "test_lessons.py")


def pytest_collection_finish():
    """What is loaded by now stays: no later collection of garbage needs to look at it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def is_alive():
    """Whether a process runs."""
    return lambda pid: pid in dict(living_processes())


@pytest.fixture
def open_terminal():
    """Starts the program in a terminal; all are closed after the test."""
    opened: list[Terminal] = []

    def open_terminal(*words: str, **options) -> Terminal:
        opened.append(Terminal(*words, **options))
        return opened[-1]

    yield open_terminal
    for terminal in opened:
        terminal.close()


@pytest.fixture(scope="module")
def terminal():
    """One running explorer, in training, for all tests of a module; each leaves it as it was."""
    opened = Terminal(*UNENDING)
    try:
        opened.wait_for_training()
        yield opened
    finally:
        opened.close()


@pytest.fixture(autouse=True, scope="session")
def _config_of_its_own(tmp_path_factory):
    """No test reads or writes the configuration or the runs of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("config") / "config.toml"
        path.write_text("welcome = false\n")  # as after the card of the first launch
        patch.setenv("MAKEMORE_TUI_CONFIG", str(path))
        patch.setenv("MAKEMORE_TUI_RUNS", str(path.parent / "runs"))
        patch.setenv("MAKEMORE_TUI_SWEEPS", str(path.parent / "sweeps"))
        patch.setenv("MAKEMORE_TUI_PROGRESS", str(path.parent / "lessons.json"))
        yield path
