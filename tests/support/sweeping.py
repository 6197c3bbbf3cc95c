"""Sweeps whose workers are threads of the test's own process, and what they are of."""

import threading
from multiprocessing import Pipe
from types import SimpleNamespace

from makemore_tui.core.run_spec import RunSpec
from makemore_tui.core.settings import ModelSettings, TrainSettings
from makemore_tui.core.sweep.coordinator import Coordinator
from makemore_tui.core.sweep.files import StudyFiles
from makemore_tui.core.sweep.messages import Start
from makemore_tui.core.sweep.ranges import parse_ranges
from makemore_tui.core.sweep.study import Study
from makemore_tui.core.sweep.trial import work
from makemore_tui.core.sweep.workers import Worker, Workers

MODEL = ModelSettings(context=2, embedding=2, hidden=4)
TRAIN = TrainSettings(batch_size=8, steps=64)


class ThreadWorkers(Workers):
    """Workers that start in no time."""

    def _start(self):
        ours, theirs = Pipe()
        thread = threading.Thread(target=work, args=(theirs,), daemon=True)
        thread.start()
        return Worker(SimpleNamespace(terminate=lambda: None, join=thread.join), ours)


def start(path, *over, study="a", train=TRAIN, **options):
    """What to ask of a sweep over a small model of the items in a file."""
    spec = RunSpec(str(path), False, MODEL, train)
    ranges = parse_ranges(over, spec) if over else ()
    return Start(study, str(spec) if over else "", ranges, **options)


def run_sweep(asked, directory):
    """Run a sweep to its end; the last snapshot."""
    files = StudyFiles(directory, asked.study)
    files.lock()
    study = Study(asked, files.database)
    Coordinator(asked, study, files, ThreadWorkers(asked.workers)).run()
    study.close()
    files.unlock()
    return files.read()
