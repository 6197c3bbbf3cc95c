"""The runs of a study's best trials, saved as ordinary runs."""

import contextlib
from pathlib import Path

from ..constants import RUN_SUFFIX
from ..errors import UserError
from ..paths import numbered
from ..runs.catalog import remove
from ..runs.header import read_record
from .board import best_of, result_of
from .study import Study


class BestRuns:
    """Says which trials are saved, and removes those that have been beaten since."""

    def __init__(self, study: Study, name: str, directory: str, keep: int):
        """name: of the study. keep: how many of the best are kept in a directory of runs."""
        self._study, self._name, self._count = study, name, keep
        self._directory = Path(directory)

    def path_for(self, trial: int, value: float) -> Path | None:
        """A new file for the run of a trial with this dev loss; None if it is none of the best."""
        best = best_of(self._study.trials(), self._count)
        lost = len(best) == self._count and (not best or value >= (best[-1].value or 0.0))
        if lost:
            return None
        paths = numbered(self._directory, f"{self._name}-trial-{trial}", RUN_SUFFIX)
        return next(path for path in paths if not path.exists())

    def remove_beaten(self) -> None:
        """Remove the runs of trials that are no longer among the best, unless they have been
        trained on, or are open in an explorer."""
        trials = self._study.trials()
        best = {trial.number for trial in best_of(trials, self._count)}
        for trial in trials:
            result = result_of(trial)
            if result.run and trial.number not in best and Path(result.run).exists():
                path = Path(result.run)
                with contextlib.suppress(UserError):
                    record = read_record(path)
                    if not record.journal and record.steps <= result.steps:
                        remove(path.parent, [str(path)])
