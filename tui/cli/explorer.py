"""Opens the explorer; without typer, which takes longer to load than the first screen."""

import gc
import os
import sys
from pathlib import Path

from msgspec.structs import replace

from makemore_tui.core.errors import UserError
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
    run_explorer(start)


def run_explorer(start: Start) -> None:
    """Run the explorer until it is left.

    Raises:
        UserError: the engine could not begin, or the configuration is not as it should be.
        SystemExit: the explorer broke, or its run could not be saved.
    """
    from ..app import ExplorerApp
    from ..client.engine import WorkerEngine
    from ..config import config_path, read_config, remember
    from ..keymap import KEYS
    from ..style import themes

    path = config_path()
    config = read_config(path, themes.NAMES, {key.id: key.keys for key in KEYS})
    if (megabytes := config.get("runs.most_megabytes")) is not None:
        start = replace(start, most_bytes=int(megabytes * 1e6))
    engine = WorkerEngine(start)
    app = ExplorerApp(engine, config)
    try:
        app.run()
    finally:
        engine.close()
    if app.remembered:
        try:
            remember(path, app.remembered)
        except UserError as error:
            print(f"makemore-tui: {error}", file=sys.stderr)
    if app.failure:
        raise UserError(app.failure)
    if engine.unsaved:
        print(f"makemore-tui: the run could not be saved: {engine.unsaved}", file=sys.stderr)
        sys.exit(app.return_code or 1)
    if app.return_code:
        sys.exit(app.return_code)  # it was ended by a signal; or broke, and has said why
