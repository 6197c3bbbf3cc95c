"""The next value of a setting, and values that are typed: from a snapshot to changes by name."""

import bisect
import math
from collections.abc import Mapping, Sequence
from typing import Any

from makemore_tui.core.errors import UserError
from makemore_tui.core.presets import PRESETS
from makemore_tui.core.run_spec import parse_seed
from makemore_tui.core.settings import (
    KIND_NAMES,
    KINDS,
    SETTINGS,
    allowed_values,
    effect_of,
    parse_value,
    setting_text,
)
from makemore_tui.core.worker.protocol import Edit, Restart, Snapshot

from . import messages as say

_LADDERS: dict[str, tuple[float, ...]] = {
    "hidden": (1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 250, 300, 400, 500, 750, 1000, 1500,
               2000, 3000, 4096),
    "embedding": (1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512),
    "batch_size": (*(2**i for i in range(17)), math.inf),  # which stands for all examples
    "weight_decay": (0, 0.0001, 0.001, 0.01, 0.03, 0.06, 0.1, 0.2, 0.3, 0.5, 1),
    "dropout": (0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    "smoothing": (0, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 1000),
    "mix": tuple(i / 10 for i in range(11)),
    "steps": tuple(digit * 10**i for i in range(10) for digit in (1, 2, 5))[:28],
}  # fmt: skip
SPEED_LIMITS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # steps a second
_WHOLE_DECADE = 4  # steps of the learning rate
_MIN_STEPS = 100_000  # planned for another kind of model
_SUITED = ("kind", "init", "learning_rate", "batch_size", "optimizer", "schedule", "weight_decay",
           "dropout", "steps")  # fmt: skip


def _as_preset(name: str) -> dict[str, Any]:
    """The change to a preset's kind of model, with training settings that suit it."""
    values = vars(PRESETS[name].model) | vars(PRESETS[name].train)
    return {name: values[name] for name in _SUITED} | {"steps": max(values["steps"], _MIN_STEPS)}


_CHANGES_TO: dict[str, dict[str, Any]] = {
    "mlp": _as_preset("scaled"),
    "ngram": {"kind": "ngram", "order": 2, "batch_size": 32, "smoothing_method": "add-k",
              "smoothing": 1.0},
    "neural-bigram": _as_preset("neural-bigram"),
}  # fmt: skip

_NAMES = {"kind": "model", "init": "initialisation", "direct": "direct connections"}
_MISSING = {"hidden": "hidden layer", "context": "adjustable context"}
_HAS = {"mlp": "The MLP has", "ngram": "Counts have", "neural-bigram": "The neural bigram has"}


def name_of(setting: str) -> str:
    """What the screen calls a setting."""
    return _NAMES.get(setting) or setting.replace("_", " ")


def not_of_model(snapshot: Snapshot, setting: str, labels: Mapping[str, str]) -> str:
    """That the model at hand has no such setting, and the key that changes the model. labels: of
    the keys, by id."""
    has, missing = _HAS[snapshot.model.kind], _MISSING.get(setting) or name_of(setting)
    return say.NOT_OF_MODEL.format(model=has, setting=missing, key=labels)


def stepped(
    snapshot: Snapshot, setting: str, by: int, labels: Mapping[str, str]
) -> dict[str, Any] | str:
    """The changes that `by` steps of a setting make, or a sentence why there are none."""
    model, train = snapshot.model, snapshot.train
    if setting == "kind":
        return _CHANGES_TO[KINDS[(KINDS.index(model.kind) + 1) % len(KINDS)]]
    kind = model.model_kind
    own = {"decay": kind.regularizer, "context": kind.context_setting or "context"}
    own |= {"mixture": "mix"} if kind.is_network else {"optimizer": "smoothing_method"}
    is_switch = setting == "mixture"
    setting = own.get(setting, setting)
    if setting == "smoothing" and train.smoothing_method != "add-k":
        return say.NO_K.format(key=labels)
    if not model.is_relevant(setting):
        return not_of_model(snapshot, setting, labels)
    now = getattr(model if hasattr(model, setting) else train, setting)
    value = _next(setting, now, by)
    if is_switch:
        value = 0.0 if now else "auto"
    if value == now:
        name, limit = name_of(setting).capitalize(), "maximum" if by > 0 else "minimum"
        return say.AT_LIMIT.format(setting=name, limit=limit, value=setting_text(setting, now))
    return {setting: value}


def next_on(ladder: Sequence[int], now: int | None, by: int) -> int | None:
    """The next lower or higher number of a ladder, where None stands above the last."""
    here = math.inf if now is None else now
    if by > 0:
        return next((one for one in ladder if one > here), None)
    return next((one for one in reversed(ladder) if one < here), now)


def restarts(snapshot: Snapshot, setting: str) -> bool:
    """True if a step of this setting would begin a new run."""
    context_setting = snapshot.model.model_kind.context_setting or "context"
    name = context_setting if setting == "context" else setting
    return name == "seed" or effect_of({name: None}, snapshot.model.kind) == "restart"


def typed(snapshot: Snapshot, setting: str, text: str) -> Edit | Restart | None:
    """What a typed value asks for; None where it is what the setting is. Raises UserError if the
    value is not one that the setting can have."""
    if setting == "seed":
        seed = parse_seed(text)
        return Restart(seed) if seed != snapshot.seed else None
    text = text.strip()
    if setting == "kind":
        kinds = {label.lower(): kind for kind, label in KIND_NAMES.items()}
        kind = kinds.get(text.lower(), text.lower())  # by the screen's name for it, or its own
        if kind not in KINDS:
            *most, last = KIND_NAMES.values()
            raise UserError(f"the model must be {', '.join(most)} or {last}, not {text!r}")
        return Edit(_CHANGES_TO[kind]) if kind != snapshot.model.kind else None
    if not text:
        raise UserError(f"{name_of(setting)} must be {allowed_values(setting)}")
    text = "0" if setting == "batch_size" and text.lower() == "all" else text
    value = parse_value(setting, text, name_of(setting))
    is_same = value == (vars(snapshot.model) | vars(snapshot.train))[setting]
    return None if is_same else Edit({setting: value})


def _next(setting: str, now: Any, by: int) -> Any:
    """The value `by` steps above or below `now`, or the last that there is."""
    metadata = SETTINGS[setting].metadata
    if "choices" in metadata:
        choices = metadata["choices"]
        return choices[(choices.index(now) + by) % len(choices)]
    if isinstance(now, bool):
        return not now
    if setting == "train_on":
        return "all" if now != "all" else "train"
    now = 0.0 if now == "auto" else now
    if setting in _LADDERS:
        ladder = _LADDERS[setting]
        here = math.inf if setting == "batch_size" and now == 0 else now
        if here >= ladder[-1] and by > 0:
            return now
        above, below = bisect.bisect_right(ladder, here), bisect.bisect_left(ladder, here) - 1
        value = ladder[above if by > 0 else max(0, below)]
        return 0 if value == math.inf else value
    value = now + by
    if setting == "learning_rate":
        place = 4 * math.log10(now)  # in quarters of a decade
        if abs(by) != _WHOLE_DECADE:
            place = math.floor(place + 0.02) if by > 0 else math.ceil(place - 0.02)
        value = float(f"{10 ** ((place + by) / 4):.3g}")
    return max(metadata["low"], min(value, metadata["high"]))
