"""A traced example as rows of text: its word, the stages of the computation, one of them closely,
and the likelihood of the whole word."""

import math
from collections.abc import Sequence

from rich.style import Style

from makemore_tui.core.trace_results import TraceDrawing, TraceLine

from ..style.colours import Palette, ink_on
from ..style.text_rows import Row, fitted, number, paragraph, row, width_of

_WIDE = 76  # cells from which on the code of each stage stands beside it


def trace_rows(
    trace: TraceDrawing,
    chosen: int,
    labels: Sequence[str],
    width: int,
    height: int,
    palette: Palette,
) -> list[Row]:
    """The trace in `height` rows of `width` cells.

    chosen: the stage that is shown closely. labels: of the characters, by id.
    """
    stages = (*trace.stages, *trace.gradients)
    top = [_word(trace, palette), _example(trace, labels, width, palette)]
    bottom = _ladder(trace, width, palette) if height >= 16 else []
    closely = _closely(stages[chosen], trace, labels, width, palette)
    room = max(3, height - len(top) - len(bottom) - 1)
    listed = min(len(stages), max(1, room - min(len(closely), max(3, room // 2))))
    first = max(0, min(chosen - listed // 2, len(stages) - listed))
    rows = [
        *top,
        *(_stage(stages, i, i == chosen, width, palette) for i in range(first, first + listed)),
    ]
    rows += [[], *closely][: max(0, height - len(bottom) - len(rows))]
    rows += [[]] * (height - len(bottom) - len(rows))
    return [*rows, *bottom]


def _word(trace: TraceDrawing, palette: Palette) -> Row:
    """The word with the character that is predicted, and what is lost on it."""
    cells: Row = []
    for i, one in enumerate(trace.examples):
        is_chosen = i == trace.position
        style = palette.style("cursor" if is_chosen else "text", bold=is_chosen)
        cells += row((f"[{one.target}]" if is_chosen else f" {one.target} ", style))
    example = trace.examples[trace.position]
    said = f"  {example.context} → {example.target}   loss "
    loss = (number(example.loss, 4), palette.style("text", bold=True))
    after: list[tuple[str, Style]] = []
    if trace.loss_after is not None:
        step = (
            f" → {number(trace.loss_after, 4)} after a step of {trace.learning_rate:g} on it alone"
        )
        after = [(step, palette.style("dev"))]
    return [*cells, *row((said, palette.style("dim")), loss, *after)]


def _example(trace: TraceDrawing, labels: Sequence[str], width: int, palette: Palette) -> Row:
    context = trace.examples[trace.position].context
    times = f"{context} occurs {trace.times:,} times in train"
    followed = ", ".join(f"{label} {count:,}" for label, count in trace.followers)
    text = f"{times}, followed by {followed}" if followed else times
    uniform = f" · uniform {math.log(len(labels)):.4f}"
    whole = text + uniform if len(text + uniform) <= width else text
    return row((fitted(whole, width).rstrip(), palette.style("dim")))


def _stage(
    stages: Sequence[TraceLine], i: int, is_chosen: bool, width: int, palette: Palette
) -> Row:
    """A stage on one line: name, shape, code, and its values as coloured cells."""
    one = stages[i]
    shape = f"({', '.join(map(str, one.shape))})"
    style = palette.style("cursor" if is_chosen else "text", bold=is_chosen)
    line = row(
        ("▸ " if is_chosen else "  ", style),
        (fitted(one.name, 10), style),
        (fitted(shape, 10), palette.style("dim")),
        (fitted(one.code, 24) if width >= _WIDE else "", palette.style("dim")),
    )
    return [*line, *_cells(one.values, width - width_of(line), palette)]


def _cells(values: Sequence[float], width: int, palette: Palette) -> Row:
    """Values as cells from -most to most: a sign on the colour of its size."""
    most = max((abs(value) for value in values), default=0.0) or 1.0
    cells: Row = []
    for value in values[: max(0, width)]:
        share = min(15, int(abs(value) / most * 15))
        colour = (palette.more_colors if value >= 0 else palette.less_colors)[share]
        sign = " " if share < 4 else "+" if value > 0 else "-"
        cells += row((sign, Style(color=ink_on(colour), bgcolor=colour)))
    return cells


def _closely(
    one: TraceLine, trace: TraceDrawing, labels: Sequence[str], width: int, palette: Palette
) -> list[Row]:
    """What happens at a stage, and its values as numbers."""
    rows = paragraph(f"{one.code}: {one.about}", width, palette, "text")
    if len(one.shape) == 2:
        return [*rows, *_matrix(one, trace, labels, width, palette)]
    named = [str(i) for i in range(len(one.values))]
    if one.shape == (len(labels),):
        named = list(labels)
    pairs = list(zip(named, one.values, strict=False))
    if len(pairs) > 3 and one.name not in ("ids", "x"):
        pairs.sort(key=lambda pair: -abs(pair[1]))
    each = 2 + max(len(name) for name, _ in pairs) + 9
    columns = max(1, width // each)
    lines = [pairs[i : i + columns] for i in range(0, len(pairs), columns)]
    for line in lines:
        cells: Row = []
        for name, value in line:
            parts = (
                (f"{name:>{each - 11}} ", palette.style("dim")),
                (f"{value:<10.4g}", palette.style("text")),
            )
            cells += row(*parts)
        rows.append(cells)
    return rows


def _matrix(
    one: TraceLine, trace: TraceDrawing, labels: Sequence[str], width: int, palette: Palette
) -> list[Row]:
    """The first rows and columns of a matrix."""
    lines = min(one.shape[0], 8)
    columns = len(one.values) // lines
    context = trace.examples[trace.position].context
    names = list(context[-lines:]) if one.name in ("emb", "demb") else list(labels[:lines])
    if one.shape[0] not in (len(labels), len(context)):
        names = [str(i) for i in range(lines)]
    shown = max(1, min(columns, (width - 4) // 9))
    rows = []
    for i, name in enumerate(names):
        values = one.values[i * columns : i * columns + shown]
        cells = "".join(f"{value:>9.4f}" for value in values)
        more = " …" if shown < one.shape[1] and len(cells) + 5 <= width else ""
        rows.append(
            row((f"{name:>3} ", palette.style("dim")), (cells + more, palette.style("text")))
        )
    return rows


def _ladder(trace: TraceDrawing, width: int, palette: Palette) -> list[Row]:
    """The likelihood of the word: the product of p, the sum of ln p, and minus their mean."""
    likelihood = math.prod(one.probability for one in trace.examples)
    total = -sum(one.loss for one in trace.examples)
    p = " x ".join(f"{one.probability:.3f}" for one in trace.examples)
    logs = " ".join(f"{-one.loss:+.2f}" for one in trace.examples)
    texts = (
        f"likelihood   {p} = {likelihood:.3g}",
        f"its log      {logs} = {total:.3f}",
        f"mean NLL     {-total:.3f} / {len(trace.examples)} = {trace.nll:.4f} nats per character",
    )
    dim = palette.style("dim")
    return [[], *(row((fitted(text, width).rstrip(), dim)) for text in texts)]
