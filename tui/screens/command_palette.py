"""The command palette, also where there is no room for its list."""

import contextlib
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from textual.app import App, SystemCommand
from textual.command import CommandInput, CommandList, CommandPalette, Hit, Hits
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.system_commands import SystemCommandsProvider
from textual.widgets import LoadingIndicator
from textual.worker import Worker, WorkerState

from makemore_tui.core.constants import BASELINES, EXPORT_FORMS
from makemore_tui.core.presets import PRESETS

from ..keymap import KEYS, SWEEP_KEYS
from ..widgets.loss import LossPanel
from .main import MainScreen

_ALL_WORDS = 1000.0  # more than any likeness of a title scores


class Palette(CommandPalette):
    """Textual's, which would break where keys move in its list and no line has room, and where a
    search or a timer of it goes on after it has closed, when it has no widgets any more. If enter
    comes sooner than what was typed is found, it waits for that, and runs it."""

    _is_awaited = False  # that what was typed is found, to be run
    _widgets: Mapping[Any, Any] = {}

    def on_mount(self) -> None:
        wanted = (CommandInput, CommandList, LoadingIndicator, "#--input")
        self._widgets = {one: self.query_one(one) for one in wanted}

    def query_one(self, selector: Any, expect_type: Any = None) -> Any:
        try:
            return super().query_one(selector, expect_type)
        except NoMatches:
            if selector not in self._widgets:
                raise
            return self._widgets[selector]

    def _action_command_list(self, action: str) -> None:
        of_search = [one for one in self.workers if one.group == self._GATHER_COMMANDS_GROUP]
        if action == "select" and not all(one.is_finished for one in of_search):
            self._is_awaited = True
            return
        with contextlib.suppress(LookupError):
            super()._action_command_list(action)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if self._is_awaited and event.state == WorkerState.SUCCESS:
            self._is_awaited = False
            self._action_command_list("select")


class Actions(SystemCommandsProvider):
    """The app's commands, found by what their titles are like, and by the words of their help."""

    async def search(self, query: str) -> Hits:
        matcher, words = self.matcher(query), query.lower().split()
        for title, about, run, _ in self.app.get_system_commands(self.screen):
            text = f"{title} {about}".lower()
            score = matcher.match(title) + _ALL_WORDS * all(word in text for word in words)
            if score:
                yield Hit(score, matcher.highlight(title), run, help=about)


def commands(app: App[Any], screen: Screen) -> Iterable[SystemCommand]:
    """Every theme; and, above the main screen, every key's action, the configuration, every form of
    export and every baseline."""
    yield SystemCommand("Theme", "Change the current theme", app.action_change_theme)
    for theme in app.available_themes.values():
        about = "Dark colours" if theme.dark else "Light colours"
        choose = partial(setattr, app, "theme", theme.name)
        yield SystemCommand(f"Theme: {theme.name}", about, choose, discover=False)
    if not isinstance(screen, MainScreen):
        return
    elsewhere = {key.owner for key in SWEEP_KEYS}
    if not screen.check_action("run", ("pair",)):
        elsewhere.add("pair")
    if not screen.lessons.display:
        elsewhere.add("lesson")

    def command(title: str, about: str, action: str) -> SystemCommand:
        return SystemCommand(title, about, partial(screen.run_action, action))

    for key in (key for key in getattr(app, "keys", KEYS) if key.owner not in elsewhere):
        title = f"{key.word[0].upper()}{key.word[1:]}  ({key.shown})"
        yield command(title, key.help, key.screen_action)
    about = "All options and where they are stored; edit the file"
    yield command("Configuration", about, "open('configuration', 'ConfigScreen')")
    yield command("Welcome card", "What this is, and six things to try", "run('card', 'show')")
    for preset in PRESETS.values():
        about = f"New run: {preset.about}; dev {preset.dev_loss}"
        action = f"""run('session', "take_preset('{preset.name}')")"""
        yield command(f"Preset: {preset.name}", about, action)
    about = "Draw a target dev loss on the loss plot, with the step that reached it"
    yield SystemCommand("Target", about, partial(_ask_for_target, screen))
    for form in (form for form in EXPORT_FORMS if form != "spec"):  # which a key shows
        about = f"Export {EXPORT_FORMS[form].about}, of the run as last saved, into this folder"
        title = f"Export: {'report' if form == 'html' else form}"
        yield command(title, about, f"export({form!r})")
    for name in BASELINES:
        about = f"Show or hide the {name} baseline on the loss plot"
        action = f"""run('loss', "toggle_baseline('{name}')")"""
        yield command(f"Baseline: {name}", about, action)


def _ask_for_target(screen: MainScreen) -> None:
    from .dialogs import TargetScreen

    loss = screen.grid.panels["loss"]
    assert isinstance(loss, LossPanel)

    def take(target: float | None) -> None:
        if target is not None:
            loss.change(target=target or None)

    screen.app.push_screen(TargetScreen(screen.session, loss.options.target), take)
