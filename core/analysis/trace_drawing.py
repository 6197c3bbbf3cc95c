"""A trace as plain values for a screen."""

from torch import Tensor

from ..datasets.vocabulary import Vocabulary
from ..trace_results import TracedExample, TraceDrawing, TraceLine
from .trace import Stage, Trace

_MAX_FOLLOWERS = 8
_MAX_ROWS = 8  # of a matrix


def drawing(trace: Trace, vocabulary: Vocabulary, most: int, learning_rate: float) -> TraceDrawing:
    """A trace for a screen, with at most so many values of each stage."""

    def lines(stages: tuple[Stage, ...]) -> tuple[TraceLine, ...]:
        return tuple(
            TraceLine(one.name, one.code, one.shape, tuple(_first(one.values, most)), one.about)
            for one in stages
        )

    common = trace.commonest(_MAX_FOLLOWERS)
    return TraceDrawing(
        word=trace.word,
        position=trace.position,
        examples=tuple(
            TracedExample(
                "".join(vocabulary.label(i) for i in one.context_ids),
                vocabulary.label(one.target_id),
                one.probability,
                one.loss,
            )
            for one in trace.examples
        ),
        times=trace.times,
        followers=tuple((vocabulary.label(i), count) for i, count in common),
        stages=lines(trace.stages),
        nll=trace.nll,
        gradients=lines(trace.gradients),
        loss_after=trace.loss_after,
        learning_rate=learning_rate,
    )


def _first(values: Tensor, most: int) -> list[float]:
    """The first values of a vector; of a matrix as many of its first columns, row by row, as leave
    room for all rows, or its first rows."""
    if values.dim() < 2:
        return values[:most].tolist()
    columns = max(1, min(values.shape[1], most // min(len(values), _MAX_ROWS)))
    return values[:_MAX_ROWS, :columns].flatten().tolist()
