"""The losses of the splits."""

import math

from makemore_tui.core.results import MixedLosses, SplitDetails, SplitLosses
from makemore_tui.core.settings import KIND_NAMES
from makemore_tui.core.worker.protocol import DetailsView, Snapshot

from ..keymap import key_labels
from ..notices import times_asked
from ..plots.pair_losses import pair_losses, pair_notes, pair_sentence
from ..plots.split_details import coverage_rows, regularization_rows
from ..style.text_rows import Row, bar, beside, fitted, number, paragraph, row, scientific, signed
from .panel import Panel, run_of

_WIDE = 48  # cells from which on the losses are compared
_HIGH = 17  # lines from which on there is room for what they come from
_EXPLAINED = (
    ("bits", "nats divided by ln 2"),
    ("perplexity", "e to the loss in nats: as hard as guessing among so many likely characters"),
    ("new items", "those of dev that do not occur in train; also in train: those that do"),
    ("dev - train", "near 0 the model may be too small; where it grows, the model over-fits"),
    ("test", "evaluate it last: a split that settings are chosen by is a second dev"),
)
_ITEMS = "also in train: items of dev that occur in train too"
_LOSSES = 32  # cells of the losses, where they are compared beside
_COLOURS = {"train": "batch", "dev": "dev", "test": "good"}
_MIXED_TITLES = "network counts  mixed"
_MAX_LOSS = 20.0  # nats, above which a perplexity says nothing


