"""What a session predicts with: its network, or the mixture of that with counts."""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Protocol

from ..analysis.evaluation import Evaluation, RunningEvaluation
from ..analysis.mixing import MixedCounts, RunningMixedEvaluation
from ..datasets.dataset import Dataset
from ..models.factory import AnyModel
from ..models.mixture import Mixture
from ..models.ngram import NgramCounts
from ..runs.record import JournalEntry
from ..settings import ModelSettings, TrainSettings, value_text
from ..training.history import DevLosses

_PATIENCE = 0.005  # seconds to wait for the thread at a time, when nothing trains
_MAX_EXAMPLES = 1 << 18  # of a split, whose probabilities by the counts are made in the thread


class Mixable(Protocol):
    """What a `Mixing` takes a session for."""

    dataset: Dataset
    model: AnyModel
    model_settings: ModelSettings
    train_settings: TrainSettings
    step: int
    journal: list[JournalEntry]
    run: object
    dev_losses: DevLosses
    mixed_losses: DevLosses


class Mixing:
    """Mixes a session's network with counts of what it is trained on, as its settings say.

    Training never depends on it. The counts are kept until another order or split is wanted.

    in_background: don't wait for the counts, which a thread makes; until `advance` has said that
    they are there the network predicts alone. And `auto` means the weight found by the newest
    evaluation of dev, which is not made for this. is_counting: True when `advance` should be
    called.
    """

    def __init__(self, session: Mixable):
        """session: a proxy of the one that this belongs to."""
        self.in_background: bool = False
        self._session = session
        self._thread = ThreadPoolExecutor(1)
        self._counting: Future[MixedCounts] | None = None
        self._counts_of: object = None  # dataset, order and split
        self.is_counting: bool = False
        self._weight: float | None = None  # the best on dev, as it was found last
        self._weight_of: tuple[object, ...] = ()  # the counts, the run, and its weights

    def __repr__(self) -> str:
        train = self._session.train_settings
        of = f"weight {value_text(train.mix)}, order {train.mix_order}" if self.is_on else "off"
        return f"Mixing({of})"

    @property
    def is_on(self) -> bool:
        """True when the model is a network and the weight of the counts is not 0."""
        session = self._session
        return session.model_settings.model_kind.is_network and session.train_settings.mix != 0

    def advance(self, is_training: bool) -> bool:
        """True when the counts have come, for which training does not wait."""
        if self._counting is None or not self.is_counting:
            return False
        wait([self._counting], 0 if is_training else _PATIENCE)
        self.is_counting = not self._counting.done()
        return not self.is_counting

    def model(self) -> AnyModel | Mixture:
        """What predicts: the mixture, or the model alone."""
        return self.mixture() or self._session.model

    def mixture(self) -> Mixture | None:
        """The network mixed with counts; None if it is not to be, or, in the background, not yet.

        With the mix `auto`, dev is evaluated if it wasn't at the present weights."""
        network, counts = self._session.model, self._counts()
        if counts is None or isinstance(network, NgramCounts):
            return None
        weight = self._session.train_settings.mix
        if weight == "auto":
            weight = self._best_weight()
        return None if weight is None else Mixture(network, counts.estimate, weight)

    def running(
        self,
        split: str = "dev",
        max_examples: int | None = None,
        dev: RunningEvaluation | None = None,
        by_example: bool = False,
    ) -> RunningEvaluation:
        """An evaluation of what predicts; arguments as for `RunningEvaluation`.

        dev: that of dev which is under way, from which `auto` takes the weight.
        """
        session, counts = self._session, self._counts()
        network, of = session.model, (session.dataset, split, max_examples)
        if counts is None or isinstance(network, NgramCounts):
            return RunningEvaluation(network, *of, by_example)
        mix = session.train_settings.mix
        if mix != "auto":
            return RunningMixedEvaluation(network, counts, *of, weight=mix)
        if split == "dev":
            return RunningMixedEvaluation(network, counts, *of)
        dev = dev or self.running("dev", max_examples)
        return RunningMixedEvaluation(network, counts, *of, dev=dev)

    def evaluate(self, split: str = "dev", max_examples: int | None = None) -> Evaluation:
        """The loss of what predicts; arguments and errors as for `analysis.evaluation.evaluate`."""
        running = self.running(split, max_examples)
        while running.advance():
            pass
        return running.result()

    def record(self, step: int, dev: Evaluation) -> None:
        """Add the losses of dev after so many steps to those of the session."""
        self._session.dev_losses.append(step, dev.network.loss)
        if dev.parts is not None:
            self._session.mixed_losses.append(step, dev.loss)
            self._weight, self._weight_of = dev.parts.weight, self._present

    @property
    def last_dev(self) -> float | None:
        """The newest dev loss of what predicts, in nats; None without any."""
        session = self._session
        both = session.mixed_losses.last if self.is_on else None
        return session.dev_losses.last if both is None else both

    @property
    def _present(self) -> tuple[object, ...]:
        session = self._session
        return self._counts_of, session.run, session.step, tuple(session.journal)

    def _best_weight(self) -> float | None:
        of = 2 if self.in_background else 4  # a newer one comes with the next evaluation
        if self._weight_of[:of] == self._present[:of]:
            return self._weight
        if self.in_background:
            return None
        found = self.evaluate("dev").parts
        self._weight, self._weight_of = found and found.weight, self._present
        return self._weight

    def _counts(self) -> MixedCounts | None:
        """The counts to mix with; None if there is no mixing, or, in the background, not yet."""
        if not self.is_on:
            return None
        session, train = self._session, self._session.train_settings
        of = session.dataset, train.mix_order, train.train_on
        if self._counting is None or self._counts_of != of:
            if self._counting is not None:
                self._counting.cancel()  # if it hasn't begun
            self._counting, self._counts_of = self._thread.submit(_count, *of), of
            self.is_counting = self.in_background
        return None if self.is_counting else self._counting.result()


def _count(dataset: Dataset, order: int, train_on: str) -> MixedCounts:
    """The counts, and what they give to dev and to what is trained on, so that it is known."""
    counts = MixedCounts(dataset, order, train_on)
    for split in ("dev", train_on):
        counts.log_prob(split, min(_MAX_EXAMPLES, dataset.split(split).num_examples))
    return counts
