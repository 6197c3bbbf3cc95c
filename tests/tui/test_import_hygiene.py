"""What the explorer's own process brings in, seen from a fresh interpreter."""

import subprocess
import sys


def loaded(statement, *packages):
    """Those of some packages that a statement loads."""
    program = f"{statement}\nimport sys\nprint([p for p in {packages!r} if p in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_the_explorer_loads_no_torch_and_its_first_screen_no_plotext():
    explorer = "import makemore_tui.tui.app, makemore_tui.tui.client.engine"
    assert loaded(explorer, "torch", "numpy", "safetensors", "plotext") == "[]"


def test_the_command_line_loads_neither_torch_nor_a_screen_before_a_command_needs_them():
    assert loaded("import makemore_tui.tui.cli.main", "textual", "torch", "plotext") == "[]"


def test_what_a_command_prints_needs_no_screen():
    """Nor torch: `presets` and `runs` print tables too. (tests/tui/test_cli.py runs `train`.)"""
    printing = "import makemore_tui.tui.cli.reports"
    assert loaded(printing, "textual", "torch", "plotext") == "[]"


def test_the_explorer_opens_without_the_command_line_s_parser():
    explorer = (
        "import makemore_tui.tui.cli.main, makemore_tui.tui.cli.explorer, makemore_tui.tui.app"
    )
    assert loaded(explorer, "typer", "pydantic", "filelock", "tomlkit") == "[]"


def test_sweeps_are_followed_and_started_without_what_runs_them():
    screen = "import makemore_tui.tui.screens.sweep"
    assert loaded(screen, "optuna", "torch", "numpy", "sqlalchemy", "plotext") == "[]"
