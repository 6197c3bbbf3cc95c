"""Opens the explorer; without typer, which takes longer to load than the first screen."""

import gc
import os
from pathlib import Path

from msgspec.structs import replace

from makemore_tui.core.presets import DEFAULT_PRESET, preset_named
from makemore_tui.core.runs.directory import runs_directory
from makemore_tui.core.worker.protocol import Start

from . import streams


def open_default_explorer() -> None:
    """Open the explorer as `explore` does without any options."""
    preset = preset_named(DEFAULT_PRESET)
    open_explorer(Start("names", False, preset.model, preset.train, seed=1))


def open_explorer(start: Start, run_dir: Path | None = None, resume: str | None = None) -> None:
    """Open the explorer.

    run_dir: where runs are saved; None is the usual directory. resume: a saved run, by its name in
    that directory or by its path, to open paused in place of a new one.

    Raises:
        UserError: the terminal can't show it, or the saved run can't be read.
    """
    streams.check_terminal()
    gc.disable()  # until the first snapshot: almost all that a start makes is kept
    # A frame may come sooner after a key's answer than Textual's sixtieth of a second.
    os.environ.setdefault("TEXTUAL_FPS", "120")
    directory = runs_directory(run_dir).absolute()
    start = replace(start, runs=str(directory))
    if resume is not None:
        from makemore_tui.core.runs.catalog import find_run
        from makemore_tui.core.runs.header import read_record

        path = find_run(Path(resume), directory).absolute()
        read_record(path)
        start = replace(start, resume=str(path), paused=True)
    from ..app import run_explorer

    run_explorer(start)
