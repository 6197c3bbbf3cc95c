"""`python -m makemore_tui.tui`."""

from .cli import main

main()
