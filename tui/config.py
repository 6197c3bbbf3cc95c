"""What a person has set for good: one TOML file, read at the start and written at the end.

docs/configuration.md shows a file that has every entry.
"""

import os
import stat
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, get_args

from msgspec import Struct, field

from makemore_tui.core.atomic import write_atomically
from makemore_tui.core.constants import BASELINES
from makemore_tui.core.errors import UserError, reason
from makemore_tui.core.paths import expanded
from makemore_tui.core.results import BigramMode

from .keymap import PANELS
from .keys import key_name

MAX_RECENT = 8
_MAX_MEGABYTES = 1_000_000
_TAKEN = {"ctrl+p": "the command palette", "ctrl+q": "leaving"}  # keys that are Textual's own


class Config(Struct, frozen=True):
    """What stands in the file: values by name ("loss.axis" is `axis` of the table `loss`), and
    the keys of ids."""

    values: Mapping[str, Any] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str, usual: Any = None) -> Any:
        """A value by its name, or what it usually is."""
        return self.values.get(name, usual)


def config_path() -> Path:
    """Where the file is: MAKEMORE_TUI_CONFIG, or in the user's folder for such files."""
    if named := os.environ.get("MAKEMORE_TUI_CONFIG"):
        return expanded(named)
    from platformdirs import user_config_path

    return user_config_path("makemore-tui", appauthor=False) / "config.toml"


def read_config(path: Path, themes: Collection[str], keys: Mapping[str, str]) -> Config:
    """The configuration; an empty one if there is no file. themes: the names there are. keys: the
    keys of each id, as they are without the file. Raises UserError if the file can't be read, or
    holds something that is not allowed."""
    try:
        if not (text := _text_of(path)):
            return Config()
        import tomllib  # most starts need none

        read = tomllib.loads(text)
    except OSError as error:
        raise UserError(f"{path} can't be read: {reason(error)}") from None
    except (ValueError, RecursionError) as error:  # not UTF-8, or not TOML
        raise UserError(f"{path} is not TOML: {error}") from None
    checks = {"theme": _one_of(themes), **_CHECKS}
    values = _values(path, read, (*checks, *_OLD_NAMES))
    for name, value in values.items():
        is_right, wanted = checks[name]
        if not is_right(value):
            raise UserError(f"{path}: {name} must be {wanted}, not {value!r}")
    keymap = read.get("keys", {})
    if not isinstance(keymap, dict):
        raise UserError(f"{path}: keys must be a table, [keys]")
    _check_keys(path, keymap, keys)
    return Config(values, keymap)


def allowed_values() -> dict[str, str]:
    """What each value may be, in words, by its name."""
    words = {name: words for name, (_, words) in _CHECKS.items()}
    return {"theme": "the name of a theme, as the command palette has them"} | words