class SplitsPanel(Panel):
    """Train and dev loss, updated while training; test only on request. Where there is room, also
    how they compare with counting, and what they come from. Of a pair of runs, those of both."""

    ID = "splits"
    drawn: SplitDetails | None

    def view(self) -> DetailsView | None:
        width, height = self.content_size
        return DetailsView() if width >= _WIDE and height >= _HIGH else None

    def show(self, snapshot: Snapshot) -> None:
        before = self.snapshot
        is_same_run = before is not None and run_of(before) == run_of(snapshot)
        if snapshot.details is not None or not is_same_run:
            self.drawn = snapshot.details
        super().show(snapshot)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        space: list[Row] = [[]] if height >= (_HIGH if snapshot.pair else 10) else []
        below, test = self._comparison(snapshot, width), self._test(snapshot, width)
        pair = snapshot.pair
        said = pair_sentence(pair, width, self.palette) if pair else []
        losses = self._losses(snapshot, width, height - len(test) - len(said))
        rows = [*space, *losses, *space, *test]
        details = [*space[: len(said)], *said, *self._details(snapshot, width)]
        if len(rows) + len(below) + len(details) < height:
            found = [*rows, *([], *below)[: 2 * len(below)], *details]
            explained: list[Row] = []
            if below:
                lines = (fitted(f"{name:<16}{text}", width) for name, text in _EXPLAINED)
                explained = [[], *(row((line, self.palette.style("dim"))) for line in lines)]
            elif pair is None and snapshot.splits and not snapshot.splits.mixed:
                explained = [[], *paragraph(_ITEMS, width, self.palette)]
            return [*found, *explained] if len(found) + len(explained) <= height else found
        compared = self._comparison(snapshot, width - _LOSSES)
        return [*beside(rows, [*space, *compared], _LOSSES), *details]

    def _losses(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        """Train and dev loss; of a pair in at most so many rows, if that can be."""
        trained_on = snapshot.train.train_on
        if snapshot.pair is not None:
            return pair_losses(snapshot.pair, trained_on, height, self.palette)
        if snapshot.splits is None:
            return paragraph("evaluating …", width, self.palette)
        return self._train_and_dev(snapshot.splits, trained_on)

    def _details(self, snapshot: Snapshot, width: int) -> list[Row]:
        """How sure the difference of a pair is, and what the losses come from, if it is known and
        there is room."""
        details, splits = self.drawn, snapshot.splits
        if details is None or splits is None or self.view() is None:
            return []
        model, pair = KIND_NAMES[snapshot.model.kind], snapshot.pair
        notes = pair_notes(pair, width, self.palette) if pair else []
        rows = [*notes, [], *coverage_rows(details.coverage, model, self.palette)]
        if details.regularization is not None:
            rows += [[], *regularization_rows(details.regularization, splits.train, self.palette)]
        return rows

    def _comparison(self, snapshot: Snapshot, width: int) -> list[Row]:
        """The losses beside what n-gram counts reach, as bars, in bits, and as perplexities: of
        what a character is chosen from, the number of equally likely ones."""
        if snapshot.splits is None or width < _WIDE:
            return []
        losses = {"test": snapshot.test.loss} if snapshot.test else {}
        for run, splits in _runs(snapshot):
            losses |= {f"train{run}": splits.train, f"dev{run}": splits.dev}
            if mixed := splits.mixed:
                losses |= {f"train, mixed{run}": mixed.train, f"dev, mixed{run}": mixed.dev}
        if snapshot.test and snapshot.test.mixed is not None:
            losses["test, mixed"] = snapshot.test.mixed
        counted = {f"{one.name}, {one.detail}": one.loss for one in snapshot.baselines}
        found = {**losses, **{name.removesuffix(", "): loss for name, loss in counted.items()}}
        found = {name: loss for name, loss in found.items() if math.isfinite(loss)}
        most, room = max(found.values(), default=1.0), max(0, width - 50)
        titles = f"{'':<20}{'nats':>7}{'bits':>8}{'perplexity':>12}"
        rows = [row((titles, self.palette.style("dim")))]
        for name, loss in sorted(found.items(), key=lambda one: -one[1]):
            colour = _COLOURS.get(name.partition(",")[0], "dim")
            perplexity = f"{math.exp(loss):,.1f}" if loss < _MAX_LOSS else "–"
            if len(perplexity) > 11:
                perplexity = scientific(math.exp(loss), ".2e")
            text = f"{name:<20.19}{loss:7.3f}{loss / math.log(2):8.3f}{perplexity:>12}"
            style = self.palette.style(colour, bold=colour != "dim")
            rows.append(row((text, style), (f"  {bar(loss / most, room)}", style)))
        return rows

    def _train_and_dev(self, splits: SplitLosses, trained_on: str) -> list[Row]:
        train, dev = (
            f"{'≈ ' if share < 1 else ''}{number(loss)}"
            for loss, share in ((splits.train, splits.train_share), (splits.dev, splits.dev_share))
        )
        if splits.mixed:
            return self._mixed(splits, splits.mixed, trained_on)
        gap, name = splits.dev - splits.train, trained_on.replace("-", " ")
        rows = [
            self._row(name, train, "batch"),
            self._row("dev", dev, "dev"),
            self._row("  new items", number(splits.dev_unseen)),
            self._row("  also in train", number(splits.dev_seen)),
            self._row(f"dev - {name}", f" {signed(gap)}" if abs(gap) < 1e9 else "  –"),
            self._row("at step", f"{splits.step:,}"),
        ]
        if trained_on == "all":
            rows.insert(2, row(("  not held out", self.palette.style("warning"))))
        return rows

    def _mixed(self, splits: SplitLosses, mixed: MixedLosses, trained_on: str) -> list[Row]:
        """The losses of network, counts and mixture, and the weight of the counts."""
        dim = self.palette.style("dim")
        train = splits.train, mixed.train_counts, mixed.train
        dev = splits.dev, mixed.dev_counts, mixed.dev
        return [
            row((f"{'':<9}{_MIXED_TITLES}", dim)),
            self._row_of_mixed(trained_on.replace("-", " "), train, "batch"),
            self._row_of_mixed("dev", dev, "dev"),
            self._row("weight of counts", f"{mixed.weight:.3f}"),
            self._row("at step", f"{splits.step:,}"),
        ]

    def _row_of_mixed(self, name: str, losses: tuple[float, ...], colour: str) -> Row:
        *alone, both = (f"{number(loss):>7.7}" for loss in losses)
        style = self.palette.style(colour, bold=True)
        return row(
            (f"{name:<9.9}", style), ("".join(alone), self.palette.style("text")), (both, style)
        )

    def _test(self, snapshot: Snapshot, width: int) -> list[Row]:
        test, asked = snapshot.test, snapshot.test_asked
        times = times_asked(asked)
        if test is None:
            first = self._row("test", f"press {key_labels(self.app)['test']}")
            lines = [times] if asked else []
        else:
            first = self._row("test", number(test.loss), "good")
            if test.mixed is not None and test.counts is not None:
                losses = test.loss, test.counts, test.mixed
                first = self._row_of_mixed("test", losses, "good")
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


def _runs(snapshot: Snapshot) -> list[tuple[str, SplitLosses]]:
    """The losses of the run, or of each of a pair, after what tells them apart."""
    if (pair := snapshot.pair) is None:
        return [("", snapshot.splits)] if snapshot.splits else []
    sides = ((", A", pair.a.splits), (", B", pair.b.splits))
    return [(name, splits) for name, splits in sides if splits]
