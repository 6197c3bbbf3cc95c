"""However the explorer ends, no worker stays; however a worker ends, the explorer stays."""

import os
import signal

from makemore_tui.core.runs.header import read_record, run_name
from makemore_tui.core.session.session import Session
from tests.support.terminal import UNENDING


def leave(terminal, keys, is_alive):
    """Leave an explorer by its keys: the worker ends and the terminal is restored."""
    worker = terminal.worker()
    terminal.send(keys)
    assert terminal.exit_code() == 0
    assert not is_alive(worker)
    assert terminal.is_restored
    assert b"Traceback" not in terminal.written


def is_stopped(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(") ", 1)[1].startswith("T")


def hang_up(terminal, is_alive):
    """Close the terminal of an explorer in training: no worker stays, and its run is saved."""
    worker, step = terminal.worker(), terminal.step
    terminal.hang_up()
    terminal.wait_for(lambda: terminal.process.poll() is not None)
    assert terminal.process.returncode == 128 + signal.SIGHUP
    terminal.wait_for(lambda: not is_alive(worker))
    assert Session.load(*terminal.saved).step >= step


def suspend(terminal):
    """Suspend an explorer in training as a shell does, and let it go on."""
    terminal.send("\x1a")
    terminal.wait_for(lambda: is_stopped(terminal.pid))
    os.kill(terminal.pid, signal.SIGCONT)
    before = terminal.step
    terminal.wait_for(lambda: terminal.step > before)


def terminate(terminal, is_alive):
    """Tell an explorer to end: the worker ends and the terminal is restored."""
    worker = terminal.worker()
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.exit_code() == 128 + signal.SIGTERM
    assert not is_alive(worker)
    assert terminal.is_restored


def test_leaving_before_torch_is_loaded_leaves_no_worker(open_terminal, is_alive):
    terminal = open_terminal()
    terminal.wait_for_text("loading torch")
    worker = terminal.worker()
    terminal.send("\x03")
    assert terminal.exit_code() == 0
    assert not is_alive(worker)
    assert terminal.is_restored
    assert b"Saved" not in terminal.written


def test_a_run_is_opened_as_a_copy_while_it_is_open_and_later_resumed(open_terminal, is_alive):
    first = open_terminal(*UNENDING)
    first.wait_for_training()
    first.send(" ")  # paused, it saves at once
    first.wait_for(lambda: first.saved)
    (path,) = first.saved
    second = open_terminal("--resume", str(path))
    second.wait_for_text("open in another explorer, so this is a copy")
    second.send(" ")
    second.wait_for_training()
    hang_up(second, is_alive)
    first.send(" ")
    first.wait_for_training()
    leave(first, "qlll\x1b[Az", is_alive)  # q, and more keys than are wanted
    said = first.written[first.written.rfind(b"\x1b[?1049l") :].decode()
    name = run_name(path)
    assert f"Saved as {name} · makemore-tui --resume {name} to continue\r\n" in said
    steps = read_record(path).steps
    terminal = open_terminal("--resume", str(path))
    terminal.wait_for_text(f"Opened {name} at step {steps:,}, paused · space to resume")
    assert terminal.step == steps
    terminal.send(" ")
    terminal.wait_for(lambda: terminal.step > steps)
    suspend(terminal)
    step = terminal.step
    terminate(terminal, is_alive)
    assert Session.load(path).step >= step


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
