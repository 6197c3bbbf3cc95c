"""An engine without a worker, which answers with made snapshots.

tests/tui/test_fake_engine.py sees to it that it answers as the server does.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict, replace

from makemore_tui.core.results import (
    KEEP_FIRST,
    DatasetStats,
    Pair,
    PreviousRun,
    Resizing,
    Side,
    TestLoss,
)
from makemore_tui.core.settings import extended_plan, plan_edit, short_label
from makemore_tui.core.worker.protocol import (
    Begin,
    CancelFinder,
    ChangeDataset,
    ChooseSide,
    DescribeDataset,
    Edit,
    EvaluateTest,
    FindLearningRate,
    Fork,
    Keep,
    LimitSpeed,
    NameRun,
    OpenRun,
    Pause,
    PinRun,
    Redo,
    Refresh,
    Refused,
    Reply,
    Request,
    Restart,
    Resume,
    ReturnTo,
    Snapshot,
    Step,
    Undo,
)
from makemore_tui.tui.client.engine import Deliver, WorkerDied
from tests.support.snapshots import TEMPLATE, drawn, plain, previous, rate_search, side_facts

# What an undo does not take back: it belongs to the worker, not to the run.
_OF_THE_WORKER = ("runs", "test_asked", "finder", "saving", "steps_per_second", "speed_limit")


class FakeEngine:
    """An engine that keeps what it is asked, and answers at once."""

    saved, unsaved = "", None  # it saves nothing

    def __init__(self, first: Snapshot | None = TEMPLATE, answers: bool = True):
        self.first = first
        self.answers = answers
        self.requests: list[Request] = []
        self.starts = 0
        self.closed = False
        self.is_dead = False
        self.past: list[tuple[str, Snapshot]] = []  # what was done, and the state before
        self.future: list[tuple[str, Snapshot]] = []
        self.pair = FakePair(self)
        self.saved_runs: dict[str, Snapshot] = {}  # runs that are there to be opened, by folder
        self._left: dict[int, Snapshot] = {}  # by a previous run's id, as it was left
        self._trained: dict[int, dict[str, Any]] = {}  # with which settings a step was taken last
        self._deliver: Deliver | None = None

    @property
    def commands(self) -> list[Request]:
        """What was asked, but for the refreshing."""
        return [request for request in self.requests if not isinstance(request, Refresh)]

    @property
    def refreshes(self) -> list[Refresh]:
        return [request for request in self.requests if isinstance(request, Refresh)]

    def start(self, deliver: Deliver, after: Snapshot | None = None) -> None:
        self.starts += 1
        self.is_dead = False
        self.after = after
        self._deliver = deliver
        if self.first is not None:
            self.tell(self.first)

    def send(self, request: Request) -> None:
        self.requests.append(request)
        if self.answers and not self.is_dead:
            reply = self.answer(request)
            if isinstance(reply, Snapshot) and not reply.is_refresh:
                reply = replace(self.pair.seen(reply), undo_levels=len(self.past))
            self.tell(reply)

    def close(self) -> None:
        self.closed = True

    def tell(self, reply: Any) -> None:
        """Say something, asked or unasked."""
        assert self._deliver is not None
        if isinstance(reply, Snapshot):
            is_searching = reply.finder is not None and not reply.finder.finished
            is_working = reply.state == "training" or is_searching
            reply = replace(reply, is_resting=not is_working)
            self.now = plain(reply)
        self.is_dead = isinstance(reply, WorkerDied)
        self._deliver(reply)

    def become(self, **changes: Any) -> None:
        """Say that something has changed."""
        self.tell(replace(self.now, **changes))

    def answer(self, request: Request) -> Reply:
        """What the server would answer."""
        now = self.now
        match request:
            case Refresh(views):
                fields = [drawn(view, now) for view in views]
                return replace(
                    now, is_refresh=True, **{k: v for one in fields for k, v in one.items()}
                )
            case Edit(changes):
                return self._edited(changes)
            case Pause():
                return replace(now, state="paused")
            case Resume():
                return replace(self._with_longer_plan(), state="training")
            case Step(1):
                then = self._with_longer_plan()
                steps = self.pair.step(now.step)
                self._trained[now.step + steps] = {"model": then.model, "train": then.train}
                return replace(then, state="paused", step=now.step + steps)
            case Step():  # which it begins
                return replace(self._with_longer_plan(), state="training")
            case LimitSpeed(limit):
                return replace(now, speed_limit=limit)
            case Begin(spec, label):
                data = replace(now.dataset, name=spec.dataset.rpartition("/")[2])
                settings = {"model": spec.model, "train": spec.train, "seed": spec.seed}
                began = self._began(label, replace(now, dataset=data, **settings))
                return began if data.name == now.dataset.name else replace(began, previous=())
            case Restart(seed):
                label = "restart" if seed == now.seed else f"seed {seed}"
                return self._began(label, replace(now, seed=seed))
            case Fork() | OpenRun() | ChangeDataset() if now.pair:
                return Refused(KEEP_FIRST)
            case Fork(previous, folder, from_start):
                return self.pair.forked(self._standing(previous, folder), from_start)
            case ChooseSide() | Keep() if not now.pair:
                return Refused("there is no other run beside this one")
            case ChooseSide(side):
                return self.pair.chosen(side)
            case Keep(side):
                return self.pair.kept(side)
            case Undo() if now.pair and now.can_undo == "fork":
                return self.pair.unforked()
            case Undo() if self.past and self.past[-1] is self.pair.end:
                return self.pair.again()
            case Undo():
                return self._moved(self.past, self.future, "undo")
            case Redo():
                return self._moved(self.future, self.past, "redo")
            case ReturnTo(index):
                return self._returned(index)
            case PinRun(index):
                runs = list(now.previous)
                runs[index] = replace(runs[index], is_pinned=not runs[index].is_pinned)
                return replace(now, previous=tuple(runs))
            case FindLearningRate(low, high):
                return replace(now, state="paused", finder=rate_search(low, high))
            case CancelFinder():
                return replace(now, finder=None)
            case DescribeDataset(name):
                return self._described(name)
            case ChangeDataset(name):
                name = name.rpartition("/")[2]
                data = replace(now.dataset, name=name)
                began = self._began(f"data {name}", replace(now, dataset=data))
                return replace(began, previous=())  # which are runs on the data before
            case NameRun(name):
                return self._named(name)
            case OpenRun(folder):
                return self._opened(folder)
            case EvaluateTest():
                return replace(now, test=TestLoss(now.step, 2.168), test_asked=now.test_asked + 1)
        raise AssertionError(request)

    def did(self, label: str, then: Snapshot) -> Snapshot:
        """The state after something that can be undone."""
        self.past.append((label, self.now))
        self.future.clear()
        return self.with_labels(then)

    def _edited(self, changes: Mapping[str, Any]) -> Snapshot:
        now = self.now
        plan, label = plan_edit(now.model, now.train, dict(changes)), short_label(changes)
        then = replace(now, model=plan.model, train=plan.train)
        if now.state == "finished" and not is_finished(then):
            then = replace(then, state="paused")
        if plan.effect == "restart":
            return self._began(label, then)
        if plan.effect == "resized":
            then = replace(then, resized=Resizing(now.step, label))
        return self.did(label, then)

    def _with_longer_plan(self) -> Snapshot:
        """What it is now; a finished run with more planned steps."""
        now = self.now
        if not is_finished(now):
            return now
        return self._edited({"steps": extended_plan(now.step)})

    def _began(self, label: str, then: Snapshot) -> Snapshot:
        """A new run, which leaves the present one as a previous one if it had got somewhere."""
        now = self.now
        left = (self.leave(label),) if _is_worth_keeping(now) else ()
        return self.did(
            label,
            replace(
                then,
                state="paused" if now.state == "paused" else "training",
                step=0,
                runs=now.runs + 1,
                previous=(*now.previous, *left),
                resized=None,
                test=None,
            ),
        )

    def _standing(self, previous: int | None, folder: str) -> Snapshot:
        """What a fork is made of: the present run, a previous one or a saved one."""
        if folder:
            return self.saved_runs.get(folder, self.now)
        if previous is None:
            return self.now
        run = self.now.previous[previous]
        settings = {"model": run.model, "train": run.train, "seed": run.seed}
        return replace(self.now, **settings, step=run.steps)

    def leave(self, label: str, run: Snapshot | None = None) -> PreviousRun:
        """A run, or the present one, as a previous one."""
        now, id = run or self.now, len(self._left) + 1
        self._left[id] = now
        settings: dict[str, Any] = {"model": now.model, "train": now.train}
        if run is None and now.model.model_kind.is_network:
            settings |= self._trained.get(now.step, {})
            mixed = {"mix": now.train.mix, "mix_order": now.train.mix_order}
            settings["train"] = dataclasses.replace(settings["train"], **mixed)
        name = f"{label} → 2.21"
        return previous(name, id=id, seed=now.seed, steps=now.step, **settings)

    def _returned(self, index: int) -> Reply:
        now = self.now
        if index >= len(now.previous):
            return Refused("there is no such run")
        run = now.previous[index]
        left, before = self.leave(run.name), self._left.get(run.id)
        others = tuple(one for one in now.previous if one is not run)
        there = replace(
            now,
            state="paused",
            model=before.model if before else run.model,
            train=before.train if before else run.train,
            seed=run.seed,
            step=run.steps,
            previous=(*others, left),
            resized=before.resized if before else None,
        )
        return self.did(f"return to {run.name}", there)

    def _opened(self, folder: str) -> Snapshot:
        """A saved run; unless it is known, one with the present settings."""
        name, now = folder.rpartition("/")[2], self.now
        run = self.saved_runs.get(folder, now)
        left = (self.leave(f"run {name}"),) if _is_worth_keeping(now) else ()
        there = replace(now, state="paused", model=run.model, train=run.train, seed=run.seed)
        return self.did(
            f"run {name}",
            replace(there, step=run.step, previous=(*now.previous, *left), resized=None, test=None),
        )

    def _moved(self, source: list, target: list, word: str) -> Reply:
        if not source:
            return Refused(f"there is nothing to {word}")
        label, state = source.pop()
        target.append((label, self.now))
        kept = {name: getattr(self.now, name) for name in _OF_THE_WORKER}
        state = replace(state, **kept)
        now = "finished" if is_finished(state) else "training"
        now = "paused" if self.now.state in ("paused", "diverged") else now
        return self.with_labels(replace(state, state=now))

    def with_labels(self, state: Snapshot) -> Snapshot:
        nearest = [levels[-1][0] if levels else None for levels in (self.past, self.future)]
        return replace(state, can_undo=nearest[0], can_redo=nearest[1])

    def _described(self, name: str) -> Reply:
        if name not in ("names", "surnames", "words") and not name.endswith(".txt"):
            return Refused(f"{name}: there is no such file")
        examples, seen = {"train": 800, "dev": 100, "test": 100}, {"dev": 3, "test": 4}
        return DatasetStats(name, name, 1000, 990, 27, 2, 15, examples, seen)

    def _named(self, name: str) -> Reply:
        if (saving := self.now.saving) is None:
            return Refused("runs are not saved here, so this one can't have a name")
        folder = f"{saving.directory}/{name}"
        return replace(self.now, saving=replace(saving, folder=folder, named=True))


class FakePair:
    """The pair of a fake engine, if it has one: what is kept of the run that is not chosen.

    end: the level that brings the pair back."""

    def __init__(self, engine: FakeEngine):
        self._engine = engine
        self._other: Snapshot | None = None
        self._levels: tuple[list, list] = ([], [])  # past and future of the other
        self._side: Side = "a"
        self._forked_at = 0
        self.end: tuple[str, Snapshot] | None = None

    def seen(self, now: Snapshot) -> Snapshot:
        """A snapshot of the chosen run, with the facts of both."""
        if self._other is None:
            return replace(now, pair=None)
        a, b = side_facts(now), side_facts(self._other)
        a, b = (a, b) if self._side == "a" else (b, a)
        pair = Pair(self._side, a, b, self._forked_at, None, "")
        undo = "fork" if self._side == "b" and not self._engine.past else now.can_undo
        return replace(now, pair=pair, can_undo=undo)

    def step(self, present: int) -> int:
        """Take a step with the other unless it is ahead; how many the chosen one takes."""
        if self._other is None:
            return 1
        gap = self._other.step - present
        self._other = replace(self._other, step=self._other.step + (gap <= 0))
        return int(gap >= 0)

    def forked(self, b: Snapshot, from_start: bool) -> Snapshot:
        """Both runs, B chosen."""
        engine = self._engine
        a = engine.now
        if from_start:
            a, b = engine.answer(Restart(a.seed)), replace(b, step=0)
            assert isinstance(a, Snapshot)
            b = replace(b, runs=a.runs)
        engine.now, self._forked_at, self.end = a, a.step, None
        self._other, self._levels, self._side = replace(b, previous=()), ([], []), "a"
        return self.chosen("b")

    def chosen(self, side: Side) -> Snapshot:
        engine, other = self._engine, self._other
        assert other is not None
        if side != self._side:
            kept = {name: getattr(engine.now, name) for name in _OF_THE_WORKER}
            there = replace(other, **kept, state=engine.now.state, test=None)
            levels = engine.past, engine.future
            self._other, self._side = engine.now, side
            (engine.past, engine.future), self._levels = self._levels, levels
            engine.now = there
        return engine.with_labels(engine.now)

    def kept(self, side: Side) -> Snapshot:
        """One of the two alone; the level before it is A's, with B aside."""
        engine, a = self._engine, self.chosen("a")
        assert self._other is not None
        self._ended = self._other, self._levels
        left, there = (a, self._other) if side == "b" else (self._other, a)
        runs = (*a.previous, engine.leave("other", left)) if left.step else a.previous
        self._other, engine.now = None, a
        there = replace(there, state=a.state, previous=runs)
        then = engine.did(f"keep {side.upper()}", there)
        self.end = engine.past[-1]
        return then

    def unforked(self) -> Snapshot:
        """A alone; B is a previous run."""
        engine, a = self._engine, self.chosen("a")
        assert self._other is not None
        left = (engine.leave("other", self._other),) if self._other.step else ()
        self._other = None
        return replace(a, previous=(*a.previous, *left))

    def again(self) -> Snapshot:
        """The pair that was ended."""
        engine = self._engine
        a = engine.past.pop()[1]
        engine.future.clear()
        engine.now = engine.with_labels(replace(a, state=engine.now.state))
        (self._other, self._levels), self._side, self.end = self._ended, "a", None
        return self.chosen("b")


