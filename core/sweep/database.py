"""Where a study is kept: an SQLite file that one process has open, or a PostgreSQL that many do."""

import json
import math
import random
import time
import warnings
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import distribution_to_json
from optuna.storages import InMemoryStorage, RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import URL, Engine, event
from sqlalchemy.exc import SQLAlchemyError

from ..errors import UserError

_HEARTBEAT_SECONDS = 60
_TRIES, _SECONDS_BETWEEN = 10, 1.0  # while several machines make the same tables at once
_COLUMNS = {  # of the tables of Optuna 5
    "trials": "trial_id, number, study_id, state, datetime_start, datetime_complete",
    "trial_params": "trial_id, param_name, param_value, distribution_json",
    "trial_values": "trial_id, objective, value, value_type",
    "trial_intermediate_values": "trial_id, step, intermediate_value, intermediate_value_type",
    "trial_user_attributes": "trial_id, key, value_json",
    "trial_system_attributes": "trial_id, key, value_json",
}


class FileStorage(InMemoryStorage):
    """One study in an SQLite file that only this process has open.

    The file is read once; `save` writes what has changed since, in one transaction. Optuna's
    `RDBStorage` reads the file for every answer, which takes as long as half a trial of `fast`.
    """

    def __init__(self, path: Path, study: str):
        """Read a study, if it exists. path: of the file, which is made if it doesn't."""
        super().__init__()
        optuna.logging.set_verbosity(optuna.logging.CRITICAL)
        self._file = RDBStorage(sqlite_url(path))
        self.engine: Engine = self._file.engine
        event.listen(self.engine, "connect", _quicken)
        self.engine.dispose()  # so that what is connected from now on is quick
        self._study = 0  # its id in the file; in memory it is 0
        self._ids: list[int] = []  # of its trials in the file, by number
        self._saved: list[FrozenTrial] = []
        for one in self._file.get_all_studies():
            if one.study_name == study:
                self._study = one._study_id
                super().create_new_study(one.directions, study)
                for key, value in one.user_attrs.items():
                    super().set_study_user_attr(0, key, value)
                for trial in self._file.get_all_trials(self._study, deepcopy=False):
                    self._ids.append(trial._trial_id)
                    self.create_new_trial(0, trial)
                self._saved = self.get_all_trials(0, deepcopy=False)

    def create_new_study(
        self, directions: Sequence[StudyDirection], study_name: str | None = None
    ) -> int:
        """Make the study; see `BaseStorage`."""
        self._study = self._file.create_new_study(directions, study_name)
        return super().create_new_study(directions, study_name)

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Note something of the study, after its trials; see `BaseStorage`."""
        self.save()
        self._file.set_study_user_attr(self._study, key, value)
        super().set_study_user_attr(study_id, key, value)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """The trials in some states; see `BaseStorage`."""
        # Of the tuple (WAITING,) Optuna would overlook those that were given back.
        found = None if states is None else [state for state in TrialState if state in states]
        return super().get_all_trials(study_id, deepcopy, found)

    def save(self) -> None:
        """Write the trials that have changed. Raises SQLAlchemyError, and tries again next time."""
        trials = self.get_all_trials(0, deepcopy=False)
        pairs = zip_longest(trials, self._saved)  # one that has changed is another object
        rows = [self._rows(trial) for trial, saved in pairs if trial is not saved]
        if not rows:
            return
        with self.engine.begin() as connection:
            for table, columns in _COLUMNS.items():
                marks = ", ".join("?" for _ in columns.split(", "))
                if of_table := [row for of_trial in rows for row in of_trial[table]]:
                    connection.exec_driver_sql(
                        f"INSERT OR REPLACE INTO {table} ({columns}) VALUES ({marks})", of_table
                    )
        self._saved = trials

    def _rows(self, trial: FrozenTrial) -> dict[str, list[tuple]]:
        """What each table has of a trial; see _COLUMNS."""
        if trial.number == len(self._ids):
            self._ids.append(max(self._ids, default=0) + 1)
        id = self._ids[trial.number]
        times = _stored_time(trial.datetime_start), _stored_time(trial.datetime_complete)
        return {
            "trials": [(id, trial.number, self._study, trial.state.name, *times)],
            "trial_params": [
                (id, name, one.to_internal_repr(trial.params[name]), distribution_to_json(one))
                for name, one in trial.distributions.items()
            ],
            "trial_values": [(id, 0, *_stored_value(value)) for value in trial.values or ()],
            "trial_intermediate_values": [
                (id, step, *_stored_value(value))
                for step, value in trial.intermediate_values.items()
            ],
            "trial_user_attributes": _stored(id, trial.user_attrs),
            "trial_system_attributes": _stored(id, trial.system_attrs),
        }


def sqlite_url(path: Path) -> str:
    """The URL of an SQLite file, in whose path characters such as ? and % mean themselves."""
    return URL.create("sqlite", database=str(path)).render_as_string()


def shared_storage(url: str, grace: int) -> RDBStorage:
    """A database that several machines share, with its tables. grace: see `messages.Start`."""
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    for left in reversed(range(_TRIES)):
        try:
            return RDBStorage(
                url,
                {"pool_pre_ping": True},
                heartbeat_interval=min(_HEARTBEAT_SECONDS, max(1, grace // 3)),
                grace_period=grace,
                heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(),
            )
        except (SQLAlchemyError, optuna.exceptions.StorageInternalError):
            if not left:  # or another machine was making the same tables
                raise
            time.sleep(_SECONDS_BETWEEN * random.random())
    raise AssertionError


@contextmanager
def told() -> Iterator[None]:
    """Call Optuna without its warnings of what is experimental or meant for `Study.optimize`, and
    with its errors, such as those of a full disk, as a sentence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
            cause = error.__cause__ or error
            reason = str(getattr(cause, "orig", cause)).strip().splitlines()[0]
            raise UserError(f"the database of the study can't be used: {reason}") from None


def _quicken(connection: Any, _: Any) -> None:
    """Let SQLite sync less often; a power failure may lose the last trials, and harms nothing."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def _stored(id: int, attributes: dict[str, Any]) -> list[tuple]:
    return [(id, key, json.dumps(value)) for key, value in attributes.items()]


def _stored_time(time: datetime | None) -> str | None:
    return time and time.isoformat(" ", "microseconds")


def _stored_value(value: float) -> tuple[float | None, str]:
    """A number, and its kind, as Optuna stores it."""
    if math.isfinite(value):
        return value, "FINITE"
    return None, "NAN" if math.isnan(value) else "INF_POS" if value > 0 else "INF_NEG"
