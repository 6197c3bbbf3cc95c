"""Every key of the explorer, declared once.

The bindings of the panels and the main screen, the footer, the help, the command palette and
docs/keys.md are made from this.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import force_setattr, replace
from textual.binding import Binding, BindingType
from textual.events import Key as KeyPress
from textual.keys import KEY_NAME_REPLACEMENTS, Keys, _character_to_key

if TYPE_CHECKING:
    from textual.app import App

# The panels by their ids, in the order of their keys, and what their tabs say.
PANELS = {
    "loss": "Loss", "settings": "Settings", "bigrams": "Bigrams", "names": "Names",
    "splits": "Splits", "embedding": "Embedding", "probe": "Probe", "health": "Health",
    "runs": "Runs", "trace": "Trace",
}  # fmt: skip
_MODIFIERS = {"ctrl", "shift", "alt", "super", "hyper", "meta"}
_SIGNS = {_character_to_key(chr(code)) for code in range(ord("!"), ord("~"))}
_NAMES = {key.value.rpartition("+")[2] for key in Keys} | {*KEY_NAME_REPLACEMENTS.values()} | _SIGNS


def key_name(key: str) -> str | None:
    """A key by Textual's name for it, or None if there is no such key. "[" is left_square_bracket,
    "F8" is f8, "shift+z" is Z."""
    if len(key) == 1:
        return key if key.isalnum() else _character_to_key(key)
    *modifiers, last = key.lower().split("+")
    if modifiers == ["shift"] and len(last) == 1 and last.isalpha():
        return last.upper()
    if last not in _NAMES and not (modifiers and len(last) == 1):
        try:
            unicodedata.lookup(last.replace("_", " "))
        except KeyError:
            return None
    return "+".join([*modifiers, last]) if set(modifiers) <= _MODIFIERS else None


class Key(Struct, frozen=True):
    """A key, the action that it runs, a word for it, and what it does.

    shown: as people know it. keys: as Textual names them, with commas between; if left out, the one
    that is shown.
    owner: what has the action: a panel by its id, "chosen" (the panel that has the focus), "panels"
    (the grid), "card" (that of the first launch), "lessons" (beside the panels), "session"
    (`SessionActions`), "supervisor" (`WorkerSupervisor`), or "screen". Every key works wherever the
    focus is.
    group: a word under which keys stand together in the footer. One of `FOOTER` is offered always,
    others only while their panel has the focus, as all of its keys are.
    is_chosen_first: whether the panel that owns the action is chosen before it runs."""

    id: str
    shown: str
    owner: str
    action: str
    word: str
    help: str
    group: str | None = None
    keys: str = ""
    is_chosen_first: bool = False

    def __post_init__(self) -> None:
        if not self.keys:
            force_setattr(self, "keys", key_name(self.shown) or self.shown)

    @property
    def screen_action(self) -> str:
        """The same action for the main screen, which passes it on to the owner."""
        if self.owner == "screen":
            return self.action
        return f"run({self.owner!r}, {self.action!r}, {self.is_chosen_first})"

    def binding(self, action: str) -> Binding:
        """A binding of Textual's for an action of this key."""
        group = Binding.Group(self.group) if self.group and self.group != self.word else None
        return Binding(
            self.keys, action, self.word, self.group in FOOTER, key_display=self.shown,
            tooltip=self.help, id=self.id, group=group,
        )  # fmt: skip


