"""Former runs, and the way back to them."""

from dataclasses import dataclass
from textwrap import wrap

from rich.cells import cell_len, set_cell_size
from textual.binding import Binding
from textual.message import Message

from makemore_tui.core.messages import FormerFacts, Snapshot

from ..rows import Row, number, row
from ..ticks import tick_label
from .panel import Panel

_FIGURES = 15  # cells of steps and dev loss
_WIDE = 80  # cells from which the settings have room in a run's own line
_NAME_WIDTH = 28


class RunsPanel(Panel):
    """The runs that a restart or a return has put away, the newest first; enter goes back."""

    BINDINGS = [Binding("enter", "go_on", "go on with this run", show=False)]  # noqa: RUF012

    @dataclass
    class Chosen(Message):
        """Go on with the former run of this index in the snapshot."""

        index: int

    def __init__(self, **kwargs):
        super().__init__("Former runs", **kwargs)
        self.cursor = 0  # from the newest

    def move(self, down: int, right: int) -> None:
        """Move the cursor to an older run, or a newer one."""
        self.cursor = max(0, min(self.cursor + down, len(self._former) - 1))
        self.relayout()

    def action_go_on(self) -> None:
        if self._former:
            self.post_message(self.Chosen(len(self._former) - 1 - self.cursor))

    def show(self, snapshot: Snapshot) -> None:
        if len(snapshot.former) != len(self._former):
            self.cursor = 0
        super().show(snapshot)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        dim = self.palette.style("dim")
        self.border_subtitle = "↑ ↓ choose · enter goes back" if snapshot.former else ""
        if not snapshot.former:
            words = ("none yet; a restart (r, R) or", "another model (m) leaves one")
            return [row((one, dim)) for one in words]
        runs = snapshot.former[::-1]
        brief = [] if width >= _WIDE else wrap(_brief(runs[self.cursor]), max(1, width))
        brief = brief[: max(0, height - 4)]
        room = max(1, height - 1 - len(brief))
        first = max(0, min(self.cursor - room // 2, len(runs) - room))
        shown = range(first, min(first + room, len(runs)))
        lines = [self._line(runs[i], i == self.cursor, width) for i in shown]
        blank: list[Row] = [[]] * (room > len(lines) and bool(brief))
        return [self._header(width), *lines, *blank, *(row((line, dim)) for line in brief)]

    @property
    def _former(self) -> tuple[FormerFacts, ...]:
        return self.snapshot.former if self.snapshot else ()

    def _header(self, width: int) -> Row:
        settings = "  settings" if width >= _WIDE else ""
        text = f"  {_fitted('what differed', _name_width(width))}  steps      dev{settings}"
        return row((text, self.palette.style("dim")))

    def _line(self, run: FormerFacts, is_chosen: bool, width: int) -> Row:
        text, dim = self.palette.style("text", bold=is_chosen), self.palette.style("dim")
        name = run.name.partition(" → ")[0]  # what follows is the dev loss
        settings = f"  {_brief(run)}" if width >= _WIDE else ""
        return row(
            ("› " if is_chosen else "  ", self.palette.style("cursor", bold=True)),
            (_fitted(name, _name_width(width)), text),
            (f"{tick_label(run.steps):>7}", dim),
            (f"{number(run.best_dev):>{_FIGURES - 7 + 1}}", self.palette.style("dev", is_chosen)),
            (settings, dim),
        )


def _name_width(width: int) -> int:
    return _NAME_WIDTH if width >= _WIDE else max(1, width - 3 - _FIGURES)


def _brief(run: FormerFacts) -> str:
    """The settings of a run in few words."""
    model, train = run.model, run.train
    words = {
        "mlp": f"MLP, context {model.context}, embedding {model.embedding}, hidden {model.hidden}",
        "ngram": f"counts, order {model.order}, smoothing {train.smoothing:g}",
        "neural-bigram": "neural bigram",
    }[model.kind]
    if model.kind != "ngram":
        batch = train.batch_size or "all"
        words += f", {train.optimizer}, lr {train.learning_rate:g}, batch {batch}"
    return f"{words}, seed {run.seed}"


def _fitted(text: str, width: int) -> str:
    """A text in exactly so many cells."""
    return (
        set_cell_size(text, width)
        if cell_len(text) <= width
        else (set_cell_size(text, width - 1) + "…")
    )
