"""However the explorer ends, no worker stays; however a worker ends, the explorer stays."""

import os
import signal

import pytest

SOON = 3  # seconds; the house wants one, a busy machine gets some more


@pytest.mark.parametrize("keys", ["\x03", "qlll\x1b[Az"], ids=["ctrl+c", "q and more"])
def test_leaving_ends_the_worker_and_restores_the_terminal(open_terminal, is_alive, keys):
    terminal = open_terminal()
    terminal.wait_for_training()
    worker = terminal.worker()
    terminal.send(keys)
    assert terminal.exit_code() == 0
    assert not is_alive(worker)
    assert terminal.is_restored
    assert b"Traceback" not in terminal.written


def test_leaving_before_torch_is_loaded_leaves_no_worker(open_terminal, is_alive):
    terminal = open_terminal()
    terminal.wait_for_text("loading torch")
    worker = terminal.worker()
    terminal.send("q")
    assert terminal.exit_code() == 0
    assert not is_alive(worker)
    assert terminal.is_restored


def test_a_closed_terminal_leaves_no_worker(open_terminal, is_alive):
    terminal = open_terminal()
    terminal.wait_for_training()
    worker = terminal.worker()
    terminal.hang_up()
    terminal.wait_for(lambda: terminal.process.poll() is not None, SOON)
    terminal.wait_for(lambda: not is_alive(worker), SOON)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_an_explorer_that_is_ended_leaves_no_worker(open_terminal, is_alive, end):
    terminal = open_terminal()
    terminal.wait_for_training()
    worker = terminal.worker()
    terminal.process.send_signal(end)
    terminal.wait_for(lambda: terminal.process.poll() is not None, SOON)
    terminal.wait_for(lambda: not is_alive(worker), SOON)


def test_a_worker_that_is_killed_is_reported_and_f5_brings_another(open_terminal, is_alive):
    terminal = open_terminal()
    terminal.wait_for_training()
    worker = terminal.worker()
    os.kill(worker, signal.SIGKILL)
    terminal.wait_for_text("the worker was ended by signal 9", "F5")
    assert terminal.process.poll() is None
    terminal.send("\x1b[15~")
    terminal.wait_for(lambda: terminal.workers not in ([], [worker]))
    terminal.wait_for_training()
    step = terminal.step
    terminal.wait_for(lambda: terminal.step > step)
    another = terminal.worker()
    terminal.send("q")
    assert terminal.exit_code() == 0
    assert not is_alive(another)


def test_a_dataset_that_is_missing_is_said_and_the_terminal_restored(open_terminal, tmp_path):
    terminal = open_terminal("--data", str(tmp_path / "none.txt"))
    assert terminal.exit_code() == 2
    assert terminal.is_restored
    after = terminal.written[terminal.written.rfind(b"\x1b[?1049l") :].decode()
    assert after.count("makemore-tui: ") == 1
    assert "none.txt" in after
    assert "Traceback" not in after


def test_an_explorer_that_breaks_says_why_and_leaves_no_worker(open_terminal, is_alive, tmp_path):
    (tmp_path / "plotext.py").write_text("raise RuntimeError('no plots today')")
    path = f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"
    terminal = open_terminal(PYTHONPATH=path)
    worker = terminal.worker()
    assert terminal.exit_code() == 1
    assert not is_alive(worker)
    assert terminal.is_restored
    assert b"no plots today" in terminal.written
