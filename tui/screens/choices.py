"""A list to choose from."""

import contextlib

from textual.widgets import OptionList


class Choices(OptionList):
    """Textual's, whose page keys would break it where no line has room."""

    DEFAULT_CSS = "Choices { height: auto; border: none; padding: 0; }"

    def action_page_up(self) -> None:
        with contextlib.suppress(LookupError):
            super().action_page_up()

    def action_page_down(self) -> None:
        with contextlib.suppress(LookupError):
            super().action_page_down()
