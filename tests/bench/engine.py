"""The engine's figures: a generator of rows for each section, so that rows can be shown at once."""

import math
import random
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from makemore_tui.core.analysis.evaluation import evaluate
from makemore_tui.core.analysis.sampling import sample
from makemore_tui.core.constants import SPLITS
from makemore_tui.core.datasets.contexts import Split
from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.models.mlp import MLP
from makemore_tui.core.presets import preset_named
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings

from .measure import Row, Timings, in_turn, paired_row, seconds_of
from .memory import read_in_a_process
from .plain import PlainMLP, count_bigrams, read_items

LECTURE_STEPS = 200_000
GOAL = 2.17  # nats, the dev loss of the lecture's model after those steps
_SHAPES = ((3, 10, 200, 32), (3, 2, 100, 32), (3, 10, 200, 256), (8, 24, 300, 512))
_RATE = 0.01
_MATRIX = 1024


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    rounds: int
    seconds: float  # of training a round; short, so that noise hits both sides alike
    plain_steps: int  # of the lecture's 200,000 that are timed
    items: int  # in the file that is read
    one_at_a_time: int  # names sampled by the plain loop


FULL = Effort(60, 0.02, plain_steps=5000, items=1_000_000, one_at_a_time=300)
QUICK = Effort(8, 0.02, plain_steps=1000, items=100_000, one_at_a_time=60)


def step_rows(dataset: Dataset, effort: Effort) -> Iterator[Row]:
    """A training step against the plain loop's, and against the machine's matrix product."""
    for shape in _SHAPES:
        timings = _steps_in_turn(dataset, shape, "sgd", effort)
        yield _step_row(shape, "sgd", timings)
        if shape in (_SHAPES[0], _SHAPES[-1]):
            yield _limit_row(dataset, shape, effort)
    for shape in (_SHAPES[0], _SHAPES[-1]):
        yield _step_row(shape, "adamw", _steps_in_turn(dataset, shape, "adamw", effort))


