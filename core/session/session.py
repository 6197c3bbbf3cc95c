"""A run with all its ways back: the program, without a screen."""

from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from ..analysis.evaluation import Evaluation, WordSurprisal, evaluate, word_surprisal
from ..analysis.sampling import sample
from ..datasets.dataset import Dataset
from ..errors import UserError
from ..results import Sample
from ..runs.state import JournalEntry, RunState, beginning, copied
from ..settings import Effect, ModelSettings, TrainSettings, changed, effect_of, short_label
from ..text import shown
from .live_run import LiveRun
from .undo import Archive, StashedRun

__all__ = ["JournalEntry", "Session"]


class Session(LiveRun):
    """A run that can be trained, changed between any two steps, undone, looked at and saved.

        session = Session(Dataset.load("names"), ModelSettings(hidden=100), seed=1)
        session.train(1000)
        session.edit(learning_rate=0.01)
        session.edit(hidden=200)
        session.evaluate("dev").loss
        session.undo()

    archive: what can be undone, and previous runs.
    """

    archive: Archive

    def __init__(
        self,
        dataset: Dataset,
        model: ModelSettings | None = None,
        train: TrainSettings | None = None,
        seed: int = 1,
    ):
        """A run at step 0.

        Raises:
            UserError: the settings can't be had with this dataset.
        """
        super().__init__(dataset, model or ModelSettings(), train or TrainSettings(), seed)
        self.archive = Archive(dataset)
        self._looks = 0

    @property
    def previous_runs(self) -> tuple[StashedRun, ...]:
        """The runs that a restart or a return has put away, at most eight, the newest last."""
        present = self.model_settings, self.train_settings, self.seed
        return tuple(run.named(*present) for run in self.archive.previous_runs)

    @property
    def can_undo(self) -> str | None:
        """What `undo` would take back, in few signs."""
        return self.archive.past[-self._levels_back].label if self.archive.past else None

    @property
    def way_back(self) -> str | None:
        """What `undo` would take back of a run that has diverged, for its weights to be finite
        again; None where nothing would do that."""
        past, levels = self.archive.past, self._levels_back
        return past[-levels].label if past and past[-levels].state.is_finite else None

    @property
    def can_redo(self) -> str | None:
        """What `redo` would do again, in few signs."""
        return self.archive.future[-1].label if self.archive.future else None

    def edit(self, **changes: Any) -> Effect:
        """Change settings by name from the next step on, and say what that does to the run.

        An MLP takes another context, embedding or hidden size in place. Any other change of the
        model begins a new run with the same seed.

        Raises:
            UserError: a setting is unknown, or a value is not allowed; nothing has changed then.
        """
        model, train = changed(self.model_settings, self.train_settings, changes)
        effect = effect_of(changes, self.model_settings.kind)
        if effect == "restart":
            self._start_anew(model, train, self.seed, short_label(changes))
            return effect
        if effect == "resized" and self.diverged:
            raise UserError("the weights are not finite, so their number can't be changed")
        before = self.state()
        self.change(changes)
        self.archive.add(short_label(changes), before)
        return effect

    def restart(self, seed: int | None = None) -> None:
        """Begin a new run with the settings as they are, and the same seed or another."""
        label = "restart" if seed in (None, self.seed) else f"seed {seed}"
        seed = self.seed if seed is None else seed
        self._start_anew(self.model_settings, self.train_settings, seed, label)

    def change_dataset(self, dataset: Dataset) -> None:
        """Begin a new run on other data, with the settings as they are and the same seed.

        Previous runs stay with the data before, to which `undo` goes back.

        Raises:
            UserError: the settings can't be had with this dataset; nothing has changed then.
        """
        before, old = self.state(), self.dataset
        self.dataset = dataset
        try:
            self._begin(self.model_settings, self.train_settings, self.seed)
        except UserError:
            self.dataset = old
            raise
        self._put_away(before, f"data {shown(dataset.name)}")

    def undo(self) -> str:
        """Go back to just before the last edit, restart or return, and say which it was.

        The weights, optimizer, random numbers, step, journal and losses are those of then. From a
        run that has diverged it goes back to the newest state with finite weights, if there is one.

        Raises:
            UserError: there is nothing to undo.
        """
        label = self.can_undo
        if label is None:
            raise UserError("there is nothing to undo")
        self._restore(self.archive.back(self.state(), self._levels_back))
        return label

    def redo(self) -> str:
        """Return to where `undo` was called, and say which edit that does again.

        Training in between doesn't matter; `undo` takes it back to here.

        Raises:
            UserError: nothing has been undone since the last edit.
        """
        label = self.can_redo
        if label is None:
            raise UserError("there is nothing to redo")
        self._restore(self.archive.forth(self.state()))
        return label

    def return_to(self, index: int) -> None:
        """Go on with the previous run of that index; the present run takes its place.

        Raises:
            UserError: there is no such run.
        """
        names = [run.name for run in self.previous_runs]
        if not 0 <= index < len(names):
            raise UserError(f"there is no previous run {index}; there are {len(names)}, from 0 on")
        present, chosen = self.state(), self.archive.previous_runs[index]
        self.archive.add(f"return to {names[index]}", present)
        self._restore(chosen.state)
        instead = [StashedRun(present, present.history)] if present.step else []
        runs = [[run] if run is not chosen else instead for run in self.archive.previous_runs]
        self.archive.keep(tuple(chain.from_iterable(runs)))

    def go_on_with(self, other: "Session", label: str) -> None:
        """Go on with another session's run, which may be on other data; the present one becomes a
        previous run where it is on the same.

        label: what `can_undo` says of it.
        """
        before, state = self.state(), other.state()
        same = (self.dataset.path, self.dataset.fingerprint)
        is_same_data = (other.dataset.path, other.dataset.fingerprint) == same
        if is_same_data:
            state = replace(state, dataset=self.dataset)
        self._restore(state)
        self._put_away(before, label)

    def evaluate(self, split: str = "dev", max_examples: int | None = None) -> Evaluation:
        """The loss of a split: train, dev, test, all, or first-N.

        max_examples: of a larger split, only about so many are looked at.
        """
        evaluation = evaluate(self.model, self.dataset, split, max_examples)
        if split == "dev" and max_examples is None:
            self.dev_losses.append(self.step, evaluation.loss)
        return evaluation

    def sample(self, n: int = 20, seed: int | None = None, **options: Any) -> list[Sample]:
        """n names; `options` as in `sampling.sample`; without a seed, others at every call."""
        self._looks += 1
        chosen = seed if seed is not None else self._looks
        generator = torch.Generator().manual_seed(chosen)
        return sample(self.model, self.dataset, n, generator, **options)

    def surprisal(self, word: str) -> WordSurprisal:
        """How likely the model holds each character of a word."""
        return word_surprisal(self.model, self.dataset.vocabulary, word)

    def last_finite_state(self) -> RunState:
        """The newest whole state of this run with finite weights: now, or before an edit that is
        not undone, or the run's beginning."""
        if not self.diverged:
            return self.state()
        for level in reversed(self.archive.past):
            state = level.state
            is_whole = state.base is None and not state.is_first
            if state.run is self._run and state.is_finite and is_whole:
                return replace(state, diverged_at=self.diverged_at)
        first = beginning(self.state())
        _, trainer = self._made(*first.first_settings, first.seed)
        whole = copied(trainer.state_dict(), {})
        return replace(first, trainer=whole, diverged_at=self.diverged_at)

    def save(self, folder: Path | str, report: dict[str, Any] | None = None) -> None:
        """Write the run to a folder that does not exist yet (docs/run-format.md).

        report: figures to keep with it, such as its losses.

        Raises:
            UserError: the folder exists or can't be written, or the weights aren't finite.
        """
        from ..runs.checkpoint import save_run

        save_run(self, Path(folder), report)

    @classmethod
    def load(cls, folder: Path | str) -> "Session":
        """A saved run, to go on with bit for bit as if it had never been put away.

        Raises:
            UserError: it is damaged, its dataset has changed, or it can't be resumed.
        """
        from ..runs.checkpoint import load_session

        return load_session(Path(folder))

    def restore(self, state: RunState) -> None:
        """Go on from a state, of this dataset; there is nothing to undo or redo then."""
        self.archive = Archive(state.dataset)
        self._restore(state)

    def _start_anew(
        self, model: ModelSettings, train: TrainSettings, seed: int, label: str
    ) -> None:
        """Begin a run and keep the one before, if it has taken a step."""
        before = self.state()
        self._begin(model, train, seed)
        self._put_away(before, label)

    def _put_away(self, before: RunState, label: str) -> None:
        """Keep the run that was before; as a previous run, if it was on the same data."""
        self.archive.dataset = self.dataset
        self.archive.add(label, before)
        if before.dataset is not self.dataset:
            self.archive.keep(())
        elif before.step:
            previous = StashedRun(before, before.history)
            self.archive.keep((*self.archive.previous_runs, previous))

    @property
    def _levels_back(self) -> int:
        """How many levels `undo` goes back: more than one where the weights aren't finite."""
        past = reversed(self.archive.past) if self.diverged else []
        return next((i for i, level in enumerate(past, 1) if level.state.is_finite), 1)
