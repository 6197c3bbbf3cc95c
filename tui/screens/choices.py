"""A list to choose from."""

import contextlib

from textual.widgets import OptionList

from .asking import AskingScreen


class Choices(OptionList):
    """Textual's, whose page keys would break it where no line has room, and whose choice would be
    taken after the next keys."""

    DEFAULT_CSS = "Choices { height: auto; border: none; padding: 0; }"

    def action_select(self) -> None:
        """Take what is highlighted at once, so that the next key is for what that leads to."""
        option = self.highlighted_option
        if option is not None and isinstance(self.screen, AskingScreen):
            self.screen.choose(option.id or "")

    def action_page_up(self) -> None:
        with contextlib.suppress(LookupError):
            super().action_page_up()

    def action_page_down(self) -> None:
        with contextlib.suppress(LookupError):
            super().action_page_down()
