"""Terminals that can little, and streams that are closed."""

import io
import os
import subprocess
import sys

import pytest

from tests.support.command_line import ITEMS, call

OLD_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize(
    "term",
    [
        {"TERM": "dumb", "COLORTERM": ""},
        {"TERM": "xterm-16color", "COLORTERM": ""},
        {"TERM": "nonsense"},
    ],
    ids=lambda term: term["TERM"],
)
def test_a_terminal_that_can_little_shows_the_explorer(open_terminal, term):
    terminal = open_terminal(has_worker=False, **term)
    terminal.wait_for_training()
    terminal.send("q")
    assert terminal.exit_code() == 0
    assert terminal.is_restored
    assert b"Traceback" not in terminal.written


def test_a_terminal_without_utf_8_is_refused_in_a_sentence(open_terminal):
    terminal = open_terminal(**OLD_LOCALE)
    assert terminal.exit_code() == 2
    assert terminal.written.count(b"\n") == 1
    assert b"makemore-tui: the terminal's locale has the encoding ascii" in terminal.written


def run(words, tmp_path, **options):
    """The program without a terminal, and with what a shell would put before and behind it."""
    program = f"{sys.executable} -m makemore_tui.tui"
    command = words.replace("makemore-tui", program)
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, **options},
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("makemore-tui <&-", 2, "the explorer needs a terminal"),
        ("makemore-tui >&-", 2, "the explorer needs a terminal"),
        ("makemore-tui | cat", 2, "the explorer needs a terminal"),
        ("makemore-tui presets <&-", 0, ""),
        ("makemore-tui presets >&-", 0, ""),
        ("makemore-tui presets >/dev/full", 2, "standard output can't be written: No space left"),
        ("makemore-tui presets --json >/dev/full", 2, "standard output can't be written: No space"),
        ("makemore-tui presets 2>&-", 0, ""),
    ],
)
def test_streams_that_are_closed_piped_or_full(tmp_path, words, code, said):
    left, _, errors = run(words, tmp_path)
    assert left == code
    assert said in errors
    assert errors.count("\n") == bool(said)


class AsciiOutput(io.TextIOWrapper):
    """An output that has no other characters."""

    def __init__(self):
        super().__init__(io.BytesIO(), encoding="ascii")

    def getvalue(self):
        self.seek(0)
        return self.read()


def test_without_utf_8_a_command_writes_what_the_encoding_has(tmp_path):
    code, out, errors = run("makemore-tui settings --help", tmp_path, **OLD_LOCALE)
    assert (code, errors) == (0, "")
    assert "+- Options --" in out
    path = tmp_path / "items.txt"
    path.write_text("\n".join(["Zoë", *ITEMS]), encoding="utf-8")
    done = call("data", path, out=AsciiOutput())
    assert (done.code, done.err) == (0, "")
    assert "Zo?" in done.out


def test_output_that_nobody_reads_is_no_error_to_tell(tmp_path):
    _, out, errors = run("makemore-tui presets | head -1", tmp_path)
    assert out.split() == ["Presets"]
    assert errors == ""
