"""A disk that takes no more while a run is explored: it is told, training goes on, and the run is
saved once the disk takes it again."""

import resource
import shutil

from makemore_tui.core.runs.header import read_record
from makemore_tui.core.session.session import Session
from tests.support.terminal import UNENDING


def full(terminal):
    """No file of the worker grows beyond some bytes, as on a full disk."""
    resource.prlimit(terminal.worker(), resource.RLIMIT_FSIZE, (4_000, resource.RLIM_INFINITY))

    def emptied():
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(terminal.worker(), resource.RLIMIT_FSIZE, unlimited)

    return emptied


def in_the_way(terminal):
    """The place of runs has become a file, in which nothing can be written, not even by root."""
    aside = terminal.runs.with_name(f"{terminal.runs.name}-aside")
    terminal.runs.rename(aside)
    terminal.runs.touch()

    def away():
        terminal.runs.unlink()
        aside.rename(terminal.runs)

    return away


def remove(folder):
    """Remove a folder, in which another process may be writing."""
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)


def test_a_run_that_can_not_be_saved_trains_on_and_is_told_of_until_it_is(
    open_terminal,
):
    terminal = open_terminal(*UNENDING, "--speed", "10")  # of which little is painted
    terminal.wait_for_training()
    terminal.save()
    terminal.wait_for_text(" · names-")  # where it is saved
    step = 0
    for happen in (full, in_the_way):
        mend = happen(terminal)
        terminal.wait_for(lambda: "Not saved, trying again" in terminal.text)
        step = terminal.step
        terminal.wait_for(lambda step=step: terminal.step > step)
        mend()
        terminal.wait_for(lambda: "▲ not saved" not in terminal.text)
    (path,) = terminal.saved
    assert read_record(path).steps > step
    # A directory that is removed is made again.
    remove(terminal.runs)
    terminal.wait_for(lambda: "was removed" in terminal.text)
    step = terminal.step
    terminal.wait_for(lambda: terminal.step > step)
    terminal.save()
    (path,) = terminal.saved
    assert Session.load(path).step >= step
    # And when it is left.
    in_the_way(terminal)
    terminal.send("q")
    assert terminal.exit_code() == 1
    assert "makemore-tui: the run could not be saved: " in terminal.text
    assert "can't be written" in terminal.text
