"""Pictures of the screen."""

import os
from datetime import datetime
from pathlib import Path

from textual.app import App

from .. import messages as say
from ..notices import Notice


def take_screenshot(app: App) -> Notice:
    """Save the screen as a picture; where, or why that can't be."""
    try:
        return Notice(say.SCREENSHOT.format(path=_save(app)))
    except OSError as error:
        return Notice(say.NO_SCREENSHOT.format(why=error.strerror), is_warning=True)


def _save(app: App) -> Path:
    """Write the screen as an SVG file into the current folder, or where that may not be written
    into the user's pictures, and return its path. Raises OSError if neither can be written."""
    name = f"makemore-tui {datetime.now():%Y-%m-%d %H.%M.%S}.svg"
    folder = Path.cwd()
    if not os.access(folder, os.W_OK):
        from platformdirs import user_pictures_path

        folder = user_pictures_path()
        folder.mkdir(parents=True, exist_ok=True)
    return Path(app.save_screenshot(name, str(folder)))