def write_changes(path: Path, changes: Mapping[str, Any]) -> None:
    """Write changes by name; the rest of the file, its comments among it, stays. Raises UserError
    if the file can't be written."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(_text_of(path))
        for name, value in changes.items():
            for old in (old for old, new in _OLD_NAMES.items() if new == name):
                table, _, key = old.rpartition(".")
                document.get(table, {}).pop(key, None)
            table, _, key = name.rpartition(".")
            if table and table not in document:
                document[table] = tomlkit.table()
            (document[table] if table else document)[key] = value  # type: ignore[index]
        if path.exists() and not os.access(path, os.W_OK):
            raise OSError("no permission to write")
        write_atomically(path, tomlkit.dumps(document).encode())
    except OSError as error:
        raise UserError(f"{path} could not be written: {reason(error)}") from None
    except (ValueError, TypeError, TOMLKitError) as error:  # it has been changed meanwhile
        why = f"the present file is invalid: {error}"
        raise UserError(f"{path} could not be written: {why}") from None


def with_recent(recent: Collection[str], file: str) -> list[str]:
    """Recent files with one more, the newest first."""
    return [file, *(one for one in recent if one != file)][:MAX_RECENT]


_Check = tuple[Callable[[Any], bool], str]  # of a value, and what it must be in words


def _one_of(allowed: Collection[str]) -> _Check:
    *most, last = allowed
    words = f"{', '.join(most)} or {last}" if most else last
    return lambda value: value in list(allowed), words


def _list_of(is_right: Callable[[Any], bool], words: str) -> _Check:
    return lambda value: isinstance(value, list) and all(map(is_right, value)), f"a list of {words}"


def _some_of(allowed: Collection[str]) -> _Check:
    return _list_of(lambda value: value in list(allowed), f"some of {', '.join(allowed)}")


_OLD_NAMES = {"loss.references": "loss.baselines"}  # names that files may still have, and ours
_OLD_PANELS = {"controls": "settings"}
_CHECKS: dict[str, _Check] = {
    "panel": _one_of(PANELS),
    "panels": _some_of(PANELS),
    "zoomed": (lambda value: isinstance(value, bool), "true or false"),
    "welcome": (lambda value: isinstance(value, bool), "true or false"),
    "recent": _list_of(lambda value: isinstance(value, str), "file names"),
    "loss.axis": _one_of(("linear", "logarithmic")),
    "loss.steps": _one_of(("linear", "logarithmic")),
    "loss.smoothing": _one_of(("light", "strong", "off")),
    "loss.part": _one_of(("all steps", "last tenth")),
    "loss.baselines": _some_of(BASELINES),
    "loss.spread": (lambda value: isinstance(value, bool), "true or false"),
    "bigrams.values": _one_of(get_args(BigramMode)),
    "bigrams.order": _one_of(("character", "frequency")),
    "runs.most_megabytes": (
        lambda value: type(value) in (int, float) and 0 <= value <= _MAX_MEGABYTES,
        f"a number from 0 to {_MAX_MEGABYTES:,}",
    ),
}


def _values(path: Path, read: dict[str, Any], known: Collection[str]) -> dict[str, Any]:
    """All values but the keys' by the names that they have today; those read must be known."""
    tables = {name.partition(".")[0] for name in known if "." in name}
    values: dict[str, Any] = {}
    for name, value in read.items():
        if name in tables:
            if not isinstance(value, dict):
                raise UserError(f"{path}: {name} must be a table, [{name}]")
            values |= {f"{name}.{key}": one for key, one in value.items()}
        elif name != "keys":
            values[name] = value
    if unknown := [name for name in values if name not in known]:
        raise UserError(
            f"{path}: {unknown[0]} is not a configuration entry; the entries are "
            f"{', '.join(name for name in known if name not in _OLD_NAMES)} and keys"
        )
    for old, new in _OLD_NAMES.items():
        if old in values:
            values.setdefault(new, values.pop(old))
    if isinstance(values.get("panel"), str):
        values["panel"] = _OLD_PANELS.get(values["panel"], values["panel"])
    if isinstance(values.get("panels"), list):
        values["panels"] = [_OLD_PANELS.get(str(one), one) for one in values["panels"]]
    return values


def _check_keys(path: Path, keymap: dict[str, Any], keys: Mapping[str, str]) -> None:
    """See to it that ids and keys are known and that no key is left with two meanings."""
    for id, value in keymap.items():
        if id not in keys:
            raise UserError(f"{path}: keys.{id} is not a key id; the ids are {', '.join(keys)}")
        if not isinstance(value, str) or not all(one.strip() for one in value.split(",")):
            raise UserError(f'{path}: keys.{id} must be keys such as "p" or "p,f8", not {value!r}')
        for key in value.split(","):
            if (name := key_name(key.strip())) is None:
                raise UserError(f'{path}: keys.{id}: {key.strip()!r} is no key; "p" and "f8" are')
            if name in _TAKEN:
                other = _TAKEN[name]
                raise UserError(f"{path}: keys.{id} takes {name!r}, the key of {other}")
    taken: dict[str, str] = {}
    for id, value in {**keys, **keymap}.items():
        for key in (key_name(one.strip()) or one for one in value.split(",")):
            if key in taken and taken[key] != id:
                mine, other = (id, taken[key]) if id in keymap else (taken[key], id)
                raise UserError(f"{path}: keys.{mine} takes {key!r}, the key of {other}")
            taken[key] = id


def _text_of(path: Path) -> str:
    """The file's text without a BOM; "" where there is no file."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return ""
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # which could hold up forever
        raise OSError("not a regular file")
    return path.read_text(encoding="utf-8-sig")