# What the footer offers, the most needed first; the last two stand there however little room is.
FOOTER = (
    "pause", "rate", "hidden", "undo", "model", "finder", "probe", "batch", "restart", "test",
    "dataset", "zoom", "embedding", "context", "optimizer", "help", "quit",
)  # fmt: skip
KEYS = (
    Key("pause", "space", "session", "pause", "pause", "Pause training, or go on", "pause"),
    Key("rate-down", "[", "session", "change('learning_rate', -1)", "rate -",
        "Learning rate down a quarter of a decade, from the next step; also shift+↓", "rate",
        keys="left_square_bracket,shift+down"),
    Key("rate-up", "]", "session", "change('learning_rate', 1)", "rate +",
        "Learning rate up a quarter of a decade, from the next step; also shift+↑", "rate",
        keys="right_square_bracket,shift+up"),
    Key("rate-tenth", "{", "session", "change('learning_rate', -4)", "rate / 10",
        "Learning rate to a tenth, from the next step; also shift+←",
        keys="left_curly_bracket,shift+left"),
    Key("rate-tenfold", "}", "session", "change('learning_rate', 4)", "rate x 10",
        "Learning rate to tenfold, from the next step; also shift+→",
        keys="right_curly_bracket,shift+right"),
    Key("hidden-down", "-", "session", "change('hidden', -1)", "hidden -",
        "Fewer hidden units, from the next step", "hidden"),
    Key("hidden-up", "=", "session", "change('hidden', 1)", "hidden +",
        "More hidden units, from the next step", "hidden", keys="equals_sign,plus"),
    Key("embedding-down", ",", "session", "change('embedding', -1)", "embedding -",
        "Fewer numbers a character, from the next step", "embedding"),
    Key("embedding-up", ".", "session", "change('embedding', 1)", "embedding +",
        "More numbers a character, from the next step", "embedding"),
    Key("context-down", ";", "session", "change('context', -1)", "context -",
        "One character less of context; counts: a smaller order, which restarts", "context"),
    Key("context-up", "'", "session", "change('context', 1)", "context +",
        "One character more of context; counts: a larger order, which restarts", "context"),
    Key("batch-down", "b", "session", "change('batch_size', -1)", "batch -",
        "A smaller batch size, from the next step", "batch"),
    Key("batch-up", "B", "session", "change('batch_size', 1)", "batch +",
        "A larger batch size, from the next step; the largest is all examples", "batch"),
    Key("decay-down", "w", "session", "change('decay', -1)", "decay -",
        "Less weight decay; of a table of counts, less smoothing"),
    Key("decay-up", "W", "session", "change('decay', 1)", "decay +",
        "More weight decay; of a table of counts, more smoothing"),
    Key("dropout-down", "x", "session", "change('dropout', -1)", "dropout -",
        "Fewer hidden units left out of each step"),
    Key("dropout-up", "X", "session", "change('dropout', 1)", "dropout +",
        "More hidden units left out of each step"),
    Key("model", "m", "session", "change('kind', 1)", "model",
        "The next kind of model: MLP, counts, neural bigram; the model restarts", "model"),
    Key("optimizer", "o", "session", "change('optimizer', 1)", "optimizer",
        "SGD or AdamW, from the next step", "optimizer"),
    Key("schedule", "k", "session", "change('schedule', 1)", "schedule",
        "How the learning rate changes: constant, step, linear, cosine"),
    Key("presets", "P", "screen", "open('presets', 'PresetsScreen')", "presets",
        "Begin a new run with a preset, from the bigram table to the best MLP"),
    Key("value", "enter", "settings", "type_value", "type a value",
        "Type a value for the setting under the cursor", is_chosen_first=True),
    Key("finder", "f", "screen", "open('finder', 'FinderScreen')", "finder",
        "Find a learning rate: try rising ones on a copy", "finder"),
    Key("dataset", "d", "screen", "open('dataset', 'DatasetScreen')", "dataset",
        "Learn other data: built in, or a file", "dataset"),
    Key("restart", "r", "session", "restart", "restart",
        "Begin again with the same seed", "restart"),
    Key("relaunch", "ctrl+r", "session", "restart_as_launched", "restart as launched",
        "Begin again with the dataset, settings and seed that the explorer was started with"),
    Key("new-seed", "R", "session", "restart(1)", "new seed", "Begin again with the next seed"),
    Key("undo", "u", "session", "undo", "undo",
        "Take back the last edit, restart or return", "undo"),
    Key("redo", "U", "session", "redo", "redo", "Do again what was undone"),
    Key("step", "s", "session", "step", "step", "Take one step, and pause; held, go on stepping"),
    Key("steps", "n", "screen", "open('dialogs', 'StepsScreen')", "steps",
        "Take a number of steps, and pause"),
    Key("slower", "<", "session", "limit_speed(-1)", "slower",
        "A lower limit of steps a second, so that training can be watched"),
    Key("faster", ">", "session", "limit_speed(1)", "faster",
        "A higher limit of steps a second, up to none"),
    Key("test", "t", "session", "test", "test",
        "Evaluate the test split, and count how often", "test"),
    Key("names", "g", "names", "renew", "names", "Fresh names now"),
    Key("temperature-down", "h", "names", "change_temperature(-1)", "temperature -",
        "Names: a lower temperature, less random", "temperature"),
    Key("temperature-up", "H", "names", "change_temperature(1)", "temperature +",
        "Names: a higher temperature, more random", "temperature"),
    Key("top-k-down", "J", "names", "change_top_k(-1)", "top-k -",
        "Names: from fewer of the likeliest characters", "top-k"),
    Key("top-k-up", "K", "names", "change_top_k(1)", "top-k +",
        "Names: from more of the likeliest characters, up to all", "top-k"),
    Key("log", "l", "loss", "switch('log_loss')", "log axis", "Logarithmic or linear loss axis",
        "log axes"),
    Key("log-steps", "L", "loss", "switch('log_steps')", "log steps",
        "Logarithmic or linear axis of steps", "log axes"),
    Key("part", "a", "loss", "toggle_part", "all steps", "All steps, or the last tenth of them"),
    Key("magnify", ")", "loss", "magnify(0.5)", "magnify",
        "Half as many steps, around the crosshair or the newest", "magnify"),
    Key("reduce", "(", "loss", "magnify(2.0)", "reduce",
        "Twice as many steps, around the crosshair or the newest", "magnify"),
    Key("smooth", "y", "loss", "next('smoothing')", "smoothing",
        "The minibatch loss smoothed over 1,000 steps, over 5,000, or not at all"),
    Key("spread", "E", "loss", "switch('spread')", "spread",
        "The spread of single batches, shown or not"),
    Key("auto-range", "A", "loss", "auto_range", "automatic range",
        "The range of losses that is found automatically; ↑ and ↓ change it"),
    Key("baselines", "e", "loss", "next('baselines')", "baselines",
        "What counting reaches: all, without the uniform loss, that alone, none"),
    Key("zoom", "z", "panels", "zoom", "zoom", "The chosen panel full screen, and back", "zoom"),
    Key("cursor-up", "↑", "chosen", "move(-1, 0)", "up",
        "The chosen panel's cursor up; in the loss plot: a smaller range of losses", keys="up"),
    Key("cursor-down", "↓", "chosen", "move(1, 0)", "down",
        "The chosen panel's cursor down; in the loss plot: a larger range of losses", keys="down"),
    Key("cursor-left", "←", "chosen", "move(0, -1)", "left",
        "The chosen panel's cursor to the left: loss, bigrams; settings: less", keys="left"),
    Key("cursor-right", "→", "chosen", "move(0, 1)", "right",
        "The chosen panel's cursor to the right: loss, bigrams; settings: more", keys="right"),
    Key("bigram-mode", "v", "bigrams", "next_mode", "bigram values",
        "Bigrams: the model's, counted, counts, or the model's minus counted"),
    Key("bigram-order", "O", "bigrams", "next_order", "bigram order",
        "Bigrams by character or by frequency"),
    Key("next-panel", "tab", "panels", "next_panel(1)", "next panel", "Choose the next panel"),
    Key("previous-panel", "shift+tab", "panels", "next_panel(-1)", "previous panel",
        "Choose the panel before"),
    Key("loss-panel", "1", "panels", "choose('loss')", "loss", "The loss plot"),
    Key("settings-panel", "2", "panels", "choose('settings')", "settings", "The settings"),
    Key("bigrams-panel", "3", "panels", "choose('bigrams')", "bigrams", "The bigram table"),
    Key("names-panel", "4", "panels", "choose('names')", "sampled names", "Sampled names"),
    Key("splits-panel", "5", "panels", "choose('splits')", "splits", "The losses of the splits"),
    Key("embedding-panel", "6", "panels", "choose('embedding')", "embedding",
        "The map of the embedding, in the place of the bigram table"),
    Key("probe-panel", "7", "panels", "choose('probe')", "probe",
        "What follows a text of your own, in the place of the names"),
    Key("probe", "/", "probe", "type_text", "probe",
        "Type a text of your own into the probe; escape leaves it", "probe", is_chosen_first=True),
    Key("health-panel", "8", "panels", "choose('health')", "health",
        "Activations, gradients and updates, in the place of the splits"),
    Key("runs-panel", "9", "panels", "choose('runs')", "runs",
        "Previous and saved runs, in the place of the splits; enter opens one"),
    Key("trace-panel", "0", "panels", "choose('trace')", "trace",
        "One example through the model, from ids to loss and back, in the place of the bigrams"),
    Key("picture", "i", "screen", "picture", "picture", "A screenshot, as an SVG file"),
    Key("copy-names", "c", "names", "copy", "copy names", "The sampled names to the clipboard"),
    Key("copy-settings", "C", "settings", "copy", "copy settings",
        "The settings to the clipboard, as words of the command line"),
    Key("copy-state", "Y", "screen", "open('dialogs', 'SpecScreen')", "copy the state",
        "Dataset, settings and seed in one line for `--spec`, shown and copied"),
    Key("name-run", "ctrl+s", "screen", "open('dialogs', 'NamingScreen')", "name the run",
        "Keep this run by a name of your own; all runs are saved by themselves"),
    Key("worker", "F5", "supervisor", "start_by_hand", "new worker",
        "Start the worker again after it died"),
    Key("interrupt", "ctrl+c", "screen", "app.quit", "leave", "Leave the explorer"),
    Key("suspend", "ctrl+z", "screen", "app.suspend_process", "suspend",
        "Back to the shell for a while; its fg goes on"),
    Key("close-card", "esc", "card", "close", "close the card",
        "Close the card of the first launch for good; the help has it again", keys="escape"),
    Key("lessons", "F2", "lessons", "open", "lessons",
        "The two lectures as lessons, beside the panels; in one: the next step, or help"),
    Key("help", "?", "screen", "open('help', 'HelpScreen')", "help",
        "All keys, and what they do", "help"),
    Key("quit", "q", "screen", "app.quit", "quit", "Leave the explorer", "quit"),
)  # fmt: skip

