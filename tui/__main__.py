"""The program: `makemore-tui`, or `python -m makemore_tui.tui`."""

import signal

from .cli.interrupt import ends_at_once


def main() -> None:
    """Load the command line and run it; ctrl+c ends it without a traceback, whenever it comes."""
    with ends_at_once():
        from .cli.main import main as run
    try:
        run()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends already


if __name__ == "__main__":
    main()
