"""Snapshots as the engine sends them, made by hand."""

import math
from typing import Any

from msgspec.structs import replace

from makemore_tui.core.results import (
    BigramsView,
    BigramTable,
    Candidate,
    ContextCoverage,
    DatasetFacts,
    DevDifference,
    Diagnosis,
    Draw,
    DrawnPart,
    EmbeddingMap,
    Follower,
    Health,
    LossCurve,
    Pair,
    PairFacts,
    PreviousRun,
    Probe,
    ProbedCharacter,
    RateSearch,
    Sample,
    SampledNames,
    Side,
    SideFacts,
    SplitDetails,
    SplitLosses,
    TensorHealth,
    TracedExample,
    TraceDrawing,
    TraceLine,
    TwinLosses,
)
from makemore_tui.core.settings import SETTINGS, ModelSettings, TrainSettings, changed
from makemore_tui.core.worker.protocol import (
    DetailsView,
    EmbeddingView,
    HealthView,
    LossView,
    NamesView,
    ProbeView,
    Snapshot,
    TraceView,
    TwinsView,
    View,
)

LABELS = tuple(".abcdefghijklmnopqrstuvwxyz")
TEMPLATE = Snapshot(
    state="training",
    step=1200,
    steps_per_second=2500.0,
    seed=1,
    model=ModelSettings(),
    train=TrainSettings(),
    learning_rate=0.1,
    parameters=11897,
    dataset=DatasetFacts("names", 32178, LABELS),
    splits=SplitLosses(1100, 2.126, 2.17, 2.03, 2.19, train_share=1.0),
    test=None,
    runs=1,
)
NAMES = (Sample("carmahela", False), Sample("kaleigh", True), Sample("jhovi", False))


def snapshot(**changes: Any) -> Snapshot:
    """A snapshot as the template has it, but for some settings, or some fields by name."""
    settings = {name: changes.pop(name) for name in list(changes) if name in SETTINGS}
    model, train = changed(TEMPLATE.model, TEMPLATE.train, settings)
    rate = train.learning_rate_at(changes.get("step", TEMPLATE.step))
    return replace(TEMPLATE, model=model, train=train, learning_rate=rate, **changes)


def sampled(*samples: Sample) -> SampledNames:
    """Names, and what there is to say of them."""
    if not samples:
        return SampledNames()
    texts, n = [one.text for one in samples], len(samples)
    new, length = sum(not one.seen for one in samples) / n, sum(map(len, texts)) / n
    return SampledNames(samples, n, new, len(set(texts)) / n, length, 6.1)


def previous(name: str = "hidden 100", **changes: Any) -> PreviousRun:
    """A previous run."""
    run = PreviousRun(name, TEMPLATE.model, TEMPLATE.train, 1, 5000, 2.21, id=hash(name))
    return replace(run, **changes)


def facts(*labels: str, name: str = "made") -> DatasetFacts:
    """A dataset of some characters."""
    return DatasetFacts(name, 1000, labels)


def probability(previous: int, following: int) -> float:
    return (previous * 7 + following * 3) % 10 / 20


def table(view: BigramsView, characters: int) -> BigramTable:
    """The window that a view asks for, of a made table."""
    previous, following = view.cursor
    rows = range(view.top, min(view.top + view.rows, characters))
    columns = range(view.left, min(view.left + view.columns, characters))
    order = tuple(range(characters))
    if view.order == "frequency":
        order = order[::-1]
    sign = -1 if view.mode == "difference" else 1
    previous, following = order[previous], order[following]
    is_summed = view.mode in ("counts", "columns")
    return BigramTable(
        view.top,
        view.left,
        [[sign * probability(order[i], order[j]) for j in columns] for i in rows],
        PairFacts(
            previous,
            following,
            count=previous * 1000 + following,
            probability=probability(previous, following),
            rank=following % 27 + 1,
            counted=0.125,
            followers=tuple(Follower(i, 0.4 - 0.05 * i, 0.3) for i in range(min(5, characters))),
            words=("anna", "hannah"),
        ),
        mode=view.mode,
        order=order,
        cursor=view.cursor,
        divergences=[order[i] / 100 for i in rows],
        row_sums=[order[i] + 0.5 for i in rows] if is_summed else [],
        column_sums=[1.0 for _ in columns] if is_summed else [],
    )


