"""How to begin a run, in one line such as `names/seed=3/hidden=300/learning_rate=0.03`.

The dataset comes first, `unique` after it where repeated items are dropped, then the seed and the
settings that differ from the defaults. No character of it means anything to a shell: in a path,
those that would are written as in an address (%20 is a space).
"""

from dataclasses import fields
from urllib.parse import quote, unquote

from .constants import MAX_SEED
from .errors import UserError
from .settings import ModelSettings, TrainSettings, changed, parse_changes


def state_line(
    dataset: str, unique: bool, model: ModelSettings, train: TrainSettings, seed: int
) -> str:
    """The line; `dataset` is the name of a built-in one, or a path."""
    path = quote(dataset, safe="/")
    before, slash, last = path.rpartition("/")
    if last == "unique":
        path = f"{before}{slash}%75nique"
    settings = [
        f"{setting.name}={_written(getattr(one, setting.name))}"
        for one in (model, train)
        for setting in fields(one)
        if getattr(one, setting.name) != setting.default
    ]
    return "/".join([path, *(["unique"] if unique else []), f"seed={seed}", *settings])


def parse_state(line: str) -> tuple[str, bool, ModelSettings, TrainSettings, int]:
    """Dataset, whether repeated items are dropped, settings and seed (1 if there is none).

    Raises:
        UserError: there is no dataset, a setting is unknown or stands twice, or a value is wrong.
    """
    parts = line.strip().split("/")
    words: list[str] = []
    while parts and "=" in parts[-1]:
        words.insert(0, parts.pop())
    unique = len(parts) > 1 and parts[-1] == "unique"
    dataset = unquote("/".join(parts[:-1] if unique else parts))
    if not dataset:
        raise UserError(
            f"the state {line!r} names no dataset; one looks like names/seed=3/hidden=300"
        )
    names = [word.partition("=")[0] for word in words]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise UserError(f"the state {line!r} sets {twice} more than once; once is right")
    seeds = [word.partition("=")[2] for word in words if word.startswith("seed=")]
    seed = _seed(seeds[0]) if seeds else 1
    changes = parse_changes(word for word in words if not word.startswith("seed="))
    model, train = changed(ModelSettings(), TrainSettings(), changes)
    return dataset, unique, model, train, seed


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MAX_SEED):
        raise UserError(f"seed must be a whole number from 0 to {MAX_SEED:,}, not {text!r}")
    return int(text)


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
