"""The settings of a run line by line: what they are, and which keys change them."""

import re
from collections.abc import Mapping
from typing import NamedTuple, get_args

from rich.style import Style

from makemore_tui.core.presets import DEFAULT_PRESET, preset_named
from makemore_tui.core.results import Side
from makemore_tui.core.settings import SETTINGS, allowed_values, setting_text
from makemore_tui.core.text import exact_text
from makemore_tui.core.worker.protocol import Snapshot

from ..client.session_actions import of_side
from ..plots.ticks import tick_label
from ..style.colours import Palette
from ..style.text_rows import Row, fitted, row

_WITH_MEANING = 90  # cells from which on a line also says what its setting is
_OWN_WIDTH = 40  # of name, value and keys then
_PAIR_NAME_WIDTH = 14  # of a pair of runs
_DIFFER = "≠ "
_WITH_KEYS, _KEYS_WIDTH = 24, 4  # cells behind the name, from which on there are keys, of so many
_UNUSED = "–"  # the value of a setting that the model does not have


class Entry(NamedTuple):
    """A line of the panel; `setting` is the one it shows, "" where it only informs. shorter: what
    to write where the value has no room, the longest first. both: of a pair of runs, the values of
    A and of B."""

    name: str
    value: str
    keys: tuple[str, ...] = ()  # their ids
    setting: str = ""
    shorter: tuple[str, ...] = ()
    both: tuple[str, str] | None = None


def settings_entries(snapshot: Snapshot) -> list[Entry]:
    """All settings of the model at hand, and facts of the run; of a pair, those of the chosen run
    beside the other's."""
    if (pair := snapshot.pair) is None:
        return _entries(snapshot)
    a, b = (_entries(of_side(snapshot, side)) for side in get_args(Side))
    values = [{one.name: one.value for one in entries} for entries in (a, b)]
    a_sign, b_sign = ("▸" if side == pair.side else "" for side in get_args(Side))
    return [
        Entry("", "", both=(f"{a_sign}A", f"{b_sign}B")),
        *(
            one._replace(both=(values[0].get(one.name, _UNUSED), values[1].get(one.name, _UNUSED)))
            for one in (a if pair.side == "a" else b)
        ),
    ]


def _entries(snapshot: Snapshot) -> list[Entry]:
    model, train = snapshot.model, snapshot.train
    kind, is_network = model.model_kind, model.model_kind.is_network
    order = f", order {model.order}" if kind.context_setting == "order" else ""
    optimizer, method = (
        _entry(snapshot, name, "optimizer") for name in ("optimizer", "smoothing_method")
    )
    speed = f"{snapshot.steps_per_second:,.0f}" if snapshot.steps_per_second else _UNUSED
    is_planned = is_network and snapshot.step <= train.steps
    planned = f" of {tick_label(train.steps)}" if is_planned else ""
    return [
        Entry("model", setting_text("kind", model.kind) + order, ("model",), "kind"),
        _rate_entry(snapshot),
        _entry(snapshot, "schedule", "schedule"),
        _entry(snapshot, "batch_size", *_both("batch")),
        Entry(
            "context",
            f"{model.context_length}",
            _both("context") if kind.context_setting else (),
            kind.context_setting or "",
        ),
        _entry(snapshot, "embedding", *_both("embedding")),
        _entry(snapshot, "hidden", *_both("hidden")),
        optimizer if is_network else method._replace(name="method"),
        _regularizer_entry(snapshot),
        *([_entry(snapshot, "dropout", *_both("dropout"))] if is_network else []),
        *_mix_entries(snapshot),
        Entry("parameters" if is_network else "counts", f"{snapshot.parameters:,}"),
        Entry("step", f"{snapshot.step:,}{planned}", (), "steps" if is_network else ""),
        Entry("steps/s", speed),
        *(_entry(snapshot, setting) for setting in ("train_on", "minibatches", "init", "direct")),
        Entry("seed", f"{snapshot.seed}", ("restart", "new-seed"), "seed"),
    ]


def _regularizer_entry(snapshot: Snapshot) -> Entry:
    """The entry of weight decay, or of add-k's k."""
    entry = _entry(snapshot, snapshot.model.model_kind.regularizer, *_both("decay"))
    is_used = snapshot.model.model_kind.is_network or snapshot.train.smoothing_method == "add-k"
    return entry if is_used else entry._replace(value=_UNUSED)


def _mix_entries(snapshot: Snapshot) -> list[Entry]:
    """The entries of the counts that a network is mixed with, and the weight that is best on
    dev."""
    if not snapshot.model.model_kind.is_network:
        return []
    entry, splits = _entry(snapshot, "mix", "mix"), snapshot.splits
    if snapshot.train.mix == 0:
        return [entry]
    if snapshot.train.mix == "auto" and splits and splits.mixed:
        entry = entry._replace(value=f"auto → {splits.mixed.weight:.3f}")
    return [entry, _entry(snapshot, "mix_order")]


def _rate_entry(snapshot: Snapshot) -> Entry:
    """The entry of the learning rate, with what the schedule makes of it now."""
    entry = _entry(snapshot, "learning_rate", *_both("rate"))
    if entry.value == _UNUSED or snapshot.learning_rate == snapshot.train.learning_rate:
        return entry
    now = setting_text("learning_rate", float(f"{snapshot.learning_rate:.3g}"))
    return entry._replace(
        value=f"{entry.value} → {now}", shorter=(f"{entry.value}→{now}", f"→ {now}")
    )


