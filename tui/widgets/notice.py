"""The line above the footer, in which something is said."""

from textual.widgets import Static

from makemore_tui.core.text import shown


class NoticeLine(Static):
    """A sentence, the newest one."""

    DEFAULT_CSS = """
    NoticeLine {
        height: 1; padding: 0 1; color: $text-muted; background: $background;
        text-overflow: ellipsis; text-wrap: nowrap;
    }
    NoticeLine.warning { color: $text-warning; text-style: bold; }
    """

    def __init__(self):
        super().__init__(id="notice", markup=False)

    @property
    def text(self) -> str:
        """The sentence that is shown."""
        return str(self.content)

    def say(self, text: str, is_warning: bool = False) -> None:
        """Show a sentence."""
        text = shown(text)
        if text != self.text or is_warning != self.has_class("warning"):
            self.set_class(is_warning, "warning")
            self.update(text, layout=False)  # its size stays: nothing else is laid out anew
