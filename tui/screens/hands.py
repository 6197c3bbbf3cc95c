"""What a person does to the main screen beyond turning knobs: typing, finding, picking, copying."""

from importlib import import_module
from typing import Any

from textual.screen import ModalScreen

from makemore_tui.core.settings import SETTINGS
from makemore_tui.core.worker.protocol import Reply

from ..client.engine import WorkerDied
from ..keymap import signs_of
from ..setting_steps import name_of, restarts
from ..widgets.names import NamesPanel
from ..widgets.settings import ControlsPanel
from .commands import Commands


class AskingScreen(ModalScreen):
    """A screen above the main one that asks the engine, and is told what it answers."""

    def take(self, reply: Reply | WorkerDied) -> bool:
        """Take a reply; whether it was said here, so that the main screen need not."""
        return False


class Hands(Commands):
    """A part of the main screen, which has the rest."""

    def pass_on(self, reply: Reply | WorkerDied) -> bool:
        """Tell the screen above, if there is one, what the engine has answered; whether it said it
        there."""
        above = self.app.screen
        return isinstance(above, AskingScreen) and above.take(reply)

    # The settings' panel

    async def action_type_value(self) -> None:
        self._choose("controls")
        await self.query_one(ControlsPanel).action_open()

    def on_controls_panel_asked(self, message: ControlsPanel.Asked) -> None:
        self.ask_for(message.request)

    def on_controls_panel_told(self, message: ControlsPanel.Told) -> None:
        self.say(message.sentence)

    def on_controls_panel_turned(self, message: ControlsPanel.Turned) -> None:
        now, knob = self.present(), message.setting
        if now is None:
            return
        if message.by_wheel and restarts(now, knob):
            self._choose("controls")
            self.query_one(ControlsPanel).go_to(knob)
            name, key = name_of(knob), signs_of(self.app)["value"]
            self.say(f"another {name} begins a new run, which takes more than a wheel: press {key}")
        elif knob == "seed":
            self.action_restart(message.by)
        else:
            self.action_turn(knob, message.by)

    # Screens above this one

    def action_find_rate(self) -> None:
        self._open("finder", "FinderScreen")

    def action_dataset(self) -> None:
        self._open("dataset", "DatasetScreen")

    def _open(self, module: str, name: str) -> None:
        """Open a screen that is loaded when it is first wanted, so that the start stays fast."""
        if self.present() is None:
            return
        screen: Any = getattr(import_module(f".{module}", __package__), name)
        self.app.push_screen(screen(self.requests))

    # Taking away

    def action_picture(self) -> None:
        """Save a picture of the screen, in this folder or where it may be written."""
        from ..style.screenshot import save_picture

        try:
            self.say(f"the picture is {save_picture(self.app)}")
        except OSError as error:
            self.say(f"the picture could not be written: {error.strerror}", warning=True)

    def action_copy_names(self) -> None:
        names = self.query_one(NamesPanel).texts
        if names:
            self.app.copy_to_clipboard("\n".join(names))
            self.say(f"copied {len(names)} names")
        else:
            self.say(f"there are no names yet; {signs_of(self.app)['names']} makes some")

    def action_copy_settings(self) -> None:
        if (now := self.requests.snapshot) is not None:
            words = set_words(vars(now.model) | vars(now.train))
            self.app.copy_to_clipboard(f"{words} --seed {now.seed}")
            self.say("copied the settings as words for the command line")


def set_words(values: dict[str, Any]) -> str:
    """Settings as words of the command line, those left out that are as always."""
    from makemore_tui.core.presets import DEFAULT_PRESET, preset_named

    preset = preset_named(DEFAULT_PRESET)
    usual = vars(preset.model) | vars(preset.train)
    differing = [name for name in SETTINGS if values[name] != usual[name]]
    words = [f"--set {name}={_word(values[name])}" for name in differing]
    return " ".join([f"--preset {DEFAULT_PRESET}", *words])


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
