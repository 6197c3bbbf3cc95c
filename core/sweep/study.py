"""An Optuna study of trials over settings, in SQLite or in PostgreSQL."""

import math
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.storages import RDBStorage, fail_stale_trials
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import make_url

from ..errors import UserError
from ..run_spec import RunSpec
from ..settings import changed
from .database import FileStorage, shared_storage, sqlite_url, told
from .files import postgres_url
from .halving import is_behind
from .listed import ListedSampler
from .messages import Start
from .ranges import Range, grid, num_combinations

_ATTRIBUTE = "sweep"  # of a study: how it was begun
RESULT = "result"  # of a trial: what is kept of it but for its settings and its dev loss
_OUTSIDE = "outside"  # of the first trial: all settings that are tried if one is not in its range
_RETRIED = "retry_history"  # what Optuna calls the trials of which this one is the same again
_TRIES, _SECONDS_BETWEEN = 10, 1.0  # while several machines begin a study at once
_MIN_WEIGHED = 5  # trials for importances
_MIN_BEST = 5  # trials, that tell what matters
_WORSE = 0.3  # the p below which a trial of several seeds ends: worse for both of the first two


class Study:
    """Trials of different settings, of which some are done, and the next that is worth trying.

    base: how trials start but for the settings that are tried. begun: how it was begun, which is
    kept in it. most_steps: the largest number of steps that a trial may have.
    """

    def __init__(self, start: Start, database: Path):
        """Open a study, and make it if it doesn't exist.

        database: the file of a study without a storage. Raises UserError if it can't be opened, it
        exists and may not, or it was begun with other ranges than asked for.
        """
        self._file: FileStorage | None = None
        self._shared: RDBStorage | None = None
        if not (start.storage or start.over or database.exists()):
            _refuse_missing(start.study)
        url = postgres_url(start.storage) if start.storage else sqlite_url(database)
        with told():
            self._storage: FileStorage | RDBStorage
            if start.storage:
                self._storage = self._shared = shared_storage(url, start.grace_seconds)
            else:
                self._storage = self._file = FileStorage(database, start.study)
            study, is_new = self._open(start)
        self._study = study
        self.begun: Start = _begin(study, start) if is_new else _begun(study, start)
        self.base: RunSpec = RunSpec.parse(self.begun.spec)
        steps = [one.high or max(one.choices) for one in self.begun.over if one.setting == "steps"]
        self.most_steps: int = int(max([self.base.train.steps, *map(float, steps)]))
        self.url: str = str(make_url(url).set(password=None, query={}))  # where passwords may be
        shift = random.getrandbits(30) if self._shared else len(study.trials)  # so none is repeated
        self._seed = (self.base.seed + shift) % 2**32
        self._study.sampler = self._sampler()
        self._running: dict[int, optuna.Trial] = {}  # here, by number
        self._next_beat = 0.0
        self._trials: list[FrozenTrial] | None = None  # as read last; None if they have changed
        if self._file:  # nobody else can be at it
            with self._changing():
                self._give_back(study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)))

    def ask(self, most: int) -> tuple[int, RunSpec] | None:
        """The next trial and how it starts; None if none waits, and `most` or all that can be are
        there."""
        with self._changing():
            if self._shared:
                fail_stale_trials(self._study)
            found = self.trials()
            is_waiting = any(trial.state == TrialState.WAITING for trial in found)
            sampler = self._study.sampler
            has_more = not isinstance(sampler, ListedSampler) or sampler.advance(found)
            if not is_waiting and (len(found) >= most or not has_more):
                return None
            trial = self._study.ask()
            self._running[trial.number] = trial
            self.beat(is_due=True)
            outside = trial.user_attrs.get(_OUTSIDE, [])
            for one in self.begun.over:
                if one.setting not in outside:
                    trial._suggest(one.setting, _distribution(one))
            return trial.number, self.spec_of(trial)

    @property
    def num_possible(self) -> float:
        """How many trials can be had: infinitely many, or those that are listed and the first."""
        if not isinstance(sampler := self._study.sampler, ListedSampler):
            return math.inf
        return len(sampler.points) + (_first(self.begun)[0] not in sampler.points)

    def spec_of(self, trial: optuna.Trial | FrozenTrial) -> RunSpec:
        """How a trial starts."""
        model, train = changed(self.base.model, self.base.train, trial.params)
        return replace(self.base, model=model, train=train)

    def beat(self, is_due: bool = False) -> None:
        """Tell other machines, every minute, that the trials of this one are still running."""
        if self._shared and (is_due or time.monotonic() >= self._next_beat):
            self._next_beat = time.monotonic() + (self._shared.get_heartbeat_interval() or math.inf)
            with told():
                for trial in self._running.values():
                    self._shared.record_heartbeat(trial._trial_id)

    def report(self, number: int, step: int, value: float) -> bool:
        """Note a trial's dev loss at a rung, or with one more seed. True if the trial should end
        because it is behind the others."""
        trial = self._running[number]
        with self._changing():
            try:
                trial.report(value, step)
            except optuna.exceptions.UpdateFinishedTrialError:
                return True  # it was thought lost, and runs elsewhere
            if not self.begun.prunes or _OUTSIDE in trial.user_attrs:
                return False  # what the others are compared with is trained to its end
            if self.begun.seeds > 1:
                return find_spec("scipy") is not None and self._is_worse(trial)
            others = [
                other.intermediate_values[step]
                for other in self.trials()
                if other.number != number and step in other.intermediate_values
            ]
        return is_behind(value, others)

    def end(self, number: int, result: dict[str, Any], value: float | None, failed: bool) -> None:
        """Note that a trial has ended.

        result: what is kept of it. value: its dev loss; None if it was not trained to its end.
        failed: True if it can't be trained. Where another machine has run it meanwhile, all that is
        dropped.
        """
        unfinished = TrialState.FAIL if failed else TrialState.PRUNED
        trial = self._running.pop(number)
        with self._changing():
            try:
                trial.set_user_attr("spec", str(self.spec_of(trial)))
                trial.set_user_attr(RESULT, result)
                self._study.tell(trial, value, unfinished if value is None else TrialState.COMPLETE)
            except (ValueError, optuna.exceptions.UpdateFinishedTrialError):
                pass  # "cannot tell": it was thought lost, and ran elsewhere

    def give_back(self, number: int) -> None:
        """Give a trial back that is running here, to be run again from its beginning."""
        with self._changing():
            self._give_back([self._running.pop(number)])

    def give_back_all(self) -> None:
        """Give all trials back that are running here."""
        for number in list(self._running):
            self.give_back(number)

    def trials(self) -> list[FrozenTrial]:
        """All trials but those that were lost with a machine, and are run again as others."""
        if self._trials is None or self._shared:
            with told():
                found = self._study.get_trials(deepcopy=False)
            again = {lost for trial in found for lost in trial.system_attrs.get(_RETRIED, ())}
            self._trials = [trial for trial in found if trial.number not in again]
        return self._trials

    @property
    def is_running(self) -> bool:
        """True while a trial runs, on any machine, or waits to be run."""
        open_states = (TrialState.RUNNING, TrialState.WAITING)
        return any(trial.state in open_states for trial in self.trials())

    @property
    def num_ended(self) -> int:
        """How many trials have ended, on all machines."""
        return sum(trial.state.is_finished() for trial in self.trials())

    def importances(self) -> dict[str, float]:
        """How much each setting decides whether a trial is among the best, in sum 1; empty if too
        few trials are done to say. The best are a tenth of them, or five, but not most."""
        done = sum(trial.state == TrialState.COMPLETE for trial in self.trials())
        if done < _MIN_WEIGHED:
            return {}
        share = min(0.5, max(0.1, _MIN_BEST / done))
        try:
            with told():
                by_best = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=share)
                return optuna.importance.get_param_importances(self._study, evaluator=by_best)
        except (ValueError, RuntimeError):
            return {}

    def close(self) -> None:
        """Close the database."""
        self._storage.engine.dispose()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Change trials, and then write them."""
        try:
            with told():
                yield
                if self._file:
                    self._file.save()
        finally:
            self._trials = None

    def _open(self, start: Start) -> tuple[optuna.Study, bool]:
        """The study, and True if it is new. Raises UserError if it exists, or doesn't, against what
        was asked for."""
        try:
            return optuna.load_study(study_name=start.study, storage=self._storage), False
        except KeyError:
            if not start.over:
                _refuse_missing(start.study)
        try:
            return optuna.create_study(storage=self._storage, study_name=start.study), True
        except optuna.exceptions.DuplicatedStudyError:  # by another machine, just now
            return optuna.load_study(study_name=start.study, storage=self._storage), False

    def _sampler(self) -> optuna.samplers.BaseSampler:
        """What proposes trials: a list where there are trials enough for every combination."""
        begun = self.begun
        is_full = num_combinations(begun.over) <= begun.trials
        if is_full or begun.sampler == "grid":
            return ListedSampler(grid(begun.over, is_full), self._seed)
        if begun.sampler == "tpe":
            with told():
                return optuna.samplers.TPESampler(seed=self._seed, group=True, gamma=_num_good)
        return optuna.samplers.RandomSampler(seed=self._seed)

    def _is_worse(self, trial: optuna.Trial) -> bool:
        pruner = optuna.pruners.WilcoxonPruner(p_threshold=_WORSE)
        frozen = self._storage.get_trial(trial._trial_id)
        return pruner.prune(self._study, frozen)

    def _give_back(self, trials: "list[optuna.Trial] | list[FrozenTrial]") -> None:
        for trial in trials:
            with suppress(optuna.exceptions.UpdateFinishedTrialError):
                self._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)


def _begin(study: optuna.Study, start: Start) -> Start:
    """Note how a study begins, and put its first trial in line."""
    begun = msgspec.structs.replace(start, storage="", runs="")  # no password, no path
    inside, outside = _first(begun)
    with told():
        study.enqueue_trial(inside, {_OUTSIDE: outside})
        study.set_user_attr(_ATTRIBUTE, msgspec.to_builtins(begun))
    return begun


def _first(begun: Start) -> tuple[dict[str, Any], list[str]]:
    """The settings of the first trial, and no names; no settings, and the names of all that are
    tried, if one is not in its range: the sampler finds out how settings depend on each other only
    where trials have all of them or none."""
    spec = RunSpec.parse(begun.spec)
    present = vars(spec.model) | vars(spec.train)
    if all(present[one.setting] in one for one in begun.over):
        return {one.setting: present[one.setting] for one in begun.over}, []
    return {}, [one.setting for one in begun.over]


def _num_good(num_trials: int) -> int:
    """How many trials the sampler counts as good: a fifth. Of Optuna's tenth it can't tell yet how
    settings depend on each other when sixty are done."""
    return min(math.ceil(num_trials / 5), 25)


def _begun(study: optuna.Study, start: Start) -> Start:
    """How a study was begun, perhaps by another machine just now.

    Raises UserError if it may not exist, is none of this program's, or has other ranges than asked.
    """
    if not start.may_exist:
        raise UserError(f"there is a study {start.study} already; --resume goes on with it")
    for _ in range(_TRIES):
        if found := study.user_attrs.get(_ATTRIBUTE):
            break
        time.sleep(_SECONDS_BETWEEN)
    else:
        raise UserError(f"the study {start.study} was not begun by makemore-tui sweep")
    begun = msgspec.convert({"study": start.study} | found, Start)  # older ones are without it
    if start.over and _design(start) != _design(begun):
        raise UserError(f"the study {start.study} is of {_design(begun)}, not of {_design(start)}")
    if start.trials > begun.trials:  # which is kept, for those who go on without a number
        begun = msgspec.structs.replace(begun, trials=start.trials)
        with told():
            study.set_user_attr(_ATTRIBUTE, msgspec.to_builtins(begun))
    return begun


def _design(start: Start) -> str:
    """What all who take part in a study have to agree on, as the command line has it."""
    over = " ".join(map(str, start.over))
    others = "" if start.prunes else " --no-prune"
    return f"{start.spec} over {over} --sampler {start.sampler} --seeds {start.seeds}{others}"


def _refuse_missing(study: str) -> NoReturn:
    raise UserError(f"there is no study {study} to go on with") from None


def _distribution(one: Range) -> BaseDistribution:
    if one.choices:
        return CategoricalDistribution(one.choices)
    if one.is_whole:
        return IntDistribution(int(one.low), int(one.high), log=one.log)
    return FloatDistribution(one.low, one.high, log=one.log)
