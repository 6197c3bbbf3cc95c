"""Settings of a model and of its training: frozen and validated. Torch-free."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any, Literal

from msgspec import Struct

from .errors import UserError, did_you_mean
from .model_kinds import MODEL_KINDS, ModelKind
from .text import digits

Effect = Literal["next step", "new optimizer", "resized", "restart"]
SCHEDULES = ("constant", "step", "linear", "cosine")
SMOOTHING_METHODS = ("add-k", "kneser-ney")
MINIBATCHES = ("examples", "contexts")
KINDS = tuple(MODEL_KINDS)
KIND_NAMES = {name: kind.label for name, kind in MODEL_KINDS.items()}
SIZES = MODEL_KINDS["mlp"].resizable


def _setting(
    default: Any, about: str, low: float | None = None, high: float | None = None, **choices: Any
) -> Any:
    limits = {} if low is None else {"low": low, "high": high}
    return field(default=default, metadata={"about": about} | limits | choices)


class _Validated:
    def __post_init__(self) -> None:
        for setting in fields(self):  # type: ignore[arg-type]
            value = getattr(self, setting.name)
            if not _is_allowed(setting, value):
                raise _refusal(setting, repr(value))


@dataclass(frozen=True)
class ModelSettings(_Validated):
    """The kind of a model and its size; each kind has settings of its own (`is_relevant`).

    Context, embedding and hidden size of an MLP and the order of counts can change while it trains;
    any other change starts a new run.
    """

    kind: str = _setting("mlp", "kind of model: counts, one-layer network, or MLP", choices=KINDS)
    order: int = _setting(2, "ngram: characters per n-gram; 2 is the bigram table", 1, 8)
    context: int = _setting(3, "mlp: context length, in characters", 1, 16)
    embedding: int = _setting(10, "mlp: embedding size, numbers per character", 1, 512)
    hidden: int = _setting(200, "mlp: tanh units in the hidden layer", 1, 4096)
    init: str = _setting("scaled", "networks: initial weights", choices=("lecture", "scaled"))
    direct: bool = _setting(False, "mlp: direct connections from the embeddings to the output")

    @property
    def model_kind(self) -> ModelKind:
        return MODEL_KINDS[self.kind]

    @property
    def context_length(self) -> int:
        """How many characters the model sees before it predicts one."""
        return {"mlp": self.context, "ngram": self.order - 1, "neural-bigram": 1}[self.kind]

    def is_relevant(self, setting: str) -> bool:
        """True if a setting, of the model or of its training, matters to this kind of model."""
        return setting in self.model_kind.settings


@dataclass(frozen=True)
class TrainSettings(_Validated):
    """How a model is trained. Every setting can change between any two steps."""

    learning_rate: float = _setting(0.1, "step size, before the schedule", 1e-6, 1000)
    batch_size: int = _setting(32, "examples per step; 0 is all of them", 0, 65536)
    optimizer: str = _setting("sgd", "optimizer", choices=("sgd", "adamw"))
    schedule: str = _setting("constant", "learning rate schedule", choices=SCHEDULES)
    steps: int = _setting(200_000, "planned steps, which the schedule spans", 1, 10**9)
    weight_decay: float = _setting(0.0, "pull of the weights towards zero", 0, 100)
    dropout: float = _setting(0.0, "mlp: share of hidden units left out at each step", 0, 0.9)
    smoothing_method: str = _setting(
        "add-k", "ngram: add-k smoothing, or modified Kneser-Ney", choices=SMOOTHING_METHODS
    )
    smoothing: float = _setting(1.0, "ngram: k, the number added to every count", 0, 1e6)
    mix: float | Literal["auto"] = _setting(
        0.0, "networks: weight of Kneser-Ney counts in what is predicted; auto: best on dev",
        0, 1, word="auto",
    )  # fmt: skip
    mix_order: int = _setting(6, "networks: order of the counts that are mixed in", 1, 8)
    train_on: str = _setting(
        "train", "items to train on: train, all (none held out), or first-N of the file"
    )
    minibatches: str = _setting(
        "examples",
        "networks: a batch is of examples, or of distinct contexts with all that follows each",
        choices=MINIBATCHES,
    )

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 0, after the schedule.

        `step` falls to a tenth half-way, `linear` and `cosine` fall to zero at the planned end
        (cosine: Loshchilov & Hutter 2017, one period). Beyond it the last rate stays.
        """
        if self.schedule == "constant":
            return self.learning_rate
        done = min(step, self.steps - 1) / self.steps  # the share of the planned steps
        factors = {
            "step": 1.0 if done < 0.5 else 0.1,
            "linear": 1 - done,
            "cosine": (1 + math.cos(math.pi * done)) / 2,
        }
        return self.learning_rate * factors[self.schedule]


