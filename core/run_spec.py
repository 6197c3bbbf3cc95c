"""How a run starts, in one line such as `names/seed=3/hidden=300/learning_rate=0.03`.

The dataset comes first, `unique` after it where repeated items are dropped, then how its file is
read (`column=name`), the seed and the settings that differ from the defaults. No character of it
means anything to a shell: in a path, those that would are written as in a URL (%20 is a space).
"""

from dataclasses import dataclass, field, fields
from urllib.parse import quote, unquote

from msgspec.structs import asdict

from .constants import MAX_SEED
from .errors import UserError
from .reading import PLAIN, Reading
from .settings import ModelSettings, TrainSettings, changed, parse_changes, setting_name
from .text import digits, exact_text

_NO_SETTINGS = ("seed", "encoding", "column", "skip_long")


@dataclass(frozen=True, repr=False)
class RunSpec:
    """How a run starts.

    dataset: the name of a built-in one, or a path. unique: True to drop repeated items.
    reading: how the dataset's file is read.
    """

    dataset: str
    unique: bool = False
    model: ModelSettings = field(default_factory=ModelSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    seed: int = 1
    reading: Reading = PLAIN

    @classmethod
    def parse(cls, line: str) -> "RunSpec":
        """The spec that a line spells out.

        Raises UserError if there is no dataset, a setting is unknown or set twice, or a value is
        wrong.
        """
        parts = line.strip().split("/")
        words: list[str] = []
        while parts and "=" in parts[-1]:
            words.insert(0, parts.pop())
        unique = len(parts) > 1 and parts[-1] == "unique"
        dataset = unquote("/".join(parts[:-1] if unique else parts), errors="surrogateescape")
        if not dataset:
            example = "one looks like names/seed=3/hidden=300"
            raise UserError(f"the spec {line!r} names no dataset; {example}")
        names = [word.partition("=")[0] for word in words]
        names = [name if name in _NO_SETTINGS else setting_name(name) for name in names]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise UserError(f"the spec {line!r} sets {twice} more than once")
        values = dict(word.split("=", 1) for word in words)
        seed = parse_seed(values.pop("seed", "1"))
        reading = Reading(
            unquote(values.pop("encoding", "")),
            unquote(values.pop("column", "")),
            _true_or_false("skip_long", values.pop("skip_long", "false")),
        )
        changes = parse_changes("=".join(pair) for pair in values.items())
        settings = changed(ModelSettings(), TrainSettings(), changes)
        return cls(dataset, unique, *settings, seed, reading)

    @property
    def data(self) -> tuple[str, bool, Reading]:
        """What `Dataset.load` takes."""
        return self.dataset, self.unique, self.reading

    def __str__(self) -> str:
        path = quote(self.dataset, safe="/", errors="surrogateescape")
        before, slash, last = path.rpartition("/")
        if last == "unique":
            path = f"{before}{slash}%75nique"
        settings = [
            f"{setting.name}={exact_text(getattr(one, setting.name))}"
            for one in (self.model, self.train)
            for setting in fields(one)
            if getattr(one, setting.name) != setting.default
        ]
        unique = ["unique"] if self.unique else []
        reading = [
            f"{name}={quote(exact_text(value), safe='')}"
            for name, value in asdict(self.reading).items()
            if value
        ]
        return "/".join([path, *unique, *reading, f"seed={self.seed}", *settings])

    def __repr__(self) -> str:
        return f"RunSpec.parse({str(self)!r})"


def parse_seed(text: str) -> int:
    """A seed from text. Raises UserError if it is none."""
    seed = whole_number(text)
    if seed is None or seed > MAX_SEED:
        raise UserError(f"seed must be a whole number from 0 to {MAX_SEED:,}, not {text!r}")
    return seed


def whole_number(text: str) -> int | None:
    """A whole number as it is typed, with or without commas; None if it is none."""
    return digits(text.strip().replace(",", ""), 19)


def _true_or_false(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise UserError(f"{name} must be true or false, not {text!r}")
    return text.lower() == "true"
