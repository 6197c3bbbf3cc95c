"""Opens the explorer; without typer, which takes longer to load than the first screen."""

import codecs
import gc
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from makemore_tui.core.errors import UserError
from makemore_tui.core.runs.directory import runs_directory
from makemore_tui.core.settings import parse_changes
from makemore_tui.core.text import shown
from makemore_tui.core.worker.protocol import Start

from ..plots.loss_options import MAX_TARGET, is_target
from .process import complain
from .start import DATA_OPTIONS, Given, refuse, start_of


def check_terminal() -> None:
    """Raise a UserError if input or output is no terminal, or its encoding is not UTF-8."""
    if not all(stream and stream.isatty() for stream in (sys.stdin, sys.stdout)):
        raise UserError(
            "the explorer needs a terminal for its input and output; "
            "without one use `makemore-tui train`"
        )
    encoding = codecs.lookup(sys.stdout.encoding).name
    if encoding != "utf-8":
        raise UserError(
            f"the terminal's locale has the encoding {encoding}, but the explorer needs UTF-8; "
            "set one such as LC_ALL=C.UTF-8"
        )


def open_explorer(given: Given) -> None:
    """Open the explorer with the options that are given.

    Raises UserError if an option can't be had, or the terminal can't show the explorer.
    """
    spec = start_of(given, parse_changes(given.get("--set", ())))
    resume = given.get("--resume")
    if resume is not None:
        others = (*DATA_OPTIONS, "--preset", "--set", "--seed")
        refuse(given, others, f"can't be combined with --resume, because {resume} has its own")
    target = given.get("--target")
    if target is not None and not is_target(target):
        raise UserError(f"--target must be a loss between 0 and {MAX_TARGET:g} nats, not {target}")
    if (lesson := given.get("--lesson")) is not None:
        from makemore_tui.core.lessons import lesson_named, lessons_directory, read_lessons

        from ..keymap import is_key

        lesson_named(read_lessons(lessons_directory(), is_key)[0], lesson)
    check_terminal()
    gc.disable()  # until the first snapshot: almost all that a start makes is kept
    # A frame may come sooner after a key's answer than Textual's sixtieth of a second.
    os.environ.setdefault("TEXTUAL_FPS", "300")
    directory = runs_directory(given.get("--run-dir")).absolute()
    paused, speed = given.get("--paused", False), given.get("--speed")
    start = Start(spec, str(directory), paused=paused, speed_limit=speed)
    if resume is not None:
        from makemore_tui.core.runs.catalog import find_run
        from makemore_tui.core.runs.header import read_record

        path = find_run(Path(resume), directory).absolute()
        read_record(path)  # which refuses what is no run
        start = replace(start, resume=str(path), paused=True)
    run_explorer(start, {"loss.target": target, "lesson": lesson})


def run_explorer(start: Start, wanted: Mapping[str, Any]) -> None:
    """Run the explorer until it is left. wanted: what the command line says in place of the
    configuration, by name; None where it says nothing.

    Raises UserError if the engine could not begin, or the configuration is not as it should be;
    SystemExit if the explorer broke, or its run could not be saved.
    """
    from ..app import ExplorerApp
    from ..client.engine import WorkerEngine
    from ..config import Config, config_path, read_config, write_changes
    from ..keymap import KEYS
    from ..style import themes

    path = config_path()
    config = read_config(path, themes.NAMES, {key.id: key.keys for key in KEYS})
    if (megabytes := config.get("runs.most_megabytes")) is not None:
        start = replace(start, most_bytes=int(megabytes * 1e6))
    given = {name: value for name, value in wanted.items() if value is not None}
    config = Config({**config.values, **given}, config.keys)
    engine = WorkerEngine(start)
    app = ExplorerApp(engine, config)
    try:
        app.run()
    finally:
        engine.close()
    if app.changes:
        try:
            write_changes(path, app.changes)
        except UserError as error:
            complain(error)
    if app.failure:
        raise UserError(app.failure)
    if engine.unsaved:
        complain(f"the run could not be saved: {engine.unsaved}")
        sys.exit(app.return_code or 1)
    if app.return_code:
        sys.exit(app.return_code)  # it was ended by a signal; or broke, and has said why
    if engine.saved:
        print(_to_continue(Path(engine.saved), Path(start.runs or "")))


def _to_continue(path: Path, directory: Path) -> str:
    """That a run is saved, and the command that goes on with it. directory: of this explorer."""
    import shlex

    from makemore_tui.core.runs.header import run_name

    name = shown(run_name(path))
    words = ["makemore-tui", "--resume", name if path.parent == directory else shown(str(path))]
    if path.parent == directory != runs_directory().absolute():
        words[1:1] = ["--run-dir", shown(str(directory))]
    return f"Saved as {name} · {shlex.join(words)} to continue"
