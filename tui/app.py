"""The explorer's application."""

import sys
from collections.abc import Iterable

from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.screen import Screen
from textual.theme import Theme

from makemore_tui.core.errors import UserError

from .engine import Engine
from .keys import KEYS
from .screens.main import MainScreen

_THEME = Theme(
    name="makemore",
    primary="#56b4e9",
    secondary="#f0aa1e",
    warning="#f0784a",
    error="#f0784a",
    success="#28be91",
    accent="#f0aa1e",
    foreground="#dee2e9",
    background="#10141b",
    surface="#151a23",
    panel="#1c222d",
    dark=True,
)


class ExplorerApp(App):
    """A terminal in which a person watches a model learn."""

    TITLE = "makemore-tui"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS = [Binding("ctrl+c", "quit", "leave", show=False, priority=True)]  # noqa: RUF012

    def __init__(self, engine: Engine):
        super().__init__()
        self.engine = engine
        self.failure = ""
        self.register_theme(_THEME)
        self.theme = _THEME.name

    def on_mount(self) -> None:
        self.push_screen(MainScreen(self.engine))

    def on_main_screen_unusable(self, message: MainScreen.Unusable) -> None:
        self.failure = message.why
        self.exit()

    def get_system_commands(self, screen: Screen) -> Iterable[SystemCommand]:
        yield from super().get_system_commands(screen)
        if isinstance(screen, MainScreen):
            for key in KEYS:
                name = f"{key.word[0].upper()}{key.word[1:]}  ({key.shown})"
                yield SystemCommand(name, key.help, _runner(screen, key.action))


def _runner(screen: MainScreen, action: str):
    async def run() -> None:
        await screen.run_action(action)

    return run


def run_explorer(engine: Engine) -> None:
    """Run the explorer until it is left.

    Raises:
        UserError: the engine could not begin.
        SystemExit: the explorer broke.
    """
    app = ExplorerApp(engine)
    try:
        app.run()
    finally:
        engine.close()
    if app.failure:
        raise UserError(app.failure)
    if app.return_code:
        sys.exit(app.return_code)  # it broke, and has said why