# Keys that work while their panel has the focus only, where they come before those of `KEYS`.
PANEL_KEYS = (
    Key("settings-down", "j", "settings", "move(1, 0)", "next setting", "Settings: the next one",
        is_chosen_first=True),
    Key("settings-up", "k", "settings", "move(-1, 0)", "previous setting",
        "Settings: the one before", is_chosen_first=True),
    Key("bigrams-down", "j", "bigrams", "move(1, 0)", "next row", "Bigrams: the row below",
        is_chosen_first=True),
    Key("bigrams-up", "k", "bigrams", "move(-1, 0)", "previous row", "Bigrams: the row above",
        is_chosen_first=True),
    Key("trace-word", "enter", "trace", "type_word", "type words",
        "Trace: type other words, first-3 for the first three of the data, or logits 100 2 -3",
        is_chosen_first=True),
    Key("trace-item", "D", "trace", "take_item", "word of the data",
        "Trace: the next word of the data", is_chosen_first=True),
    Key("trace-back", "G", "trace", "switch_back", "gradients", "Trace: show the gradients too",
        is_chosen_first=True),
    Key("runs-down", "j", "runs", "move(1, 0)", "next run", "Runs: the next one",
        is_chosen_first=True),
    Key("runs-up", "k", "runs", "move(-1, 0)", "previous run", "Runs: the one before",
        is_chosen_first=True),
    Key("runs-sort", "o", "runs", "sort", "sort runs", "Runs: sort by the next column",
        is_chosen_first=True),
    Key("runs-filter", "F", "runs", "filter", "filter runs",
        "Runs: list only those with some words or settings, such as hidden=200",
        is_chosen_first=True),
    Key("runs-plot", "v", "runs", "plot", "show on plot",
        "Runs: a saved run on the loss plot, or not; a previous one hidden there, or not",
        is_chosen_first=True),
    Key("runs-delete", "delete", "runs", "delete", "delete run",
        "Runs: delete the saved run; once more brings it back", is_chosen_first=True),
    Key("lesson-next", "enter", "lessons", "move(1)", "next step", "Lessons: the next step"),
    Key("lesson-previous", "backspace", "lessons", "move(-1)", "step before",
        "Lessons: the step before"),
    Key("lesson-hint", "h", "lessons", "hint", "hint", "Lessons: a hint, then a better one"),
    Key("lesson-show", "s", "lessons", "show_me", "show me",
        "Lessons: have the keys of this step pressed for you"),
    Key("lesson-reset", "r", "lessons", "reset", "begin again", "Lessons: begin this one again"),
    Key("lesson-list", "l", "lessons", "list", "list", "Lessons: list them"),
    Key("lesson-leave", "x", "lessons", "leave", "leave",
        "Lessons: leave, and go back to your own run"),
)  # fmt: skip

