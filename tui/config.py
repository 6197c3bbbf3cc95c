"""What a person has set for good: one TOML file, read at the start and written at the end.

theme = "makemore-light"
panel = "loss"              # the panel that is chosen at the start
recent = ["/home/me/towns.txt"]

[loss]
axis = "logarithmic"        # or "linear"
smoothing = "strong"        # or "light", "off"

[runs]
most_megabytes = 500        # of those saved by themselves; the oldest go first

[keys]                      # the id of a key, and the keys in its place
pause = "p"
"""

import os
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from makemore_tui.core.errors import UserError

MOST_RECENT = 8
AXES = ("linear", "logarithmic")
SMOOTHINGS = ("light", "strong", "off")
_MOST_MEGABYTES = 1_000_000
_VARIABLE = "MAKEMORE_TUI_CONFIG"


@dataclass(frozen=True)
class Config:
    """What stands in the file; None for what does not."""

    theme: str | None = None
    panel: str | None = None
    axis: str | None = None
    smoothing: str | None = None
    most_megabytes: float | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    recent: tuple[str, ...] = ()


def config_path() -> Path:
    """Where the file is: MAKEMORE_TUI_CONFIG, or in the user's folder for such files."""
    if named := os.environ.get(_VARIABLE):
        return Path(named).expanduser()
    from platformdirs import user_config_path

    return user_config_path("makemore-tui", appauthor=False) / "config.toml"


def read_config(
    path: Path, themes: Collection[str], panels: Collection[str], keys: Mapping[str, str]
) -> Config:
    """The configuration; an empty one if there is no file.

    themes, panels: the names there are. keys: the keys of each id, as they are without the file.

    Raises:
        UserError: the file can't be read, or a value in it is not allowed.
    """
    values = _read(path)
    loss, keymap = _table(path, values, "loss"), _table(path, values, "keys")
    runs = _table(path, values, "runs")
    recent = values.get("recent", [])
    if not isinstance(recent, list) or not all(isinstance(one, str) for one in recent):
        raise UserError(f"{path}: recent must be a list of file names")
    _check_keys(path, keymap, keys)
    return Config(
        theme=_one_of(path, "theme", values.get("theme"), themes),
        panel=_one_of(path, "panel", values.get("panel"), panels),
        axis=_one_of(path, "loss.axis", loss.get("axis"), AXES),
        smoothing=_one_of(path, "loss.smoothing", loss.get("smoothing"), SMOOTHINGS),
        most_megabytes=_amount(path, "runs.most_megabytes", runs.get("most_megabytes")),
        keys=keymap,
        recent=tuple(recent[:MOST_RECENT]),
    )


def remember(path: Path, changes: Mapping[str, Any]) -> None:
    """Write changes by name ("loss.axis" is `axis` of the table `loss`); the rest of the file, its
    comments among it, stays.

    Raises:
        UserError: the file can't be written.
    """
    import tomlkit

    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.exists() else None
        document = document if document is not None else tomlkit.document()
        for name, value in changes.items():
            table, _, key = name.rpartition(".")
            if table and table not in document:
                document[table] = tomlkit.table()
            (document[table] if table else document)[key] = value  # type: ignore[index]
        _write_whole(path, tomlkit.dumps(document))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} could not be written: {error}") from None


def with_recent(recent: Collection[str], file: str) -> list[str]:
    """Recent files with one more, the newest first."""
    return [file, *(one for one in recent if one != file)][:MOST_RECENT]


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from None
    except ValueError as error:  # not UTF-8, or not TOML
        raise UserError(f"{path} is not TOML: {error}") from None


def _write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole, or as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path = path.resolve()  # a link stays one
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _table(path: Path, values: dict[str, Any], name: str) -> dict[str, Any]:
    table = values.get(name, {})
    if not isinstance(table, dict):
        raise UserError(f"{path}: {name} must be a table, [{name}]")
    return table


def _one_of(path: Path, name: str, value: Any, allowed: Collection[str]) -> str | None:
    if value is not None and value not in list(allowed):
        raise UserError(f"{path}: {name} must be {_or(allowed)}, not {value!r}")
    return value


def _amount(path: Path, name: str, value: Any) -> float | None:
    is_number = type(value) in (int, float) and 0 <= value <= _MOST_MEGABYTES
    if value is not None and not is_number:
        raise UserError(
            f"{path}: {name} must be a number from 0 to {_MOST_MEGABYTES:,}, not {value!r}"
        )
    return value


def _check_keys(path: Path, keymap: dict[str, Any], keys: Mapping[str, str]) -> None:
    """See to it that ids are known and that no key is left with two meanings."""
    for id, value in keymap.items():
        if id not in keys:
            raise UserError(f"{path}: keys.{id} is no key's id; the ids are {', '.join(keys)}")
        if not isinstance(value, str) or not all(one.strip() for one in value.split(",")):
            raise UserError(f'{path}: keys.{id} must be keys such as "p" or "p,f8", not {value!r}')
    taken: dict[str, str] = {}
    for id, value in {**keys, **keymap}.items():
        for key in (named(one.strip()) for one in value.split(",")):
            if key in taken and taken[key] != id:
                mine, other = (id, taken[key]) if id in keymap else (taken[key], id)
                raise UserError(f"{path}: keys.{mine} takes {key!r}, which is that of {other}")
            taken[key] = id


def named(key: str) -> str:
    """A key by the name that Textual has for it: "[" is left_square_bracket."""
    from textual.keys import _character_to_key

    return _character_to_key(key) if len(key) == 1 and not key.isalnum() else key


def _or(words: Collection[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
