"""The process of a sweep; see `messages`."""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import msgspec

from ..atomic import UNFINISHED, check_can_create
from ..errors import UserError
from .messages import Failed, Reply, Start, Started, to_line
from .workers import Workers, load_torch_ahead


def main() -> None:
    """Run the sweep that the first line of input asks for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    output = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # so that nothing a library prints gets into the reply
    load_torch_ahead()  # in another process, while this one imports Optuna

    def send(reply: Reply) -> None:
        output.write(to_line(reply))

    try:
        _run(msgspec.json.decode(sys.stdin.buffer.readline(), type=Start), send)
    except UserError as error:
        send(Failed(str(error)))
        print(error, file=sys.stderr)  # for whoever no longer reads replies
        os._exit(1)
    except BaseException:
        traceback.print_exc()
        os._exit(1)  # sys.exit would wait for the thread that reads
    os._exit(0)


def _run(start: Start, send: Callable[[Reply], None]) -> None:
    from .files import StudyFiles, sweeps_directory

    files = StudyFiles(sweeps_directory(), start.study)
    files.lock()
    if start.runs and start.keep:
        check_can_create(Path(start.runs) / f"{UNFINISHED}{start.study}")
    from .coordinator import Coordinator
    from .study import Study

    study = Study(start, files.database)
    coordinator = Coordinator(start, study, files, Workers(start.workers))
    coordinator.publish("running")
    send(Started())

    def stop(*_: object) -> None:
        coordinator.is_stopping = True

    def stop_at_end_of_input() -> None:
        while os.read(0, 1 << 12):
            pass
        stop()

    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(number, stop)
    if not start.detached:
        threading.Thread(target=stop_at_end_of_input, daemon=True).start()
    coordinator.run()
    study.close()


if __name__ == "__main__":
    main()
