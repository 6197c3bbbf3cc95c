"""The commands, and what they are tried on."""

from types import SimpleNamespace

import pytest

from tests.support.command_line import ITEMS, SMALL, call, strict


@pytest.fixture(name="run")
def _run():
    return call


@pytest.fixture
def run_json(run):
    """Runs a command with --json: the one object that it printed."""

    def run_json(*words):
        done = run(*words, "--json")
        assert (done.code, done.err) == (0, "")
        return strict(done.out)

    return run_json


@pytest.fixture
def refused(run):
    """Runs what must be refused: the sentence."""

    def refused(*words):
        done = run(*words)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("makemore-tui: ")
        assert done.err.count("\n") == 1
        return done.err

    return refused


@pytest.fixture(scope="session")
def items(tmp_path_factory):
    """A file of a few items."""
    file = tmp_path_factory.mktemp("data") / "items.txt"
    file.write_text("\n".join(ITEMS * 4))
    return file


@pytest.fixture(scope="session")
def saved(items, tmp_path_factory):
    """The file of a run of a small MLP, and the report of its training."""
    path = tmp_path_factory.mktemp("runs") / "first.safetensors"
    words = ("--steps", 60, "--seed", 3, "--out", path.with_suffix(""), *SMALL)
    done = call("train", "--data", items, *words, "--json")
    assert (done.code, done.err) == (0, "")
    return SimpleNamespace(path=path, report=strict(done.out))