def lower_learning_rate(model: ModelSettings, train: TrainSettings) -> float:
    """What to try where steps are too large: a third of it, or of the highest that is useful for
    this kind of model and this optimizer if that is less."""
    most = model.model_kind.learning_rates[train.optimizer][1]
    lower = float(f"{min(train.learning_rate, most) / 3:.1g}")
    return max(lower, SETTINGS["learning_rate"].metadata["low"])


def extended_plan(step: int) -> int:
    """The planned steps with which a run that has finished at a step goes on: twice as many.

    Raises UserError if no more steps are possible.
    """
    most = SETTINGS["steps"].metadata["high"]
    if step >= most:
        raise UserError(f"a run can have at most {most:,} steps")
    return min(2 * step, most)


def changed(
    model: ModelSettings, train: TrainSettings, changes: dict[str, Any]
) -> tuple[ModelSettings, TrainSettings]:
    """The settings with some of them changed, by name.

    Raises UserError if a name is unknown, or a value is not allowed.
    """
    changes = by_name(changes)
    of_model = {name: value for name, value in changes.items() if name in _MODEL_NAMES}
    of_train = {name: value for name, value in changes.items() if name not in of_model}
    return replace(model, **of_model), replace(train, **of_train)


class EditPlan(Struct, frozen=True):
    """What changing some settings, by name, would do to a run, and its settings after that."""

    changes: dict[str, Any]
    model: ModelSettings
    train: TrainSettings
    effect: Effect


def plan_edit(model: ModelSettings, train: TrainSettings, changes: dict[str, Any]) -> EditPlan:
    """Work out what changing settings by name would do to a run that has these settings.

    Raises UserError if a name is unknown, or a value is not allowed.
    """
    changes = by_name(changes)
    return EditPlan(changes, *changed(model, train, changes), effect_of(changes, model.kind))


def effect_of(changes: Mapping[str, Any], kind: str) -> Effect:
    """What changing these settings does to a run of this kind of model."""
    of_model = changes.keys() & _MODEL_NAMES
    if of_model:
        return "resized" if of_model <= set(MODEL_KINDS[kind].resizable) else "restart"
    return "new optimizer" if "optimizer" in changes else "next step"


def parse_changes(assignments: Iterable[str]) -> dict[str, Any]:
    """Changes from words such as `hidden=300`; of two for the same setting the last counts.

    Raises UserError if a word is not `name=value`, a name is unknown, or a value is not allowed.
    """
    changes = {}
    for word in assignments:
        name, equals, text = (part.strip() for part in word.partition("="))
        if not equals:
            raise UserError(f"{word!r} must be name=value, such as hidden=300")
        name = setting_name(name)
        changes[name] = parse_value(name, text)
    return changes


def parse_value(name: str, text: str, called: str = "") -> Any:
    """The value of a setting from text.

    called: what an error message calls the setting, if not by its name. Raises UserError if the
    value has the wrong type, or is not allowed.
    """
    setting = SETTINGS[name]
    plain = text.lower() if setting.metadata.keys() & {"choices", "word"} else text
    try:
        is_word = plain == setting.metadata.get("word")
        value = plain if is_word else _converted(plain, setting.default)
    except (ValueError, KeyError):
        raise _refusal(setting, repr(text), called) from None
    if not _is_allowed(setting, value):
        raise _refusal(setting, repr(text) if isinstance(value, str) else text, called)
    return value


def value_text(value: Any) -> str:
    """A value as people write it: 64,000 or 0.001 or on."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:,g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def setting_text(name: str, value: Any) -> str:
    """The value of a setting in words: "neural bigram" for a kind, "all" for a batch size of 0."""
    if name == "kind":
        return KIND_NAMES[value]
    return "all" if name == "batch_size" and value == 0 else value_text(value)


def allowed_values(name: str) -> str:
    """The values that a setting may have, in words: "a whole number from 1 to 16"."""
    setting = SETTINGS[name]
    if "choices" in setting.metadata:
        return " or ".join(setting.metadata["choices"])
    if "low" in setting.metadata:
        kind = "a whole number" if isinstance(setting.default, int) else "a number"
        low, high = setting.metadata["low"], setting.metadata["high"]
        word = f", or {setting.metadata['word']}" if "word" in setting.metadata else ""
        return f"{kind} from {low:,g} to {high:,.10g}{word}"
    if name == "train_on":
        return "train, all or first-N, N being 1 or more"
    return "true or false"


def short_label(changes: Mapping[str, Any]) -> str:
    """Settings in short, such as "hidden 300, lr 0.01"."""
    parts = []
    for name, value in changes.items():
        text = str(value) if name == "seed" else setting_text(name, value)
        if isinstance(value, bool):
            parts.append(name if value else f"{name} off")
        elif name in _SAID_BY_VALUE:
            parts.append(text)
        else:
            parts.append(f"{_SHORT.get(name, name)} {text}")
    return ", ".join(parts)


def model_label(model: ModelSettings) -> str:
    """A model's kind and sizes: "MLP 3, 10, 200" has context, embedding and hidden."""
    kind = model.model_kind
    sizes = ", ".join(str(getattr(model, name)) for name in kind.sizes)
    return " ".join(filter(None, (kind.label, "" if kind.is_network else "of", sizes)))


