"""The program: `makemore-tui`, or `python -m makemore_tui.tui`."""

import signal

from .cli.process import ends_at_once


def main() -> None:
    """Import the command line and run it; ctrl+c ends it without a traceback at any moment."""
    with ends_at_once():
        from .cli.main import main as run
    try:
        run()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is ending already


if __name__ == "__main__":
    main()
