"""A trace as plain values for a screen."""

from collections.abc import Iterable

from torch import Tensor

from ..datasets.vocabulary import Vocabulary
from ..results import SoftmaxDrawing, TracedExample, TraceDrawing, TraceLine
from .softmax import softmax_by_hand
from .stages import Stage
from .trace import Trace

_MAX_FOLLOWERS = 8
_MAX_ROWS = 8  # of a matrix
_MAX_STRONGEST = 5


def drawing(
    trace: Trace, vocabulary: Vocabulary, most: int, learning_rate: float, step: int = 0
) -> TraceDrawing:
    """A trace for a screen, with at most so many values of each stage.

    learning_rate: of the step that `loss_after` is after. step: of the model.
    """
    common = trace.commonest(_MAX_FOLLOWERS)
    return TraceDrawing(
        text=trace.word,
        lengths=trace.lengths,
        position=trace.position,
        examples=tuple(
            TracedExample(
                "".join(vocabulary.label(i) for i in one.context_ids),
                vocabulary.label(one.target_id),
                one.probability,
                one.loss,
                (*one.context_ids, one.target_id),
            )
            for one in trace.examples
        ),
        times=trace.times,
        followers=tuple((vocabulary.label(i), count) for i, count in common),
        floor=trace.floor,
        stages=_lines(trace.stages, most),
        step=step,
        gradients=_lines(trace.gradients, most),
        loss_after=trace.loss_after,
        loss_after_next=trace.loss_after_next,
        learning_rate=learning_rate,
    )


def softmax_drawing(logits: list[float]) -> SoftmaxDrawing:
    """The softmax of typed logits, for a screen."""
    naive, safe = softmax_by_hand(logits)
    return SoftmaxDrawing(tuple(logits), _lines(naive, len(logits)), _lines(safe, len(logits)))


def strongest(values: Tensor, most: int = _MAX_STRONGEST) -> list[tuple[tuple[int, ...], float]]:
    """The places of the values that are farthest from 0, and those values."""
    flat = values.flatten()
    places = flat.abs().topk(min(most, len(flat))).indices
    indices = ((i,) if values.dim() == 1 else divmod(i, values.shape[1]) for i in places.tolist())
    return list(zip(indices, flat[places].tolist(), strict=True))


def _lines(stages: Iterable[Stage], most: int) -> tuple[TraceLine, ...]:
    return tuple(_line(stage, most) for stage in stages)


def _line(stage: Stage, most: int) -> TraceLine:
    """A stage with its first values; of a matrix, the rows with the largest ones, and as many of
    their columns as there is room for."""
    values, rows = stage.values, []
    if values.dim() == 2:
        largest = values.abs().amax(1)
        order = largest.sort(descending=True, stable=True).indices[:_MAX_ROWS].tolist()
        rows = sorted([i for i in order if largest[i]] or order[:1])
        columns = max(1, most // len(rows))
        some = values[rows, :columns].flatten()
    else:
        some = values[:most]
    norm = float(values.double().norm())
    about = stage.name, stage.code, stage.shape, tuple(some.tolist()), stage.about
    return TraceLine(*about, tuple(rows), norm, tuple(strongest(values)))
