"""The losses of the splits."""

from makemore_tui.core.messages import Snapshot, SplitLosses

from .panel import Panel, Row, number, row


class SplitsPanel(Panel):
    """Train and dev loss, updated while training; test only on request."""

    def __init__(self, **kwargs):
        super().__init__("Split losses", **kwargs)

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
        note = " not held out" if trained_on == "all" else ""
        rows = [
            self._row(train, f"{about}{number(splits.train)}", "batch"),
            self._row("dev", number(splits.dev), "dev", note),
            self._row("  new items", number(splits.dev_unseen), "dim"),
            self._row("  also in train", number(splits.dev_seen), "dim"),
            self._row("dev - train", f"{gap:+.3f}" if abs(gap) < 1e9 else "–", "dim"),
            self._row("at step", f"{splits.step:,}", "dim"),
        ]
        return [
            part for one in rows for part in (([one, []]) if one is rows[-1] and roomy else [one])
        ]

    def _test(self, snapshot: Snapshot) -> list[Row]:
        test = snapshot.test
        if test is None:
            return [self._row("test", "press t", "dim")]
        times = "asked once" if test.asked == 1 else f"asked {test.asked} times"
        stale = "" if test.step == snapshot.step else f", at step {test.step:,}"
        return [self._row("test", number(test.loss), "good"), row((times + stale, self._dim))]

    @property
    def _dim(self):
        return self.palette.style("dim")

    def _row(self, name: str, value: str, colour: str, note: str = "") -> Row:
        is_main = colour != "dim"
        return row(
            (f"{name:<16}", self.palette.style(colour, bold=is_main)),
            (value, self.palette.style("text" if is_main else "dim", bold=is_main)),
            (note, self.palette.style("warning")),
        )
