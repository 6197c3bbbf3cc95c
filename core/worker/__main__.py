"""The worker process: it trains a session for the explorer and answers between slices of training.

Pickled messages (`protocol`) come in over standard input and go out over standard output, a reply
to each request, in order. Only the parent process writes to standard input; files are never
unpickled. The worker saves its run and ends when its input ends or a signal says so; so it cannot
outlive the explorer.
"""

import gc
import os
import pickle
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from .protocol import ENDED_LATE, Failed, Reply, Request, Start, Starting

_GRACE_SECONDS = 1.5  # to save the run in after the input has ended
_SWITCH_SECONDS = 0.001  # for which a thread computes while another, with a request, waits


def main() -> None:
    """Serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setswitchinterval(_SWITCH_SECONDS)
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # so that nothing a library prints gets between the replies
    inbox: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(number, lambda *_: inbox.put(None))
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
        os._exit(1)  # sys.exit would wait for the reading thread
    os._exit(0)


def _receive(source: BinaryIO, inbox: "queue.SimpleQueue[Request | None]") -> None:
    """Put requests into the inbox; at the end of input, end the process after the grace period."""
    try:
        while True:
            inbox.put(pickle.load(source))
    except (EOFError, OSError, pickle.UnpicklingError):
        pass
    finally:
        inbox.put(None)
        time.sleep(_GRACE_SECONDS)
        os._exit(ENDED_LATE)


def _serve(
    start: Start, inbox: "queue.SimpleQueue[Request | None]", send: Callable[[Reply], None]
) -> None:
    """Make or open the session, and serve it; `Failed` is sent if that can't be done."""
    from ..errors import UserError

    send(Starting("loading torch"))
    gc.disable()  # almost all that is loaded stays
    import torch

    from ..runs.checkpoint import read_with_record
    from ..runs.header import run_name
    from ..session.session import Session
    from ..text import shown
    from .autosave import Autosave
    from .server import Server

    torch.set_num_threads(1)
    autosave = Autosave(Path(start.runs), start.most_bytes) if start.runs else None
    try:
        if start.resume is not None:
            send(Starting(f"opening {shown(run_name(Path(start.resume)))}"))
            state, record = read_with_record(start.resume)
            session = Session.from_state(state)
            if autosave is not None:
                autosave.resume(session, Path(start.resume), record.named)
        else:
            send(Starting(f"reading {shown(start.spec.dataset)}"))
            session, record = Session.from_spec(start.spec), None
    except (UserError, OSError) as error:
        send(Failed(str(error)))
        return
    gc.freeze()
    gc.enable()
    server = Server(session, inbox, send, autosave=autosave, paused=start.paused)
    if start.resume is not None and record is not None:
        server.runner.pair.open(Path(start.resume), record.twin)
    server.runner.training.pace.change(start.speed_limit)
    server.run()


if __name__ == "__main__":
    main()
