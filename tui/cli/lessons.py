"""The commands on lessons: list them with what was done, and check that they can be done."""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Annotated, Any

import typer

from makemore_tui.core.errors import UserError
from makemore_tui.core.lessons import (
    Lesson,
    lesson_named,
    lessons_directory,
    num_done,
    progress_path,
    read_lessons,
    read_progress,
)
from makemore_tui.core.presets import DEFAULT_PRESET, PRESETS
from makemore_tui.core.run_spec import RunSpec
from makemore_tui.core.worker.protocol import Start

from . import options
from .plain_words import PlainCommand, PlainGroup
from .process import complain
from .reports import print_lessons, show

_PATIENCE = 60  # seconds, after which a lesson can't be done

lessons = typer.Typer(cls=PlainGroup, invoke_without_command=True)


def lesson_names(incomplete: str) -> list[str]:
    """Completes the name of a lesson."""
    from ..keymap import is_key  # which loads textual

    found, _ = read_lessons(lessons_directory(), is_key)
    return options.one_of(*(lesson.name for lesson in found))(incomplete)


@lessons.callback(epilog="Example: makemore-tui lessons --json")
def list_lessons(context: typer.Context, as_json: options.Json = False) -> None:
    """List the lessons and how many steps were done of each; `lessons check` tries them all."""
    if context.invoked_subcommand:
        return
    found, done = _read(), read_progress(progress_path())
    records = [
        {"name": one.name, "title": one.title, "steps": len(one.steps), "done": num_done(one, done)}
        for one in found
    ]
    show(as_json, records, print_lessons, records)


@lessons.command("check", cls=PlainCommand, epilog="Example: makemore-tui lessons check")
def check(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LESSON...]",
            help="Names of lessons; default: all.",
            autocompletion=lesson_names,
        ),
    ] = None,
) -> None:
    """Press each lesson's own keys in an explorer without a terminal; exit code 1 if a goal is not
    reached by them, or holds without them."""
    found = _read()
    chosen = [lesson_named(found, name) for name in names] if names else found
    is_right, output = True, sys.stdout  # which the app takes for itself while it runs

    def report(lesson: Lesson, seconds: float, problem: str | None) -> None:
        nonlocal is_right
        is_right &= problem is None
        said = f"{len(lesson.steps)} steps" if problem is None else problem
        print(
            f"{'ok ' if problem is None else 'BAD'} {lesson.name}: {said} ({seconds:.1f} s)",
            file=output,
        )

    asyncio.run(check_lessons(chosen, report))
    if not is_right:
        raise typer.Exit(1)


def _read() -> list[Lesson]:
    """The lessons; what is wrong with others is printed."""
    from ..keymap import is_key

    found, problems = read_lessons(lessons_directory(), is_key)
    for problem in problems:
        complain(problem)
    if not found:
        raise UserError("no lesson can be used")
    return found


async def check_lessons(
    chosen: list[Lesson], report: Callable[[Lesson, float, str | None], Any]
) -> None:
    """Press the keys of lessons in an explorer without a terminal. report: is called with each
    lesson, the seconds that it took, and what is wrong with it."""
    from ..app import ExplorerApp
    from ..client.engine import WorkerEngine
    from ..config import Config

    preset = PRESETS[DEFAULT_PRESET]
    spec = RunSpec("names", model=preset.model, train=preset.train)
    engine = WorkerEngine(Start(spec, paused=True))
    app = ExplorerApp(engine, Config({"welcome": False}))
    try:
        async with app.run_test(size=(80, 24)):
            await _until(lambda: app.main.requests.snapshot is not None)
            for lesson in chosen:
                begun, problem = time.monotonic(), None
                try:
                    await _do(app, lesson)
                except AssertionError as error:
                    problem = str(error)
                report(lesson, time.monotonic() - begun, problem)
    finally:
        engine.close()


async def _do(app: Any, lesson: Lesson) -> None:
    """Do a lesson by its own keys. Raises AssertionError with what is wrong."""
    side = app.main.lessons
    await side.show()
    player = side.player
    player.is_progress_kept = False
    await side.open_at(lesson.name, index=0)
    await _until(lambda: player.is_begun and not player.awaits_answer)
    for i in range(1, len(lesson.steps) + 1):
        side.look()
        held = zip(player.conditions, player.reached, strict=True)
        if early := ", ".join(one.text for one, is_reached in held if is_reached):
            raise AssertionError(f"step {i}: holds before a key is pressed: {early}")
        if not await side.step.do():
            unmet = [one.text for one in player.conditions if not player.is_done]
            raise AssertionError(f"step {i}: not reached by its keys: {', '.join(unmet)}")
        if i < len(lesson.steps):
            side.step.action_go(1)
    player.leave()
    await _until(lambda: not player.is_leaving)


async def _until(condition: Callable[[], bool]) -> bool:
    """Wait for a condition; False if it does not come about in so many seconds."""
    give_up = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > give_up:
            return False
        await asyncio.sleep(0.01)
    return True