def _entry(snapshot: Snapshot, setting: str, *keys: str) -> Entry:
    """The entry of a setting whose name and value are shown as they are."""
    value = (vars(snapshot.model) | vars(snapshot.train))[setting]
    shown = setting_text(setting, value) if snapshot.model.is_relevant(setting) else _UNUSED
    return Entry(setting.replace("_", " "), shown, keys, setting)


def _both(setting: str) -> tuple[str, str]:
    """The ids of the keys that change a setting."""
    return f"{setting}-down", f"{setting}-up"


def name_width(width: int) -> int:
    """The cells of the settings' names, in a line of so many."""
    return 15 if width >= 32 else 14


def settings_row(
    entry: Entry, width: int, is_chosen: bool, labels: Mapping[str, str], palette: Palette
) -> Row:
    """A line of `width` cells: the name, the value, and the keys.

    is_chosen: whether the cursor is on it. labels: of the keys, by id.
    """
    if width >= _WITH_MEANING:
        line = settings_row(entry, _OWN_WIDTH, is_chosen, labels, palette)
        text = f"   {_meaning(entry.setting)}"
        return [*line, *row((fitted(text, width - _OWN_WIDTH), palette.style("dim")))]
    chosen = Style(reverse=is_chosen)
    if entry.both is not None:
        return _pair_row(entry, entry.both, width, chosen, labels, palette)
    value, is_unused, name_cells = entry.value, entry.value == _UNUSED, name_width(width)
    keys = " ".join(labels[id] for id in entry.keys)
    keys = f" {keys}" if keys and not is_unused else ""
    ways = (value, *entry.shorter)
    value = next((one for one in ways if len(one) <= width - name_cells - len(keys)), ways[-1])
    if len(value) > width - name_cells - len(keys):
        name_cells = len(entry.name) + 1  # a long value may begin further to the left
    room = max(1, width - name_cells - len(keys))
    value_style = palette.style("dim" if is_unused else "text", bold=not is_unused)
    return row(
        (f"{entry.name:<{name_cells}}", palette.style("dim") + chosen),
        (fitted(value, room), value_style + chosen),
        (keys, palette.style("batch") + chosen),
    )


def value_place(width: int, side: Side | None) -> tuple[int, int]:
    """Where a value is typed in a line of so many cells, and in how many; side: the chosen run's of
    a pair."""
    if side is None:
        return name_width(width), max(4, width - name_width(width))
    a, b = _pair_cells(width)
    return (_PAIR_NAME_WIDTH, a) if side == "a" else (_PAIR_NAME_WIDTH + a + len(_DIFFER), b)


def _pair_cells(width: int) -> tuple[int, int]:
    """The cells that the values of A and of B have in a line of so many."""
    left = (_OWN_WIDTH if width >= _WITH_MEANING else width) - _PAIR_NAME_WIDTH - len(_DIFFER)
    left -= _KEYS_WIDTH * (left >= _WITH_KEYS)
    return max(4, left - left // 2), max(4, left // 2)


def _pair_row(
    entry: Entry, both: tuple[str, str], width: int, chosen: Style, labels: Mapping[str, str],
    palette: Palette,
) -> Row:  # fmt: skip
    """A line with the values of A and of B, with a sign between those that differ, and the keys
    where there is room. chosen: the style of the cursor."""
    a, b = (
        fitted(one if len(one) <= cells else one.partition(" ")[0].rstrip(","), cells)
        for one, cells in zip(both, _pair_cells(width), strict=True)
    )
    a_value, b_value = (one.partition(" → ")[0] for one in both)
    is_other, is_heading = a_value != b_value, not entry.name
    colours = ("batch", "dev") if is_other or is_heading else ("text", "text")
    a_style, b_style = (palette.style(one, bold=is_other) + chosen for one in colours)
    keys = " ".join(labels[id] for id in entry.keys)
    left = width - _PAIR_NAME_WIDTH - len(a + _DIFFER + b)
    return row(
        (f"{entry.name:<{_PAIR_NAME_WIDTH}}", palette.style("dim") + chosen),
        (a, a_style),
        (_DIFFER if is_other and not is_heading else " " * len(_DIFFER), a_style),
        (b, b_style),
        (keys.rjust(left) if left >= len(keys) else "", palette.style("batch") + chosen),
    )


def _meaning(setting: str) -> str:
    """What a setting is, and the values that it may have; "" for a fact of the run."""
    if setting == "seed":
        return "seed of weights and minibatches; another one starts a new run"
    if setting not in SETTINGS:
        return ""
    about = re.sub("^(mlp|ngram|networks): ", "", SETTINGS[setting].metadata["about"])
    return f"{about} ({allowed_values(setting)})"


def typed_value(snapshot: Snapshot, setting: str) -> str | None:
    """A setting as one would type it; None where the model has no such setting."""
    if setting == "seed":
        return str(snapshot.seed)
    if not snapshot.model.is_relevant(setting):
        return None
    value = (vars(snapshot.model) | vars(snapshot.train))[setting]
    return f"{value}" if isinstance(value, float) else setting_text(setting, value).replace(",", "")


def command_line_words(snapshot: Snapshot) -> str:
    """The settings as options of the command line, without those that are as in its preset."""
    values = vars(snapshot.model) | vars(snapshot.train)
    preset = preset_named(DEFAULT_PRESET)
    usual = vars(preset.model) | vars(preset.train)
    changed = [
        f"--set {name}={exact_text(values[name])}"
        for name in SETTINGS
        if values[name] != usual[name]
    ]
    return " ".join([f"--preset {DEFAULT_PRESET}", *changed, f"--seed {snapshot.seed}"])
