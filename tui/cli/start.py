"""How a run starts, as the command line says; without typer, which takes long to load."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from makemore_tui.core.errors import UserError
from makemore_tui.core.presets import DEFAULT_PRESET, preset_named
from makemore_tui.core.reading import Reading
from makemore_tui.core.run_spec import RunSpec
from makemore_tui.core.settings import changed

# The options of `explore` that take a value.
_VALUED = ["--data", "--preset", "--set", "--seed", "--spec", "--state", "--resume", "--run-dir",
           "--encoding", "--column", "--speed", "--target", "--lesson"]  # fmt: skip
_FLAGS = ["--unique", "--skip-long", "--paused"]
_NUMBERS = {"--seed": "[0-9]{1,18}", "--speed": "[1-9][0-9]{0,5}"}
DATA_OPTIONS = ("--data", "--unique", "--encoding", "--column", "--skip-long")
Given = Mapping[str, Any]  # options that are on the command line, such as "--seed"; their values


def plain_options(words: list[str]) -> Given | None:
    """What `options.given` finds in the words of `explore`, without typer.

    None where they are not plainly right, so that typer says what is wrong, or shows the help.
    """
    given: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        option, equals, value = word.partition("=")
        if word in _FLAGS:
            given[word] = True
            continue
        value = value if equals else next(rest, "")
        if option not in _VALUED or not value or value.startswith("-"):
            return None
        option = "--spec" if option == "--state" else option
        given[option] = [*given.get(option, []), value] if option == "--set" else value
    if "--target" in given:
        if not re.fullmatch("[0-9]{1,3}([.][0-9]{1,6})?", given["--target"]):
            return None
        given["--target"] = float(given["--target"])
    for option in _NUMBERS.keys() & given:
        if not re.fullmatch(_NUMBERS[option], given[option]):
            return None
        given[option] = int(given[option])
    return given


def start_of(given: Given, changes: dict[str, Any]) -> RunSpec:
    """How a run starts, before some settings are changed: as --spec says, or the other options.

    Raises UserError if there is no such preset, or options are given beside --spec.
    """
    if "--spec" in given:
        options = (*DATA_OPTIONS, "--preset", "--seed", "--resume")
        refuse(given, options, "can't be combined with it", "--spec defines the whole run; ")
        spec = RunSpec.parse(given["--spec"])
    else:
        preset = preset_named(given.get("--preset", DEFAULT_PRESET))
        data, unique = given.get("--data", "names"), given.get("--unique", False)
        reading = Reading(
            given.get("--encoding", ""), given.get("--column", ""), given.get("--skip-long", False)
        )
        settings = preset.model, preset.train
        spec = RunSpec(data, unique, *settings, given.get("--seed", 1), reading)
    model, train = changed(spec.model, spec.train, changes)
    return replace(spec, model=model, train=train)


def refuse(given: Given, options: Iterable[str], why: str, before: str = "") -> None:
    """Raise a UserError for the first of some options that is given."""
    for option in options:
        if option in given:
            raise UserError(f"{before}{option} {why}")
