"""A traced example as rows of text: its words, the stages of the computation, one of them closely,
and the likelihood of the words."""

import math
from collections.abc import Sequence

from msgspec import Struct

from makemore_tui.core.results import TraceDrawing, TraceLine

from ..style.cells import cell_len
from ..style.colours import Palette
from ..style.text_rows import (
    Row,
    beside,
    fitted,
    number,
    paragraph,
    probability,
    row,
    width_of,
    wrapped,
)
from .trace_ladder import TABLE_WIDTH, ladder_rows, ladder_table
from .trace_stages import closely, stage_row

_WIDE, _HIGH = 140, 38  # from which on all stages are shown, each with what happens there
_GAP = 3  # cells between columns
_CLOSE = 8  # rows that there must be for the chosen stage closely
_SHORT = 16  # rows below which less is said of the context
_LEGENDS = (
    "+ above 0, - below, blank near it; then those farthest from 0, by place: row, column",
    "+ above 0, - below, blank near it; 1,0: row 1, column 0",
    "+ above 0, - below, blank near it",
    "+ above 0, - below",
)


class Drawn(Struct, frozen=True):
    """What is drawn, and how.

    before: the same example some steps ago. stage: that under the cursor, which is shown closely;
    None if the cursor is on the words. unit: the value under the cursor. labels: of the characters,
    by id.
    """

    trace: TraceDrawing
    before: TraceDrawing | None
    stage: int | None
    unit: int
    labels: Sequence[str]
    palette: Palette

    @property
    def stages(self) -> tuple[TraceLine, ...]:
        return (*self.trace.stages, *self.trace.gradients)


def trace_rows(drawn: Drawn, width: int, height: int) -> list[Row]:
    """The trace in `height` rows of `width` cells."""
    context = _context(drawn, width, height)
    head = [_words(drawn, width), _example(drawn, width), *context, *_steps(drawn, width)]
    is_wide = width >= _WIDE and height >= _HIGH
    body = _all_stages if is_wide else _chosen_stage
    return [*head, *body(drawn, width, height - len(head))]


def _words(drawn: Drawn, width: int) -> Row:
    """The words with the character that is predicted; as many of them around it as fit."""
    trace, palette = drawn.trace, drawn.palette
    ends = {sum(trace.lengths[: i + 1]) - 1 for i in range(len(trace.lengths))}
    texts = [
        (f"[{one.target}]" if i == trace.position else f" {one.target} ") + "  " * (i in ends)
        for i, one in enumerate(trace.examples)
    ]
    first = 0
    while first < trace.position and sum(map(cell_len, texts[first : trace.position + 4])) > width:
        first += 1
    is_chosen = drawn.stage is None
    marked = palette.style("cursor", bold=True)
    cells = row(("▸" if is_chosen else " ", marked))
    for i, text in enumerate(texts[first:], first):
        cells += row((text, marked if i == trace.position else palette.style("text")))
        if width_of(cells) > width:
            break
    return cells


def _example(drawn: Drawn, width: int) -> Row:
    """The example with its loss."""
    trace, palette = drawn.trace, drawn.palette
    one, V = trace.example, len(drawn.labels)
    dim, bold = palette.style("dim"), palette.style("text", bold=True)
    parts = [
        row((f"  {one.context} → {one.target}", palette.style("cursor", bold=True))),
        row(("   p ", dim), (probability(one.probability), bold)),
        row(("   ln p ", dim), (number(-one.loss if one.loss else 0.0, 4), bold)),
        row(("   loss ", dim), (number(one.loss, 4), bold)),
        row((f"   uniform 1/{V}: {math.log(V):.4f}", dim)),
        row((f"   ids {' '.join(map(str, one.ids[:-1]))} → {one.ids[-1]}", dim)),
    ]
    if sum(map(width_of, parts[:4])) > width:
        del parts[2]  # ln p, which is the loss but for its sign
    return _as_many(parts, width)


def _context(drawn: Drawn, width: int, height: int) -> list[Row]:
    """How often the context occurs, and what that means for the loss; of several ways to say it,
    the longest that has room. In a short panel a stage that is looked at closely has the room."""
    trace = drawn.trace
    if height < _SHORT and drawn.stage is not None:
        return []
    most = 2 if height < _SHORT else 3
    context, times, floor = trace.example.context, f"{trace.times:,}", f"{trace.floor:.4f}"
    if not trace.times:
        ways = [f"{context} never occurs in train: the prediction is learnt from other contexts."]
    elif trace.floor == 0:
        often = "once" if trace.times == 1 else f"{times} times"
        same = "" if trace.times == 1 else ": always the same"
        ways = [f"{context} occurs {often} in train, followed by {_followers(trace, 1)}{same}."]
    else:
        said = "On average over all {} the loss can't be below {}; of one it can."
        ways = [
            f"{context} occurs {times} times in train, followed by {_followers(trace, most)}. "
            + said.format(times, floor)
            for most in (8 if width >= 100 else 4, 2)
        ]
        ways.append(
            f"{context}, {times} times in train: {_followers(trace, 2)}; mean loss of all at least "
            f"{floor}"
        )
    rows = [paragraph(way, width, drawn.palette) for way in ways]
    return next((one for one in rows if len(one) <= most), rows[-1][:most])


