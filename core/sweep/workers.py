"""The processes that train trials, and the pipes to them."""

import contextlib
import gc
import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from .trial_messages import Ended, Keep, Kept, Reached, Task, Verdict

Report = Reached | Ended | Kept
_SECONDS_TO_END = 2.0
_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


def _work(connection: Connection) -> None:
    from .trial import work  # which loads torch, that this process does without

    gc.freeze()  # to look through all that torch has made takes longer than a trial of `fast`
    work(connection)


def load_torch_ahead() -> None:
    """Begin to load torch in the server that forks the workers, where that can be had; it takes
    more than a second, for which `Workers.start` waits."""
    if _METHOD == "forkserver":
        from multiprocessing import forkserver  # which Windows doesn't have

        multiprocessing.set_forkserver_preload([f"{__package__}.trial"])
        forkserver.ensure_running()


@dataclass(eq=False)
class Worker:
    """One process; trial: what it is at, None if nothing."""

    process: Any
    connection: Connection
    trial: int | None = None

    def send(self, message: Task | Verdict | Keep) -> None:
        """Tell it something; it is lost if the process has died, which `reports` tells."""
        with contextlib.suppress(OSError):
            self.connection.send(message)


class Workers:
    """So many processes, each with one thread. One that dies is replaced."""

    def __init__(self, count: int):
        """None is there before `start`."""
        self._count = count
        self._all: list[Worker] = []

    def start(self) -> None:
        """Start all of them."""
        self._all = [self._start() for _ in range(self._count)]

    @property
    def idle(self) -> list[Worker]:
        """Those that have nothing to do."""
        return [worker for worker in self._all if worker.trial is None]

    def at(self, trial: int) -> Worker | None:
        """The one that is at a trial."""
        return next((worker for worker in self._all if worker.trial == trial), None)

    def reports(self, seconds: float) -> Iterator[tuple[Worker, Report | None]]:
        """What they have to say, waiting for it so long at most; None of one that has died."""
        by_connection = {worker.connection: worker for worker in self._all}
        for connection in wait(list(by_connection), seconds):
            worker = by_connection[connection]  # type: ignore[index]
            try:
                yield worker, worker.connection.recv()
            except (EOFError, OSError):
                yield worker, None
                self._end(worker)
                self._all[self._all.index(worker)] = self._start()

    def close(self) -> None:
        """End all of them; what they are at is lost."""
        for worker in self._all:
            self._end(worker)

    def _start(self) -> Worker:
        context: Any = multiprocessing.get_context(_METHOD)
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        return Worker(process, ours)

    def _end(self, worker: Worker) -> None:
        worker.connection.close()
        worker.process.terminate()
        worker.process.join(_SECONDS_TO_END)