def settings_label(model: ModelSettings, train: TrainSettings, seed: int) -> str:
    """The settings of a run in short: "MLP 3, 10, 200, direct, lr 0.1, batch 32, sgd, seed 1".

    Settings that are seldom changed are left out where they have their default.
    """
    defaults = vars(ModelSettings()) | vars(TrainSettings())
    values = vars(model) | vars(train) | {"seed": seed}
    kind = model.model_kind
    is_add_k = train.smoothing_method == "add-k"
    of_counts = ("smoothing" if is_add_k else "smoothing_method",)
    often = _OFTEN_CHANGED if kind.is_network else of_counts
    seldom = [name for name in _SELDOM_CHANGED if name in kind.settings]
    listed = [*(name for name in seldom if values[name] != defaults[name]), *often, "seed"]
    return f"{model_label(model)}, {short_label({name: values[name] for name in listed})}"


def setting_name(name: str) -> str:
    """A setting's name from that or from what the screen calls it: "lr", "learning rate".

    Raises UserError if there is no such setting.
    """
    plain = re.sub(r"[\s-]+", "_", name.strip().lower())
    plain = _ALIASES.get(plain, plain)
    if plain not in SETTINGS:
        known = f"the settings are {', '.join(SETTINGS)}"
        meant = did_you_mean(plain, [*SETTINGS, *_ALIASES])
        raise UserError(f"there is no setting {name!r}; {f'{meant} ' if meant else ''}{known}")
    return plain


def by_name(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Changes with each setting by its name; errors as for `setting_name`."""
    return {setting_name(name): value for name, value in changes.items()}


def check_seed(seed: int) -> None:
    """Raises UserError unless a seed is a whole number of 64 bits, as a saved run holds it."""
    if not isinstance(seed, int) or not -(2**63) <= seed < 2**63:
        raise UserError(f"a seed must be a whole number from -2**63 to 2**63 - 1, not {seed!r}")


def first_n(value: str) -> int | None:
    """The N of first-N; None for any other text."""
    number = value.removeprefix("first-")
    return digits(number) or None if value != number else None


def _refusal(setting: Field, given: str, called: str = "") -> UserError:
    name = setting.name
    meant = did_you_mean(given.strip("'"), setting.metadata.get("choices", ()))
    refusal = f"{called or name} must be {allowed_values(name)}, not {given}"
    return UserError(f"{refusal}; {meant}" if meant else refusal)


def _is_allowed(setting: Field, value: Any) -> bool:
    metadata, kind = setting.metadata, type(setting.default)
    is_type = type(value) is kind or (kind is float and type(value) is int)
    if "choices" in metadata:
        return value in metadata["choices"]
    if "word" in metadata and value == metadata["word"]:
        return True
    if "low" in metadata:
        return is_type and metadata["low"] <= value <= metadata["high"]
    if setting.name == "train_on":
        return isinstance(value, str) and (value in ("train", "all") or first_n(value) is not None)
    return is_type


def _converted(text: str, default: Any) -> Any:
    """The value that a text stands for, of the type of a default."""
    if isinstance(default, bool):
        return _TRUTH[text.lower()]
    if not isinstance(default, int):
        return type(default)(text)
    number = float(text.replace(",", ""))  # such as 64,000 or 1e3
    if not number.is_integer():
        raise ValueError(text)
    return int(number)


_TRUTH = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}
_SHORT = {"learning_rate": "lr", "batch_size": "batch", "weight_decay": "decay", "train_on": "on",
          "mix_order": "mix order"}  # fmt: skip
_ALIASES = {short: name for name, short in _SHORT.items()} | {"model": "kind"}
_SAID_BY_VALUE = ("kind", "optimizer", "schedule", "smoothing_method")
_OFTEN_CHANGED = ("learning_rate", "batch_size", "optimizer")  # of networks; always in a label
_SELDOM_CHANGED = (
    "init", "schedule", "weight_decay", "train_on", "direct", "dropout", "minibatches", "mix",
)  # fmt: skip
_MODEL_NAMES = {setting.name for setting in fields(ModelSettings)}
SETTINGS: dict[str, Field[Any]] = {
    setting.name: setting for setting in (*fields(ModelSettings), *fields(TrainSettings))
}