def _followers(trace: TraceDrawing, most: int) -> str:
    """The commonest of what follows the context, with how often it does."""
    common = trace.followers[:most]
    said = ", ".join(f"{label} {count:,}" for label, count in common)
    return said + (", …" if sum(count for _, count in common) < trace.times else "")


def _steps(drawn: Drawn, width: int) -> list[Row]:
    """What the last steps have changed, and what the next one will change."""
    trace, palette, rows = drawn.trace, drawn.palette, []
    now, dim = trace.example, palette.style("dim")
    if drawn.before is not None:
        before = drawn.before.example
        bold = palette.style("good", bold=True)
        parts = [
            row((f"  step {drawn.before.step:,} → {trace.step:,}", dim)),
            row((f"   loss {number(before.loss, 4)} → {number(now.loss, 4)}", bold)),
            row((f"   p {probability(before.probability)} → {probability(now.probability)}", bold)),
        ]
        is_narrow = width_of(parts[0]) + width_of(parts[1]) > width
        rows.append(_as_many(parts[is_narrow:], width))
    if trace.loss_after is not None:
        bold = palette.style("dev", bold=True)
        alone = f"   on this example alone, by {trace.learning_rate:g}: "
        parts = [
            row(("  next step: loss → ", dim), (number(trace.loss_after_next, 4), bold)),
            row((alone, dim), (f"→ {number(trace.loss_after, 4)}", bold)),
        ]
        rows.append(_as_many(parts, width))
    return rows


def _chosen_stage(drawn: Drawn, width: int, height: int) -> list[Row]:
    """The stages in a list around the chosen one; below that one closely, or while the words are
    chosen their ladder, which stands at the bottom too where there is room."""
    stages, chosen, trace = drawn.stages, drawn.stage or 0, drawn.trace
    lines = min(4, len(trace.lengths) + 1) if len(trace.lengths) > 1 else 3
    ladder = ladder_rows(trace, width, lines, drawn.palette)
    bottom, close = [[], *ladder], _closely(drawn, width)
    if drawn.stage is None:
        rungs = min(height // 2, len(trace.examples) + len(trace.lengths) + 4)
        close = ladder_table(trace, rungs, drawn.palette) if rungs >= 10 else ladder
        if height < len(close) + 2:
            return close[:height]
    if drawn.stage is None or height < 12:
        bottom = []
    room = max(3, height - len(bottom))
    listed = min(len(stages), max(1, room - min(1 + len(close), max(6, room // 2))))
    first = max(0, min(chosen - listed // 2, len(stages) - listed))
    rows = [_stage(drawn, i, width) for i in range(first, first + listed)]
    close = [_legend(drawn, width, len(stages) - first - listed), *close]
    rows += close[: max(0, height - len(bottom) - len(rows))]
    rows += [[]] * (height - len(bottom) - len(rows))
    return [*rows, *bottom]


def _all_stages(drawn: Drawn, width: int, height: int) -> list[Row]:
    """Every stage with what happens there, the gradients beside them, and the ladder; if there are
    too many, as `_chosen_stage`."""
    trace = drawn.trace
    parts = 2 if trace.gradients else 1
    each = (width - _GAP) // parts
    forward = range(len(trace.stages))
    backward = range(len(trace.stages), len(drawn.stages))
    rows = [line for i in forward for line in _with_words(drawn, i, each)]
    if trace.gradients:
        back = [line for i in backward for line in _with_words(drawn, i, each)]
        rows = beside(rows, back, each + _GAP)
    if len(rows) + _CLOSE > height:
        return _chosen_stage(drawn, width, height)
    room, left = height - len(rows) - 2, width - TABLE_WIDTH - _GAP
    table = ladder_table(trace, room, drawn.palette)
    below = beside(_closely(drawn, left)[:room], table, left + _GAP)
    return [[], *rows, _legend(drawn, width), *below][:height]


def _with_words(drawn: Drawn, i: int, width: int) -> list[Row]:
    """A stage, and below it what happens there."""
    lines, dim = wrapped(drawn.stages[i].about, width - 4), drawn.palette.style("dim")
    return [_stage(drawn, i, width), *(row((f"    {line}", dim)) for line in lines)]


def _stage(drawn: Drawn, i: int, width: int) -> Row:
    unit = drawn.unit if i == drawn.stage else None
    return stage_row(drawn.stages[i], drawn.labels, unit, width, drawn.palette)


def _legend(drawn: Drawn, width: int, more: int = 0) -> Row:
    """How many more stages there are below, and what the signs stand for."""
    below = f"  {more} more ↓ · " if more else "  "
    said = next((one for one in _LEGENDS if len(below + one) <= width), _LEGENDS[-1])
    return row((fitted(below + said, width).rstrip(), drawn.palette.style("dim")))


def _closely(drawn: Drawn, width: int) -> list[Row]:
    stage = drawn.stages[drawn.stage or 0]
    return closely(stage, drawn.trace, drawn.labels, drawn.unit, width, drawn.palette)


def _as_many(parts: list[Row], width: int) -> Row:
    """The first parts of a row, as many as fit."""
    line: Row = []
    for part in parts:
        if width_of(line) + width_of(part) > width:
            break
        line = [*line, *part]
    return line
