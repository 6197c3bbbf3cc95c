"""The settings, with the keys that change them."""

from makemore_tui.core.messages import Snapshot

from ..plot import tick_label
from .panel import Panel, Row, row

_KIND_NAMES = {"mlp": "MLP", "ngram": "counts", "neural-bigram": "neural bigram"}


class ControlsPanel(Panel):
    """What the engine says the settings are, and which key changes each."""

    def __init__(self, **kwargs):
        super().__init__("Settings", **kwargs)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        return [self._row(name, value, keys, width) for name, value, keys in _settings(snapshot)]

    def _row(self, name: str, value: str, keys: str, width: int) -> Row:
        colours = self.palette
        name_width = 15 if width >= 32 else 14
        unused = value == "–"
        keys = f" {keys}" if keys and not unused else ""
        if len(value) > width - name_width - len(keys):
            name_width = len(name) + 1  # a long value may begin further to the left
        room = max(1, width - name_width - len(keys))
        if len(value) > room:
            value = value[: room - 1] + "…"
        return row(
            (f"{name:<{name_width}}", colours.style("dim")),
            (
                f"{value:<{room}.{room}}",
                colours.style("dim" if unused else "text", bold=not unused),
            ),
            (keys, colours.style("batch")),
        )


def _settings(snapshot: Snapshot) -> list[tuple[str, str, str]]:
    model, train = snapshot.model, snapshot.train
    is_mlp, is_counts = model.kind == "mlp", model.kind == "ngram"
    kind = _KIND_NAMES[model.kind] + (f", order {model.order}" if is_counts else "")
    rate = f"{train.learning_rate:.4g}"
    now = f"{snapshot.learning_rate:.3g}"
    schedule = train.schedule + (f" → {now}" if train.schedule != "constant" else "")
    batch = "all" if train.batch_size == 0 else f"{train.batch_size:,}"
    rows = [
        ("model", kind, "m"),
        ("learning rate", "–" if is_counts else rate, "[ ]"),
        ("schedule", "–" if is_counts else schedule, "k"),
        ("batch size", batch, "b B"),
        ("context", f"{model.context_length}", "" if model.kind == "neural-bigram" else "; '"),
        ("embedding", f"{model.embedding}" if is_mlp else "–", ", ."),
        ("hidden", f"{model.hidden}" if is_mlp else "–", "- ="),
        ("optimizer", "–" if is_counts else train.optimizer, "o"),
    ]
    if is_counts:
        rows.append(("smoothing", f"{train.smoothing:g}", "w W"))
    else:
        rows.append(("weight decay", f"{train.weight_decay:g}", "w W"))
        rows.append(("dropout", f"{train.dropout:g}" if is_mlp else "–", "x X"))
    parameters = "counts" if is_counts else "parameters"
    return [
        *rows,
        (parameters, f"{snapshot.parameters:,}", ""),
        (
            "step",
            f"{snapshot.step:,}" + ("" if is_counts else f" of {tick_label(train.steps)}"),
            "",
        ),
        ("steps/s", f"{snapshot.steps_per_second:,.0f}" if snapshot.steps_per_second else "–", ""),
    ]
