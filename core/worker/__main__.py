"""The explorer's worker: a process that trains, and answers between slices of training.

It speaks pickled messages (`messages.py`) over its standard input and output, one reply to a
request, in order. Its parent is the only one who writes there; files are never unpickled. It ends
when its input ends or it is told to by a signal, and saves the run then; so it cannot outlive the
explorer.
"""

import os
import pickle
import queue
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import BinaryIO

from .protocol import ENDED_LATE, Failed, Reply, Request, Start, Starting, Unsaved

_GRACE_SECONDS = 1.5  # to save the run in, before it ends whatever it is doing


def main() -> None:
    """Serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get between the replies
    inbox: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
    for ending in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(ending, lambda *_: inbox.put(None))
    threading.Thread(target=_receive, args=(sys.stdin.buffer, inbox), daemon=True).start()

    def send(reply: Reply) -> None:
        pickle.dump(reply, output)
        output.flush()

    try:
        start = inbox.get()
        if isinstance(start, Start):
            _serve(start, inbox, send)
    except BrokenPipeError:
        pass
    except BaseException:
        traceback.print_exc()
        os._exit(1)  # not by way of a shutdown, which would wait for the reading thread
    os._exit(0)


def _receive(source: BinaryIO, inbox: "queue.SimpleQueue[Request | None]") -> None:
    """Pass requests on; at the end of input see to it that the process ends soon."""
    try:
        while True:
            inbox.put(pickle.load(source))
    except (EOFError, OSError, pickle.UnpicklingError):
        pass
    finally:
        inbox.put(None)
        time.sleep(_GRACE_SECONDS)
        os._exit(ENDED_LATE)


def _serve(start: Start, inbox, send) -> None:
    from ..errors import UserError

    send(Starting("loading torch"))
    import torch

    from ..datasets.dataset import Dataset
    from ..session.session import Session
    from ..text import shown
    from .autosave import Autosave
    from .server import Server

    torch.set_num_threads(1)
    autosave = Autosave(Path(start.runs), start.most_bytes) if start.runs else None
    try:
        if start.resume is not None:
            send(Starting(f"opening {shown(Path(start.resume).name)}"))
            session = Session.load(start.resume)
            if autosave is not None:
                autosave.resume(session, Path(start.resume))
        else:
            send(Starting(f"reading {shown(start.dataset)}"))
            dataset = Dataset.load(start.dataset, start.unique)
            session = Session(dataset, start.model, start.train, start.seed)
    except UserError as error:
        send(Failed(str(error)))
        return
    Server(session, inbox, send, autosave=autosave, paused=start.paused).run()
    if autosave is not None and (problem := autosave.facts.problem):
        send(Unsaved(problem))


if __name__ == "__main__":
    main()