def _is_worth_keeping(now: Snapshot) -> bool:
    """True if a run has taken a hundredth of its planned steps, or counted anything."""
    is_network = now.model.model_kind.is_network
    return now.step > 0 and (not is_network or 100 * now.step >= now.train.steps)


def is_finished(now: Snapshot) -> bool:
    """True if the last planned step has been taken."""
    return now.model.model_kind.is_network and now.step >= now.train.steps


def comparable(reply: Reply) -> dict[str, Any]:
    """What of a reply must be the same from the server and from a fake engine."""
    if not isinstance(reply, Snapshot):
        return {"reply": type(reply).__name__}
    kept = (
        "state",
        "step",
        "seed",
        "runs",
        "test_asked",
        "can_undo",
        "can_redo",
        "is_refresh",
        "speed_limit",
    )
    answer = {name: _without_name(value) for name, value in asdict(reply).items() if name in kept}
    drawn_views = {
        name for name in ("loss", "bigrams", "names") if getattr(reply, name) is not None
    }
    return answer | {
        "model": reply.model,
        "train": reply.train,
        "dataset": reply.dataset.name,
        "resized": reply.resized.label if reply.resized else None,
        "previous": [(run.model, run.train, run.seed, run.steps) for run in reply.previous],
        "pair": _comparable_pair(reply.pair),
        "is_finding": reply.finder is not None,
        "drawn": drawn_views,
    }


def _comparable_pair(pair: Pair | None) -> Any:
    """What of a pair must be the same."""
    if pair is None:
        return None
    sides = [(one.step, one.seed, one.model, one.train) for one in (pair.a, pair.b)]
    return pair.side, pair.forked_at, sides


def _without_name(value: Any) -> Any:
    """A label without the name of the run that it returns to, in which its dev loss stands."""
    is_return = isinstance(value, str) and value.startswith("return to ")
    return "return to" if is_return else value
