"""The likelihood of traced words: the product of p, the sum of ln p, and minus their mean."""

import math
from collections.abc import Sequence
from itertools import accumulate, islice, pairwise

from makemore_tui.core.results import TracedExample, TraceDrawing

from ..style.colours import Palette
from ..style.text_rows import Row, end_of, fitted, number, probability, row, scientific, signed

TABLE_WIDTH = 56


def ladder_rows(trace: TraceDrawing, width: int, height: int, palette: Palette) -> list[Row]:
    """The ladder of one word in three lines; of several, a line for each as far as they fit, and
    one for all."""
    if len(trace.lengths) == 1:
        p = [probability(one.probability, 3) for one in trace.examples]
        logs = [signed(-one.loss, 2) for one in trace.examples]
        product, total, mean = _totals(trace.examples)
        mean_of = [f"{number(-total)} / {len(trace.examples)}"]
        texts = [
            _sum("likelihood", p, " x ", scientific(product), width),
            _sum("its log", logs, " ", number(total), width),
            _sum("mean NLL", mean_of, "", f"{number(mean, 4)} nats", width),
        ]
    else:
        texts = _word_lines(trace, height)
    return [row((fitted(text, width).rstrip(), palette.style("dim"))) for text in texts]


def _sum(name: str, parts: Sequence[str], sign: str, total: str, width: int) -> str:
    """A line with what a total is of: as many of the parts as fit, the total always."""
    for shown in range(len(parts), -1, -1):
        left_out = ["…"] if shown < len(parts) else []
        line = f"{name:<11}{sign.join([*parts[:shown], *left_out])} = {total}"
        if len(line) <= width:
            return line
    return f"{name} {total}"


def ladder_table(trace: TraceDrawing, height: int, palette: Palette) -> list[Row]:
    """The examples, those around the chosen one, with p and ln p and what they come to."""
    dim, text = palette.style("dim"), palette.style("text")
    totals = ladder_rows(trace, TABLE_WIDTH, max(2, height // 3), palette)
    if len(trace.lengths) == 1:
        product, total, mean = _totals(trace.examples)
        said = f"mean NLL {number(-total)} / {len(trace.examples)} = {number(mean, 4)} nats"
        totals = [
            row((f"likelihood {scientific(product)}, its log {number(total)}", text)),
            row((said, text)),
        ]
    room = max(1, height - len(totals) - 2)
    first = max(0, min(trace.position - room // 2, len(trace.examples) - room))
    products = list(accumulate((one.probability for one in trace.examples), float.__mul__))
    sums = list(accumulate(-one.loss for one in trace.examples))
    rows = [row((f"{'':14}{'ids':>8}{'p':>8} {'product':>9}{'ln p':>8}{'sum':>8}", dim))]
    for i, one in islice(enumerate(trace.examples), first, first + room):
        is_chosen = i == trace.position
        style = palette.style("cursor", bold=True) if is_chosen else text
        pair = f"{'▸' if is_chosen else ' '} {end_of(one.context, 7)} → {one.target}"
        ids = f"{one.ids[-2]}→{one.ids[-1]}"
        p, product = probability(one.probability), scientific(products[i])
        logs = f"{number(-one.loss, 2):>8}{number(sums[i], 2):>8}"
        rows.append(row((f"{fitted(pair, 14)}{ids:>8}{p:>8} {product:>9}{logs}", style)))
    return [*rows, [], *totals]


def _word_lines(trace: TraceDrawing, height: int) -> list[str]:
    edges = [0, *accumulate(trace.lengths)]
    words = [trace.examples[a:b] for a, b in pairwise(edges)]
    lines = [_line("".join(one.target for one in word), word) for word in words]
    return [*lines[: max(0, height - 1)], _line(f"all {len(words)}", trace.examples)]


def _line(name: str, examples: Sequence[TracedExample]) -> str:
    product, total, mean = _totals(examples)
    likelihood = f"{scientific(product):>9}  ln {number(total):>8}"
    return f"{fitted(name, 9)} {likelihood}  NLL {number(mean, 4)}"


def _totals(examples: Sequence[TracedExample]) -> tuple[float, float, float]:
    """The likelihood, its logarithm, and the mean NLL."""
    loss = sum(one.loss for one in examples)
    return math.prod(one.probability for one in examples), 0.0 - loss, loss / len(examples)