def curve(points: int = 100, every: int = 10) -> LossCurve:
    """Losses that fall from 3.3 to 2.1, with a dev loss a little above."""
    steps = [every * (i + 0.5) for i in range(points)]
    mean = [2.1 + 1.2 / (1 + i / 5) for i in range(points)]
    dev = [(int(step), loss + 0.05) for step, loss in zip(steps, mean, strict=True)][::10]
    low, high = [loss - 0.2 for loss in mean], [loss + 0.2 for loss in mean]
    smooth = {"smooth": mean, "newest": mean[-1]}
    return LossCurve(steps, low, mean, high, total_steps=points * every, dev=dev, **smooth)


def dev_difference(step: int, b: float = -0.02, error: float = 0.002) -> DevDifference:
    """B's dev loss by so much above A's of 2.17."""
    return DevDifference(step, step, 2.17, 2.17 + b, b, error, 0.011, 3.0, 4, 3218, "names")


def twins(forked_at: int = 500, **changes: Any) -> TwinLosses:
    """The losses of `curve`, from which B's are ever more below after the fork."""
    steps, a = curve().steps, curve().mean
    apart = [-min(1.0, max(0.0, step - forked_at) / 200) * 0.02 for step in steps]
    b = [loss + by for loss, by in zip(a, apart, strict=True)]
    dev = [dev_difference(step, -0.0001 * (step - forked_at)) for step in range(550, 801, 50)]
    return replace(TwinLosses(steps, a, b, apart, dev), **changes)


def side_facts(now: Snapshot = TEMPLATE, **changes: Any) -> SideFacts:
    """The chosen run of a snapshot as one of a pair."""
    names = [name for name in SideFacts.__struct_fields__ if hasattr(now, name)]
    facts = {name: getattr(now, name) for name in names}
    return replace(SideFacts(**facts, diverged_at=None, is_finite=True), **changes)


def paired(now: Snapshot, **changes: Any) -> Snapshot:
    """A snapshot of B, with A as the template has it."""
    pair = Pair("b", side_facts(), side_facts(now), 500, dev_difference(1100), "")
    return replace(now, pair=replace(pair, **changes))


def pair(side: Side = "b", difference: float = -0.0121, **changes: Any) -> Pair:
    """A pair of which B's dev loss is that much higher."""
    a = side_facts()
    assert a.splits is not None
    b = replace(a, splits=replace(a.splits, dev=a.splits.dev + difference))
    found = dev_difference(1100, difference, 0.0016)
    found = replace(found, unpaired_error=0.0112, multiple=3.1, looks=12)
    return replace(Pair(side, a, b, 1000, found, ""), **changes)


def embedding(labels: tuple[str, ...]) -> EmbeddingMap:
    """Characters around a circle."""
    turns = [6.28 * i / len(labels) for i in range(len(labels))]
    points = [(math.cos(turn), math.sin(turn)) for turn in turns]
    return EmbeddingMap(labels, points, [x in "aeiou" for x in labels], 10, (0.4, 0.2))


def probe(text: str, most: int, index: int) -> Probe:
    """Every character as likely as its place in the alphabet is early; surprisals rise. Sample 0 is
    "anna", sample 1 "bob"."""
    candidates = tuple(Candidate(label, 0.3 / (1 + i)) for i, label in enumerate(LABELS))
    characters = tuple(
        ProbedCharacter(label, math.exp(-i - 1), i + 1.0, candidates[1:4])
        for i, label in enumerate(f"{text}.")
    )
    mean = sum(one.surprisal for one in characters) / len(characters)
    name = ("anna.", "bob.")[index % 2]
    sign = name[min(len(text), len(name) - 1)]
    around = DrawnPart("<", 0.1, 0.2), DrawnPart(sign, 0.2, 0.3), DrawnPart(">", 0.3, 0.9)
    drawn = Draw(index, 0.25, 0.2, 0.3, sign, sign.strip("."), around)
    return Probe(text, candidates[:most], characters, mean, dev=2.17, next=drawn)


DETAILS = SplitDetails(
    ContextCoverage(3, 27, "train", 5450, 3016, 136, 22953, 137, 2.33, 2.44, 2.1, 3.296, 0.1),
)
HEALTH = Health(
    step=1200,
    examples=512,
    first_loss=3.316,
    uniform=3.296,
    saturated=0.123,
    dead=0.005,
    histogram=[30, 20, 10, 8, 6, 5, 5, 5, 5, 5, 5, 5, 5, 5, 6, 6, 8, 10, 20, 40],
    tensors=(
        TensorHealth("C", 0.0123, 1.0, -3.2),
        TensorHealth("W1", 0.0045, 0.3, -2.9),
        TensorHealth("b1", 0.0021, 0.1, -1.2),
        TensorHealth("W2", 0.0071, 0.1, -4.6),
        TensorHealth("b2", 0.0, 0.0, None),
    ),
    usual_ratios=(-4.0, -1.75),
    update="the learning rate times the gradient",
    train=2.126,
    dev=2.17,
    gap=0.044,
    diagnosis=Diagnosis(
        "healthy",
        "healthy: updates and activations are as they should be",
        "No other diagnosis applies.",
    ),
)


