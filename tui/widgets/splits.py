"""The losses of the splits."""

from makemore_tui.core.results import SplitLosses
from makemore_tui.core.worker.protocol import Snapshot

from ..style.text_rows import Row, number, row
from .panel import Panel


class SplitsPanel(Panel):
    """Train and dev loss, updated while training; test only on request."""

    def __init__(self):
        super().__init__("Split losses", id="splits")

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        splits = snapshot.splits
        rows = [[]] if height >= 10 else []
        if splits is None:
            rows.append(row(("evaluating …", self.palette.style("dim"))))
        else:
            rows += self._train_and_dev(splits, snapshot, roomy=height >= 10)
        return [*rows, *self._test(snapshot)]

    def _train_and_dev(self, splits: SplitLosses, snapshot: Snapshot, roomy: bool) -> list[Row]:
        trained_on = snapshot.train.train_on
        train = "train" if trained_on == "train" else trained_on.replace("-", " ")
        about = "≈ " if splits.train_share < 1 else ""
        gap = splits.dev - splits.train
        rows = [
            self._row(train, f"{about}{number(splits.train)}", "batch"),
            self._row("dev", f"{'≈ ' if splits.dev_share < 1 else ''}{number(splits.dev)}", "dev"),
            self._row("  new items", number(splits.dev_unseen), "dim"),
            self._row("  also in train", number(splits.dev_seen), "dim"),
            self._row("dev - train", f" {gap:+.3f}" if abs(gap) < 1e9 else "  –", "dim"),
            self._row("at step", f"{splits.step:,}", "dim"),
        ]
        if trained_on == "all":
            rows.insert(2, row(("  not held out", self.palette.style("warning"))))
        return [*rows, []] if roomy else rows

    def _test(self, snapshot: Snapshot) -> list[Row]:
        test, asked = snapshot.test, snapshot.test_asked
        times = "asked once" if asked == 1 else f"asked {asked} times"
        if test is None:
            unasked = self._row("test", f"press {self.key_labels['test']}", "dim")
            return [unasked, row((times, self._dim))] if asked else [unasked]
        shown = self._row("test", number(test.loss), "good")
        if test.step == snapshot.step:
            return [shown, row((times, self._dim))]
        when = f"at step {test.step:,}"
        if len(times) + len(when) + 2 <= self.content_size.width:
            return [shown, row((f"{times}, {when}", self._dim))]
        return [shown, row((f"{times},", self._dim)), row((when, self._dim))]

    @property
    def _dim(self):
        return self.palette.style("dim")

    def _row(self, name: str, value: str, colour: str) -> Row:
        is_main = colour != "dim"
        return row(
            (f"{name:<16}", self.palette.style(colour, bold=is_main)),
            (_aligned(value), self.palette.style("text" if is_main else "dim", bold=is_main)),
        )


def _aligned(value: str) -> str:
    """A value with room for a sign before it, so that losses stand under one another."""
    return value if value.startswith("≈ ") or not value[:1].isdigit() else f"  {value}"
