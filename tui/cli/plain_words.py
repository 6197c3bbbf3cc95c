"""Help and errors of the command line in plain words, where typer's are a programmer's."""

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

_PROGRAM = "makemore-tui"
_TYPES = {"int": "N", "float": "NUMBER", "path": "FILE"}  # what the help calls them


class PlainCommand(TyperCommand):
    """A command whose help shows types in plain words only, and none for what takes no value."""

    def get_params(self, ctx: Any) -> list:
        return _without_types(super().get_params(ctx))


class PlainGroup(TyperGroup):
    """A group of commands whose help does the same."""

    def get_params(self, ctx: Any) -> list:
        return _without_types(super().get_params(ctx))


def _without_types(parameters: list) -> list:
    for one in parameters:
        if getattr(one, "is_flag", False):
            one.metavar = ""
        elif one.param_type_name == "argument":  # whose metavar is its name
            one.display_type_rich = lambda ctx: ""
        elif one.metavar is None:
            one.metavar = _TYPES.get(one.bare_type(), "TEXT")
    return parameters


def sentence(error: typer.TyperException, words: list[str]) -> str:
    """What is wrong with the words of a command, the value among it, and what to do next."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else f"{_PROGRAM} {words[0]}"
    problem = _problem(error, command.removeprefix(f"{_PROGRAM} "))
    return f"{problem}{'' if problem.endswith('?') else '.'} See {command} --help"


def _problem(error: Any, command: str) -> str:
    match type(error).__name__:
        case "BadParameter" if hasattr(error.__cause__, "errors"):
            (problem, *_) = error.__cause__.errors()
            kind = "a whole number" if problem["type"].startswith("int") else "a number"
            return f"{_name(error.param)} must be {kind}, not {problem['input']!r}"
        case "MissingParameter":
            return f"{command} needs {_name(error.param)}"
        case "NoSuchOption":
            near = f"; did you mean {error.possibilities[0]}?" if error.possibilities else ""
            return f"{command} has no option {error.option_name}{near}"
        case "BadOptionUsage" if "requires" in error.message:
            return f"{error.option_name} needs a value"
    message = " ".join(error.format_message().split()).rstrip(".")
    return f"{message[:1].lower()}{message[1:]}"


def _name(parameter: Any) -> str:
    """An option as it is typed, or an argument as the help has it."""
    options = [name for name in parameter.opts if name.startswith("-")]
    return max(options, key=len) if options else parameter.metavar