# The sections of the help, and the keys of each by the first word of their ids; see `section_of`.
SECTIONS = {
    "Training": "pause step steps slower faster test restart relaunch new undo redo dataset worker",
    "Model": "model presets hidden embedding context dropout",
    "Optimiser": "rate batch decay optimizer schedule finder value",
    "View": "",
    "Panels": "next previous zoom cursor settings bigrams probe close",
    "Runs": "name runs copy interrupt suspend quit",
}

LABELS: Mapping[str, str] = {key.id: key.shown for key in (*KEYS, *PANEL_KEYS)}


def section_of(key: Key) -> str:
    """The section of the help in which a key stands; View, if it is in no other."""
    if key.owner == "panels":
        return "Panels"
    word = key.id.partition("-")[0]
    return next((name for name, ids in SECTIONS.items() if word in ids.split()), "View")


def bindings_of(owner: str) -> list[BindingType]:
    """The bindings of what owns keys: a panel, the grid of panels, or any chosen panel."""
    return [key.binding(key.action) for key in (*KEYS, *PANEL_KEYS) if key.owner == owner]


def screen_bindings() -> list[BindingType]:
    """The bindings of the main screen: every key, so that it works whatever has the focus."""
    return [key.binding(key.screen_action) for key in KEYS]


def remapped(keymap: Mapping[str, str]) -> tuple[Key, ...]:
    """All keys, with those that a person has set for some ids."""
    found = {key.id: key for key in (*KEYS, *PANEL_KEYS)}
    for id, keys in keymap.items():
        labels = [one.strip() for one in keys.split(",")]
        names = ",".join(key_name(label) or label for label in labels)
        found[id] = replace(found[id], keys=names, shown=" ".join(labels))
    return tuple(found.values())


def is_key(name: str) -> bool:
    """True for the id or the name of a key."""
    return name in LABELS or key_name(name) is not None


def presses(text: str, keys: Iterable[Key]) -> list[KeyPress]:
    """The presses of a text such as "{steps}300{enter}": a key by its id or name, or characters."""
    by_id = {key.id: key.keys.split(",")[0] for key in keys}
    found = []
    for name, character in re.findall(r"\{([^{}]+)\}|(.)", text):
        key = by_id.get(name) or key_name(name or character) or character
        found.append(KeyPress(key, character or None))
    return found


def key_labels(app: "App") -> Mapping[str, str]:
    """How each key is shown, by its id, after the person's keymap."""
    return getattr(app, "key_labels", LABELS)
