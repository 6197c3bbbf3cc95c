"""The explorer's and the command line's side of a sweep: what can be asked for, its process, its
table as files."""

import contextlib
import csv
import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import msgspec

from makemore_tui.core.atomic import write_atomically
from makemore_tui.core.constants import BUILT_IN_DATASETS
from makemore_tui.core.errors import UserError
from makemore_tui.core.paths import expanded
from makemore_tui.core.run_spec import RunSpec
from makemore_tui.core.sweep.messages import Failed, Reply, Snapshot, Start, Trial, to_line
from makemore_tui.core.sweep.ranges import Range, parse_ranges

from .exporting import new_path

MAX_TRIALS = 100_000
NUM_KEPT = 5  # best trials, that are saved as runs
_SECONDS_TO_END = 10.0  # to give trials back in
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(text: str, name: str = "--time") -> float:
    """Seconds from a text such as 90s, 10m or 1.5h. Raises UserError for any other, with the name
    of the option or field."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smhd]?)", text)
    if not found or not float(found[1]):
        raise UserError(f"{name} must be a time such as 90s, 10m or 2h, not {text!r}")
    return float(found[1]) * _UNITS[found[2]]


def num_cores() -> int:
    """How many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def around(
    spec: RunSpec, over: Iterable[str], source: str = "--over", is_shared: bool = False
) -> tuple[RunSpec, tuple[Range, ...]]:
    """How the trials of a sweep start, and what it tries of which settings, from the words of an
    option or field.

    source: its name, for errors. is_shared: True if other machines take part, to which a relative
    path may mean another file. Raises UserError where they don't fit together.
    """
    if spec.train.train_on == "all":
        raise UserError("train_on all leaves no held-out data to judge a trial by")
    if spec.dataset not in BUILT_IN_DATASETS and not is_shared:
        path = expanded(spec.dataset).absolute()
        if not path.exists():
            raise UserError(f"{path}: no such file or built-in dataset")
        spec = replace(spec, dataset=str(path))
    return spec, parse_ranges(over, spec, source)


def resumed(snapshot: Snapshot, runs: str) -> Start:
    """How to go on with a study, whose best trials are saved in a directory of runs ("" for none).

    Raises UserError if it runs, has no trials left, or is in a database whose password isn't known.
    """
    if snapshot.state == "running":
        raise UserError(f"the sweep {snapshot.study} is running already")
    if snapshot.num_ended >= snapshot.trials:
        raise UserError(
            f"all {snapshot.num_ended:,} trials have ended; sweep --resume --trials N adds more"
        )
    if not snapshot.storage.startswith("sqlite"):
        raise UserError("a sweep in PostgreSQL goes on with sweep --resume --storage URL")
    return Start(
        study=snapshot.study,
        trials=snapshot.trials,
        workers=num_workers(),
        may_exist=True,
        runs=runs,
        keep=NUM_KEPT if runs else 0,
    )


def num_workers() -> int:
    """How many workers a sweep has that runs beside the explorer: it has a core of its own."""
    return max(1, num_cores() - 1)


class SweepProcess:
    """A sweep that this process has started. What it finds is read, and asked of it, by
    `core.sweep.files.StudyFiles`.

    It ends when it has no trials left, when `stop` is called or, unless it is detached, when this
    process ends, whatever the reason.

    study: its name. is_detached: True if it goes on then.
    """

    def __init__(self, start: Start):
        """Start it; `wait_until_open` tells whether that went well."""
        self.study: str = start.study
        self.is_detached: bool = start.detached
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed with this object)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "makemore_tui.core.sweep"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,  # so that ctrl+c is this process's alone
        )
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # its end is noticed by wait_until_open
            self._process.stdin.write(to_line(start))
            self._process.stdin.flush()

    def wait_until_open(self) -> None:
        """Wait until the study is open. Raises UserError if it can't be, or the process died."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        try:
            reply = msgspec.json.decode(line, type=Reply)
        except msgspec.MsgspecError:
            self._process.wait()
            raise UserError(self.problem or "the sweep ended without a word") from None
        if isinstance(reply, Failed):
            self._process.wait()
            raise UserError(reply.why)

    def wait(self, seconds: float) -> None:
        """Wait for its end, so long at most."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    @property
    def problem(self) -> str:
        """What a process that died said last; "" if it runs, or ended as it should."""
        if not self._process.poll():
            return ""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"the sweep stopped: {lines[-1] if lines else f'code {self._process.returncode}'}"

    def stop(self) -> None:
        """End it, unless it is detached; it gives back the trials that are running."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        if not self.is_detached:
            self.wait(_SECONDS_TO_END)

    def close(self) -> None:
        """End it, unless it is detached, and forget it."""
        self.stop()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._errors.close()


def export_table(snapshot: Snapshot) -> list[Path]:
    """Write a study's trials as CSV and as JSON into the current folder; the new files. Raises
    UserError if they can't be written."""
    names = [one.setting for one in snapshot.over]
    table = [_fields(row, names) for row in snapshot.rows]
    text = io.StringIO(newline="")
    columns = ["trial", "dev", *names, "steps", "planned", "state", "seconds", "why", "spec", "run"]
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    study = {"study": snapshot.study, "importances": snapshot.importances, "trials": table}
    content = {
        "csv": text.getvalue().encode(),
        "json": msgspec.json.format(msgspec.json.encode(study)),
    }
    paths = {form: new_path(snapshot.study, form) for form in content}
    for form, path in paths.items():
        write_atomically(path, content[form])
    return list(paths.values())


def _fields(row: Trial, settings: Iterable[str]) -> dict:
    """A trial as a row of the table."""
    others = ("steps", "planned", "state", "seconds", "why", "spec", "run")
    return {
        "trial": row.number,
        "dev": row.value,
        **{name: row.settings.get(name) for name in settings},
        **{name: getattr(row, name) for name in others},
    }
