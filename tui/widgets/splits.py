"""The losses of the splits."""

from makemore_tui.core.results import SplitLosses
from makemore_tui.core.worker.protocol import Snapshot

from ..style.text_rows import Row, number, paragraph, row
from .panel import Panel


class SplitsPanel(Panel):
    """Train and dev loss, updated while training; test only on request."""

    ID = "splits"

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        splits, space = snapshot.splits, [[]] if height >= 10 else []
        if splits is None:
            losses = paragraph("evaluating …", width, self.palette)
        else:
            losses = [*self._train_and_dev(splits, snapshot.train.train_on), *space]
        return [*space, *losses, *self._test(snapshot, width)]

    def _train_and_dev(self, splits: SplitLosses, trained_on: str) -> list[Row]:
        train, dev = (
            f"{'≈ ' if share < 1 else ''}{number(loss)}"
            for loss, share in ((splits.train, splits.train_share), (splits.dev, splits.dev_share))
        )
        gap = splits.dev - splits.train
        rows = [
            self._row(trained_on.replace("-", " "), train, "batch"),
            self._row("dev", dev, "dev"),
            self._row("  new items", number(splits.dev_unseen)),
            self._row("  also in train", number(splits.dev_seen)),
            self._row("dev - train", f" {gap:+.3f}" if abs(gap) < 1e9 else "  –"),
            self._row("at step", f"{splits.step:,}"),
        ]
        if trained_on == "all":
            rows.insert(2, row(("  not held out", self.palette.style("warning"))))
        return rows

    def _test(self, snapshot: Snapshot, width: int) -> list[Row]:
        test, asked = snapshot.test, snapshot.test_asked
        times = "asked once" if asked == 1 else f"asked {asked} times"
        if test is None:
            first = self._row("test", f"press {self.key_labels['test']}")
            lines = [times] if asked else []
        else:
            first = self._row("test", number(test.loss), "good")
            when = f"at step {test.step:,}"
            if test.step == snapshot.step:
                lines = [times]
            elif len(f"{times}, {when}") <= width:
                lines = [f"{times}, {when}"]
            else:
                lines = [f"{times},", when]
        return [first, *(row((line, self.palette.style("dim"))) for line in lines)]

    def _row(self, name: str, value: str, colour: str = "dim") -> Row:
        is_main = colour != "dim"
        if value[:1].isdigit():
            value = f"  {value}"  # as if with a sign before it
        return row(
            (f"{name:<16}", self.palette.style(colour, bold=is_main)),
            (value, self.palette.style("text" if is_main else "dim", bold=is_main)),
        )