def trace(text: str, position: int | None, backward: bool) -> TraceDrawing:
    """A word whose characters get ever likelier; stages with values from -1 to 1."""
    ids = ["...", *(f"..{text}."[i : i + 3] for i in range(len(text)))]
    examples = tuple(
        TracedExample(context, target, (i + 1) / 10, -math.log((i + 1) / 10), (1, 2, 3, 4))
        for i, (context, target) in enumerate(zip(ids, f"{text}.", strict=True))
    )
    shapes = {"ids": (3,), "emb": (3, 10), "h": (20,), "probs": (27,), "loss": (1,)}
    stages = tuple(trace_line(name, shape) for name, shape in shapes.items())
    back = tuple(replace(stage, name=f"d{stage.name}") for stage in stages[1:4])
    position = max(0, len(text) - 1) if position is None else position
    followers = (("a", 42), ("e", 20))
    lengths = (len(examples),)
    drawing = TraceDrawing(text, lengths, position, examples, 85, followers, 0.9, stages, 1200)
    return replace(drawing, gradients=back, loss_after=0.25) if backward else drawing


def trace_line(name: str, shape: tuple[int, ...]) -> TraceLine:
    """A stage with values from -1 to 1."""
    values, rows = wave(math.prod(shape)), tuple(range(shape[0])) if len(shape) == 2 else ()
    return TraceLine(name, f"code of {name}", shape, values, f"What {name} is for.", rows)


def wave(points: int) -> tuple[float, ...]:
    return tuple(math.sin(i) for i in range(points))


def drawn(view: View, now: Snapshot) -> dict[str, Any]:
    """What a view becomes in a snapshot."""
    match view:
        case LossView():
            return {"loss": now.loss or curve()}
        case TwinsView():
            return {"twins": (now.twins or twins()) if now.pair else None}
        case BigramsView():
            return {"bigrams": table(view, now.dataset.characters)}
        case NamesView(count):
            names = [NAMES[i % len(NAMES)] for i in range(count)]
            other = tuple(names[1:] + names[:1]) if now.pair else ()
            return {"names": replace(sampled(*names), other=other)}
        case EmbeddingView():
            return {"embedding": now.embedding or embedding(now.dataset.labels)}
        case ProbeView(text, most, index):
            return {"probe": now.probe or probe(text, most, index)}
        case TraceView(text, position, backward):
            return {"trace": now.trace or trace(text, position, backward)}
        case DetailsView():
            return {"details": now.details or DETAILS}
        case HealthView():
            return {"health": now.health or HEALTH}
    raise AssertionError(view)


def rate_search(low: float | None, high: float | None, done: int = 1000) -> RateSearch:
    """A search that has come so far; at its end it suggests a rate."""
    low, high = low or 0.001, high or 1.0
    rates = [low * (high / low) ** (i / 1000) for i in range(0, done, 5)]
    mean = [3.2 - min(i, 120) / 100 + max(0, i - 150) ** 2 / 300 for i in range(len(rates))]
    finished = done == 1000
    return RateSearch(
        low, high, 1000, done, 3, finished, rates,
        [loss - 0.1 for loss in mean], mean, [loss + 0.1 for loss in mean],
        turns=0.4 if finished else None,
        explodes=0.8 if finished else None,
        suggested=0.2 if finished else None,
        why="half of where the loss turns" if finished else "",
    )  # fmt: skip


def plain(now: Snapshot) -> Snapshot:
    """A snapshot without what was drawn for it."""
    views = ("loss", "bigrams", "names", "embedding", "probe", "trace", "details", "health",
             "twins")  # fmt: skip
    undrawn = dict.fromkeys(views)
    return replace(now, is_refresh=False, is_resting=False, **undrawn)


def same_run(one: Snapshot, other: Snapshot) -> bool:
    """Whether two snapshots agree on everything but what was drawn for them."""
    return plain(one) == plain(other)
