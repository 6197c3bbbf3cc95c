"""What an import brings in, seen from a fresh interpreter."""

import subprocess
import sys

import pytest

SCREEN = ["textual", "rich", "plotext", "typer"]


def loaded(statement, packages):
    """Those of some packages that a statement loads."""
    program = f"{statement}\nimport sys\nprint([p for p in {packages!r} if p in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr


def test_the_engine_loads_no_screen_library_and_warns_of_nothing():
    modules = ("session.session", "worker.server", "runs.checkpoint")
    every = "; ".join(f"import makemore_tui.core.{one}" for one in modules)
    assert loaded(every, SCREEN) == ("[]", "")


@pytest.mark.parametrize(
    "module",
    [
        "results",
        "settings",
        "presets",
        "errors",
        "worker.protocol",
        "worker.__main__",
        "runs.catalog",
    ],
)
def test_what_the_explorer_needs_of_the_engine_loads_no_torch(module):
    statement = f"import makemore_tui.core.{module}"
    assert loaded(statement, ["torch", *SCREEN]) == ("[]", "")


def test_the_library_loads_no_torch_before_a_name_needs_it():
    statement = (
        "import makemore_tui.core as core; core.PRESETS, core.ModelSettings, core.saved_runs"
    )
    assert loaded(statement, ["torch", *SCREEN]) == ("[]", "")
