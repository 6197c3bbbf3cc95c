"""Where runs are kept. In a file of its own, so that the explorer's start loads little else."""

import os
from pathlib import Path

import platformdirs

from ..paths import expanded

_VARIABLE = "MAKEMORE_TUI_RUNS"


def runs_directory(given: Path | str | None = None) -> Path:
    """The directory of saved runs: `given`, or MAKEMORE_TUI_RUNS, or the user's data directory."""
    default = Path(platformdirs.user_data_dir("makemore-tui")) / "runs"
    return expanded(given or os.environ.get(_VARIABLE) or default)