def quality_rows(dataset: Dataset, effort: Effort) -> Iterator[Row]:
    """Seconds that the presets fast, tuned and best take, and the dev losses that they reach.

    The baseline of the times is the lecture's 200,000 plain steps.
    """
    fast = preset_named("fast")
    losses = []

    def train_fast() -> None:
        session = Session(dataset, fast.model, fast.train, seed=1 + len(losses))
        session.train(fast.train.steps)
        losses.append(session.evaluate("dev").loss)

    plain = _plain(dataset, _SHAPES[0], "sgd")
    timings = in_turn(
        train_fast, lambda: plain.train(effort.plain_steps, 32, 0.1), max(3, effort.rounds // 12)
    )
    scale = LECTURE_STEPS / effort.plain_steps
    yield timings.row("quality/fast/time", "s", 1, scale)
    yield Row("quality/fast/dev-loss", max(losses), "nats", GOAL)
    if effort is QUICK:
        return
    for name in ("tuned", "best"):
        preset = preset_named(name)
        session = Session(dataset, preset.model, preset.train)
        ours, theirs = [], []
        while session.step < preset.train.steps:  # the plain steps in between, on the same machine
            theirs.append(seconds_of(lambda: plain.train(effort.plain_steps // 10, 32, 0.1)))
            ours.append(seconds_of(partial(session.train, preset.train.steps // 20)))
        yield Timings([sum(ours)], [sum(theirs) / len(theirs)]).row(
            f"quality/{name}/time", "s", 1, 10 * scale
        )
        yield Row(f"quality/{name}/dev-loss", session.evaluate("dev").loss, "nats")


def work_rows(dataset: Dataset, effort: Effort) -> Iterator[Row]:
    """Counting, reading, sampling and evaluating, against the lecture's way."""
    yield _counting_row(dataset, effort)
    yield from _reading_rows(effort)
    yield _sampling_row(dataset, effort)
    for context, embedding, hidden, _ in (_SHAPES[0], _SHAPES[-1]):
        yield _evaluation_row(dataset, context, embedding, hidden, effort)


def growth_rows(effort: Effort) -> Iterator[Row]:
    """How the time of a step grows with each size: the slope of log(time) over log(size).

    Over four doublings; 1 is proportional growth, 0 is none.
    """
    base = (4, 12, 64, 64, 27, 4000)  # context, embedding, hidden, batch, characters, items
    shortest = (1, *base[1:])
    grown = {"batch": 3, "hidden": 2, "context": 0, "vocabulary": 4, "dataset": 5}
    with tempfile.TemporaryDirectory() as folder:
        for name, place in grown.items():
            sizes = [
                tuple(
                    n << doublings if i == place else n
                    for i, n in enumerate(shortest if place == 0 else base)
                )
                for doublings in range(5)
            ]
            sessions = [_random_session(Path(folder), *size) for size in sizes]
            seconds = _step_seconds(sessions, effort)
            yield Row(f"growth/{name}", _slope(seconds), "exponent")


def _steps_in_turn(
    dataset: Dataset, shape: tuple[int, int, int, int], optimizer: str, effort: Effort
) -> Timings:
    """Seconds of a step, ours and the plain loop's."""
    session = _session(dataset, shape, optimizer)
    plain = _plain(dataset, shape, optimizer)
    ours = _steps_of(session.train, effort.seconds)
    theirs = _steps_of(lambda n: plain.train(n, shape[3], _RATE), effort.seconds)
    timings = in_turn(
        lambda: session.train(ours), lambda: plain.train(theirs, shape[3], _RATE), effort.rounds
    )
    return Timings([t / ours for t in timings.ours], [t / theirs for t in timings.theirs])


def _steps_of(train: Callable[[int], object], seconds: float) -> int:
    """The number of steps that take about this many seconds."""
    train(20)  # warm
    return max(2, int(20 * seconds / seconds_of(lambda: train(20))))


def _step_row(shape: tuple[int, int, int, int], optimizer: str, timings: Timings) -> Row:
    return timings.row(f"step/{_named(shape)}/{optimizer}", "µs", 1e6)


def _limit_row(dataset: Dataset, shape: tuple[int, int, int, int], effort: Effort) -> Row:
    """The plain step's floating-point operations per second of our step, against those that a large
    matrix product reaches (above 1 where our step needs fewer operations than the plain one)."""
    context, embedding, hidden, batch = shape
    inputs, V = context * embedding, dataset.vocabulary.size
    forward = 2 * batch * (inputs * hidden + hidden * V)
    session = _session(dataset, shape, "sgd")
    steps = _steps_of(session.train, effort.seconds)
    a, b = torch.randn(2, _MATRIX, _MATRIX).unbind()
    timings = in_turn(lambda: session.train(steps), lambda: torch.mm(a, b), effort.rounds)
    ours = [3 * forward * steps / seconds / 1e9 for seconds in timings.ours]
    machine = [2 * _MATRIX**3 / seconds / 1e9 for seconds in timings.theirs]
    return paired_row(f"limit/{_named(shape)}", "GFLOP/s", ours, machine, more_is_better=True)


def _session(dataset: Dataset, shape: tuple[int, int, int, int], optimizer: str) -> Session:
    context, embedding, hidden, batch = shape
    return Session(
        dataset,
        ModelSettings(context=context, embedding=embedding, hidden=hidden),
        TrainSettings(batch_size=batch, optimizer=optimizer, learning_rate=_RATE),
    )


def _plain(dataset: Dataset, shape: tuple[int, int, int, int], optimizer: str) -> PlainMLP:
    """The plain loop with the same first weights and examples."""
    model = _session(dataset, shape, optimizer).model
    assert isinstance(model, MLP)
    contexts, targets = _examples(dataset.split("train"), shape[0])
    return PlainMLP(model, contexts, targets, optimizer)


def _examples(split: Split, context: int) -> tuple[torch.Tensor, torch.Tensor]:
    """All contexts (N, T) and targets (N,) of a split."""
    return split.examples_at(torch.arange(1, split.num_examples + 1), context)


def _named(shape: tuple[int, ...]) -> str:
    return "-".join(map(str, shape))


def _counting_row(dataset: Dataset, effort: Effort) -> Row:
    items = [dataset.item(i) for i in range(dataset.num_items)]
    settings = TrainSettings(batch_size=0, train_on="all")
    model = ModelSettings(kind="ngram", order=2)
    timings = in_turn(
        lambda: Session(dataset, model, settings).train(1),
        lambda: count_bigrams(items, dataset.vocabulary.size),
        max(2, effort.rounds // 12),
    )
    return timings.row("count/bigrams", "ms", 1e3)


def _reading_rows(effort: Effort) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        path = _random_file(Path(folder), effort.items, 26)
        megabytes = path.stat().st_size / 1e6
        timings = in_turn(lambda: Dataset(path), lambda: read_items(str(path)), 3)
        yield timings.row(f"read/{effort.items}-items", "s", 1)
        yield Row("read/speed", megabytes / timings.seconds, "MB/s")
        per_character, shuffling = read_in_a_process(path)
        yield Row("read/memory", per_character, "bytes a character")
        yield Row("read/splitting", shuffling, "s")


def _sampling_row(dataset: Dataset, effort: Effort) -> Row:
    shape = _SHAPES[0]
    session = _session(dataset, shape, "adamw")
    session.train(1000)
    model = session.model
    assert isinstance(model, MLP)
    plain = PlainMLP(model, *_examples(dataset.split("dev"), shape[0]))
    generator = torch.Generator().manual_seed(1)
    timings = in_turn(
        lambda: sample(model, dataset, 10_000, seed=1),
        lambda: plain.sample(effort.one_at_a_time, generator),
        max(2, effort.rounds // 12),
    )
    return timings.row("sample/10000-names", "s", 1, 10_000 / effort.one_at_a_time)


def _evaluation_row(
    dataset: Dataset, context: int, embedding: int, hidden: int, effort: Effort
) -> Row:
    settings = ModelSettings(context=context, embedding=embedding, hidden=hidden)
    model = Session(dataset, settings).model
    assert isinstance(model, MLP)
    examples = {split: _examples(dataset.split(split), context) for split in SPLITS}
    plain = PlainMLP(model, *examples["dev"])
    timings = in_turn(
        lambda: [evaluate(model, dataset, split) for split in SPLITS],
        lambda: [plain.loss(*examples[split]) for split in SPLITS],
        max(3, effort.rounds // 6),
    )
    return timings.row(f"evaluate/{context}-{embedding}-{hidden}", "ms", 1e3)


def _random_session(
    folder: Path, context: int, embedding: int, hidden: int, batch: int, size: int, items: int
) -> Session:
    dataset = Dataset(_random_file(folder, items, size - 1))
    model = ModelSettings(context=context, embedding=embedding, hidden=hidden)
    return Session(dataset, model, TrainSettings(batch_size=batch))


def _random_file(folder: Path, items: int, characters: int) -> Path:
    """A file of random items of 1 to 11 characters, from an alphabet of this many characters."""
    path = folder / f"{items}-{characters}.txt"
    if not path.exists():
        rng = random.Random(1)
        alphabet = [chr(0x61 + i if i < 26 else 0x4E00 + i) for i in range(characters)]
        lines = list(alphabet)  # so that each occurs
        lines_left = range(items - characters)
        lines += ["".join(rng.choices(alphabet, k=rng.randint(1, 11))) for _ in lines_left]
        path.write_text("\n".join(lines))
    return path


def _step_seconds(sessions: list[Session], effort: Effort) -> list[float]:
    """The median seconds of a step of each session, measured in turn."""
    steps = [_steps_of(session.train, effort.seconds / 2) for session in sessions]
    rounds: list[list[float]] = [[] for _ in sessions]
    for _ in range(max(3, effort.rounds // 2)):
        for session, n, seconds in zip(sessions, steps, rounds, strict=True):
            seconds.append(seconds_of(lambda s=session, n=n: s.train(n)) / n)
    return [sorted(seconds)[len(seconds) // 2] for seconds in rounds]


def _slope(seconds: list[float]) -> float:
    """The least-squares slope of log2(seconds) by the number of doublings."""
    logs = [math.log2(s) for s in seconds]
    middle = (len(logs) - 1) / 2
    return sum((i - middle) * log for i, log in enumerate(logs)) / sum(
        (i - middle) ** 2 for i in range(len(logs))
    )
