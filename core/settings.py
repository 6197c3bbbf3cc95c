"""Settings of a model and of its training: frozen and validated. Torch-free."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any, Literal

from .errors import UserError
from .model_kinds import MODEL_KINDS, ModelKind

Effect = Literal["next step", "new optimizer", "resized", "restart"]
KINDS = tuple(MODEL_KINDS)
KIND_NAMES = {name: kind.label for name, kind in MODEL_KINDS.items()}
SIZES = MODEL_KINDS["mlp"].resizable


def _number(default: float, low: float, high: float, about: str) -> Any:
    return field(default=default, metadata={"low": low, "high": high, "about": about})


def _choice(default: str, choices: tuple[str, ...], about: str) -> Any:
    return field(default=default, metadata={"choices": choices, "about": about})


def _flag(default: bool, about: str) -> Any:
    return field(default=default, metadata={"about": about})


class _Validated:
    def __post_init__(self) -> None:
        for setting in fields(self):  # type: ignore[arg-type]
            value = getattr(self, setting.name)
            if not _is_allowed(setting, value):
                raise _refusal(setting, repr(value))


@dataclass(frozen=True)
class ModelSettings(_Validated):
    """The kind of a model and its size; each kind has settings of its own (`is_relevant`).

    Context, embedding and hidden size of an MLP can change while it trains; any other change starts
    a new run.
    """

    kind: str = _choice("mlp", KINDS, "which model: counts, a one-layer network, or the MLP")
    order: int = _number(2, 1, 5, "ngram: characters in a gram; 2 is the bigram table")
    context: int = _number(3, 1, 16, "mlp: how many characters the model sees")
    embedding: int = _number(10, 1, 512, "mlp: numbers that stand for a character")
    hidden: int = _number(200, 1, 4096, "mlp: tanh units in the hidden layer")
    init: str = _choice("scaled", ("lecture", "scaled"), "networks: how weights begin")
    direct: bool = _flag(False, "mlp: connect the embeddings to the output too")

    @property
    def model_kind(self) -> ModelKind:
        """The facts of this kind of model."""
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

    learning_rate: float = _number(0.1, 1e-6, 1000, "size of a step, before the schedule")
    batch_size: int = _number(32, 0, 65536, "examples a step; 0 is all of them")
    optimizer: str = _choice("sgd", ("sgd", "adamw"), "how a gradient becomes a step")
    schedule: str = _choice(
        "constant", ("constant", "step", "linear", "cosine"), "how the learning rate changes"
    )
    steps: int = _number(200_000, 1, 10**9, "steps that are planned; what the schedule spans")
    weight_decay: float = _number(0.0, 0, 100, "pull of the weights towards zero")
    dropout: float = _number(0.0, 0, 0.9, "mlp: share of hidden units left out of each step")
    smoothing: float = _number(1.0, 0, 1e6, "ngram: added to every count")
    train_on: str = field(
        default="train",
        metadata={"about": "train, all (no held-out data), or first-N (the file's first N items)"},
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


def changed(
    model: ModelSettings, train: TrainSettings, changes: dict[str, Any]
) -> tuple[ModelSettings, TrainSettings]:
    """The settings with some of them changed, by name.

    Raises:
        UserError: a name is unknown, or a value is not allowed.
    """
    for name in changes:
        _check_name(name)
    of_model = {name: value for name, value in changes.items() if name in _MODEL_NAMES}
    of_train = {name: value for name, value in changes.items() if name not in _MODEL_NAMES}
    return replace(model, **of_model), replace(train, **of_train)


@dataclass(frozen=True)
class EditPlan:
    """What changing some settings would do to a run.

    changes: the new values by name. model, train: the settings after the change.
    """

    changes: dict[str, Any]
    model: ModelSettings
    train: TrainSettings
    effect: Effect


def plan_edit(model: ModelSettings, train: TrainSettings, changes: dict[str, Any]) -> EditPlan:
    """Work out what changing settings by name would do to a run that has these settings.

    Raises:
        UserError: a name is unknown, or a value is not allowed.
    """
    return EditPlan(changes, *changed(model, train, changes), effect_of(changes, model.kind))


def effect_of(changes: Mapping[str, Any], kind: str) -> Effect:
    """What changing these settings does to a run of this kind of model."""
    of_model = changes.keys() & _MODEL_NAMES
    if of_model:
        return "resized" if of_model <= set(MODEL_KINDS[kind].resizable) else "restart"
    return "new optimizer" if "optimizer" in changes else "next step"


def parse_changes(assignments: Iterable[str]) -> dict[str, Any]:
    """Changes from words such as `hidden=300`; of two for the same setting the last counts.

    Raises:
        UserError: a word is not `name=value`, a name is unknown, or a value is not allowed.
    """
    return dict(_parse_assignment(word) for word in assignments)


def parse_value(name: str, text: str, called: str = "") -> Any:
    """The value of a setting from text.

    called: what an error message calls the setting, if not by its name.

    Raises:
        UserError: the value has the wrong type, or is not allowed.
    """
    setting = SETTINGS[name]
    wanted = text.lower() if "choices" in setting.metadata else text
    try:
        value = _converted(wanted, type(setting.default))
    except (ValueError, KeyError):
        raise _refusal(setting, repr(text), called) from None
    if not _is_allowed(setting, value):
        raise _refusal(setting, repr(text) if isinstance(value, str) else text, called)
    return value


def value_text(value: Any) -> str:
    """A value as people write it: 64,000 or 0.001 or true."""
    if isinstance(value, bool):
        return str(value).lower()
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
        return f"{kind} from {low:,g} to {high:,.10g}"
    if name == "train_on":
        return "train, all or first-N, N being 1 or more"
    return "true or false"


def short_label(changes: Mapping[str, Any]) -> str:
    """Settings in short, such as "hidden 300, lr 0.01"."""
    return ", ".join(_short_setting(name, value) for name, value in changes.items())


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
    often = _OFTEN_CHANGED if kind.is_network else ("smoothing",)
    seldom = [name for name in _SELDOM_CHANGED if name in kind.settings]
    listed = [*(name for name in seldom if values[name] != defaults[name]), *often, "seed"]
    return f"{model_label(model)}, {short_label({name: values[name] for name in listed})}"


def first_n(value: str) -> int | None:
    """The N of first-N; None for any other text."""
    number = value.removeprefix("first-")
    is_number = number.isascii() and number.isdigit() and len(number) < 10
    return (int(number) or None) if value != number and is_number else None


def is_train_on(value: str) -> bool:
    """True for a value of `train_on`: train, all, or first-N."""
    return value in ("train", "all") or first_n(value) is not None


def _check_name(name: str) -> None:
    if name not in SETTINGS:
        raise UserError(f"there is no setting {name!r}; the settings are {', '.join(SETTINGS)}")


def _refusal(setting: Field, given: str, called: str = "") -> UserError:
    return UserError(
        f"{called or setting.name} must be {allowed_values(setting.name)}, not {given}"
    )


def _is_allowed(setting: Field, value: Any) -> bool:
    metadata, is_type = setting.metadata, type(value) is type(setting.default)
    if isinstance(setting.default, float) and type(value) is int:
        is_type = True
    if "choices" in metadata:
        return value in metadata["choices"]
    if "low" in metadata:
        return is_type and metadata["low"] <= value <= metadata["high"]
    if setting.name == "train_on":
        return isinstance(value, str) and is_train_on(value)
    return is_type


def _short_setting(name: str, value: Any) -> str:
    if name in ("kind", "optimizer", "schedule"):  # the value says which setting it is
        return setting_text(name, value)
    if isinstance(value, bool):
        return name if value else f"not {name}"
    text = str(value) if name == "seed" else setting_text(name, value)
    return f"{_ABBREVIATIONS.get(name, name)} {text}"


def _parse_assignment(word: str) -> tuple[str, Any]:
    name, equals, text = (part.strip() for part in word.partition("="))
    if not equals:
        raise UserError(f"{word!r} is not of the form name=value, such as hidden=300")
    _check_name(name)
    return name, parse_value(name, text)


def _converted(text: str, kind: type) -> Any:
    if kind is bool:
        return {"true": True, "false": False, "yes": True, "no": False}[text.lower()]
    if kind is int:
        return _whole_number(text.replace(",", ""))
    return kind(text)


def _whole_number(text: str) -> int:
    """A whole number, which may be written as 1e3."""
    try:
        return int(text)
    except ValueError:
        number = float(text)
        if not number.is_integer():
            raise
        return int(number)


_ABBREVIATIONS = {
    "learning_rate": "lr",
    "batch_size": "batch",
    "weight_decay": "decay",
    "train_on": "on",
}
_OFTEN_CHANGED = ("learning_rate", "batch_size", "optimizer")  # of networks; always in a label
_SELDOM_CHANGED = ("init", "schedule", "weight_decay", "train_on", "direct", "dropout")
_MODEL_NAMES = {setting.name for setting in fields(ModelSettings)}
SETTINGS: dict[str, Field[Any]] = {
    setting.name: setting for setting in (*fields(ModelSettings), *fields(TrainSettings))
}
