"""Names for the explorer's panel, and what can be said of the last few hundred of them."""

from collections import deque

from ..errors import UserError
from ..results import Sample, SampledNames
from ..session.session import Session
from .protocol import NamesView

_MAX_LENGTH = 60  # characters of a name
_MAX_RECENT = 500


class RecentNames:
    """Samples names, and keeps the last 500 of one run with one temperature and top-k."""

    def __init__(self):
        self._names: deque[Sample] = deque(maxlen=_MAX_RECENT)
        self._are_of: object = None  # the run, and how they were sampled
        self._seed = 0  # of the newest names of a pair

    def draw(self, session: Session, view: NamesView, other: Session | None = None) -> SampledNames:
        """New names, and the shares of the last ones, these among them. None are drawn from
        weights that are not finite.

        other: of a pair, the run that makes as many names of the same random numbers.
        """
        dataset, sampling = session.dataset, view.sampling
        if self._are_of != (session.run, sampling):
            self._are_of = session.run, sampling
            self._names.clear()
        self._seed += 1
        seed = None if other is None else self._seed
        samples, others = (_sampled(one, view, seed) for one in (session, other))
        if not samples:
            return SampledNames(other=others)
        self._names.extend(samples)
        texts = [one.text for one in self._names]
        return SampledNames(
            samples=samples,
            other=others,
            num_recent=len(texts),
            new=sum(not one.seen for one in self._names) / len(texts),
            distinct=len(set(texts)) / len(texts),
            mean_length=sum(map(len, texts)) / len(texts),
            data_length=dataset.split("all").num_examples / dataset.num_items - 1,
        )


def _sampled(session: Session | None, view: NamesView, seed: int | None) -> tuple[Sample, ...]:
    """Names of a session; none of weights or probabilities that are not finite."""
    if session is None:
        return ()
    try:
        samples = session.sample(
            view.count,
            seed,
            temperature=view.sampling.temperature,
            top_k=view.sampling.top_k,
            limit=min(2 * session.dataset.longest, _MAX_LENGTH),
        )
    except UserError:
        return ()
    return tuple(samples)
