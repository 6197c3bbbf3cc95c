"""The presets: what each is for, and the dev loss that it reaches."""

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.events import Key
from textual.widgets import Static
from textual.widgets.option_list import Option

from makemore_tui.core.presets import PRESETS, Preset
from makemore_tui.core.settings import model_label

from .asking import AskingScreen, Choices, box


class PresetList(Choices):
    """The presets to choose from; typing the first letters of a name goes to it."""

    BINDINGS = [  # noqa: RUF012
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
    ]

    def __init__(self, *options: Option):
        super().__init__(*options, compact=True)
        self._typed = ""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Return whether a key types a name, at once, so that enter after it is for that one."""
        return key not in ("j", "k", "q") and self._named(character or "") is not None

    def on_key(self, event: Key) -> None:
        if (found := self._named(event.character or "")) is not None:
            event.stop()
            self._typed, self.highlighted = found

    def _named(self, character: str) -> tuple[str, int] | None:
        """What is typed with one more character, or that alone, and the place of a preset whose
        name begins so."""
        for typed in (self._typed + character, character):
            place = next((i for i, name in enumerate(PRESETS) if name.startswith(typed)), None)
            if character and place is not None:
                return typed, place
        return None


class PresetsScreen(AskingScreen):
    """Lists the presets; enter begins a new run with one, on the present dataset."""

    DEFAULT_CSS = """
    PresetsScreen Choices { max-height: 26; }
    """
    BINDINGS = [Binding("q", "dismiss", "close")]  # noqa: RUF012

    def compose(self) -> ComposeResult:
        now = self.requests.latest
        settings = (now.model, now.train) if now else None
        with box("Presets", "type a name · enter new run · esc close"):
            options = [Option(_entry(preset), id=name) for name, preset in PRESETS.items()]
            yield (choices := PresetList(*options))
            same = [(one.model, one.train) == settings for one in PRESETS.values()]
            choices.highlighted = same.index(True) if True in same else 0
            about = "Dev losses are on the built-in names; two values span the seeds 1 to 3"
            yield Static(about, id="about", markup=False)

    def choose(self, name: str) -> None:
        """Begin a new run with a preset."""
        self.session.take_preset(name)
        self.dismiss()


def _entry(preset: Preset) -> Text:
    """A preset in two lines."""
    steps = f", {preset.train.steps:,} steps" if preset.model.model_kind.is_network else ""
    line = f"{model_label(preset.model)}{steps}".ljust(38)
    text = Text(f"{preset.name:<15}", "bold", no_wrap=True, overflow="ellipsis")
    text.append(f"{line}dev {preset.dev_loss}", "not bold")
    return text.append(f"\n  {preset.about[0].upper()}{preset.about[1:]}", "not bold")
