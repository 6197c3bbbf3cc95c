"""Every key of the explorer, declared once.

The bindings of the panels and the main screen, the footer, the help, the command palette and the
README's table are made from this.
"""

import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace
from textual.binding import Binding, BindingType
from textual.keys import KEY_NAME_REPLACEMENTS, Keys, _character_to_key

if TYPE_CHECKING:
    from textual.app import App

# The panels by their ids, in the order of their keys, and what their tabs say.
PANELS = {
    "loss": "Loss", "settings": "Settings", "bigrams": "Bigrams", "names": "Names",
    "splits": "Splits", "embedding": "Embedding", "probe": "Probe", "health": "Health",
    "runs": "Runs",
}  # fmt: skip


_MODIFIERS = {"ctrl", "shift", "alt", "super", "hyper", "meta"}
_NAMES = {key.value.rpartition("+")[2] for key in Keys} | {"space"}


def key_name(key: str) -> str | None:
    """A key by Textual's name for it, or None if there is no such key.

    "[" is left_square_bracket, "F8" is f8, "shift+z" is Z.
    """
    if len(key) == 1:
        return key if key.isalnum() else _character_to_key(key)
    *modifiers, last = key.lower().split("+")
    if modifiers == ["shift"] and len(last) == 1 and last.isalpha():
        return last.upper()
    is_known = last in _NAMES or (modifiers and len(last) == 1) or _is_character_name(last)
    return "+".join([*modifiers, last]) if is_known and set(modifiers) <= _MODIFIERS else None


def _is_character_name(name: str) -> bool:
    try:
        return name in KEY_NAME_REPLACEMENTS.values() or bool(
            unicodedata.lookup(name.replace("_", " "))
        )
    except KeyError:
        return False


class Key(Struct, frozen=True):
    """A key, the action that it runs, a word for it, and what it does.

    keys: as Textual names them, with commas between. shown: as people know it.
    owner: what has the action: a panel by its id, "chosen" (the panel that has the focus), "panels"
    (the grid), "session" (`SessionActions`), "supervisor" (`WorkerSupervisor`), or "screen". Every
    key works wherever the focus is.
    group: a word of `FOOTER`, under which keys of one group stand together; None keeps a key out.
    is_chosen_first: whether the panel that owns the action is chosen before it runs.
    """

    id: str
    keys: str
    shown: str
    owner: str
    action: str
    word: str
    help: str
    group: str | None = None
    is_chosen_first: bool = False

    @property
    def screen_action(self) -> str:
        """The same action for the main screen, which passes it on to the owner."""
        if self.owner == "screen":
            return self.action
        return f"run({self.owner!r}, {self.action!r}, {self.is_chosen_first})"

    def binding(self, action: str) -> Binding:
        """A binding of Textual's for an action of this key."""
        group = Binding.Group(self.group) if self.group not in (None, self.word) else None
        looks: dict[str, Any] = {"key_display": self.shown, "tooltip": self.help, "group": group}
        show = self.group is not None
        return Binding(self.keys, action, self.word, show, id=self.id, **looks)


# What the footer offers, the most needed first; the last two stand there however little room is.
FOOTER = (
    "pause", "rate", "hidden", "undo", "model", "finder", "probe", "batch", "restart", "test",
    "dataset", "zoom", "embedding", "context", "optimizer", "help", "quit",
)  # fmt: skip


def _key(
    id: str, shown: str, owner: str, action: str, word: str, help: str, group: str | None = None,
    keys: str = "", is_chosen_first: bool = False,
) -> Key:  # fmt: skip
    keys = keys or key_name(shown) or shown
    return Key(id, keys, shown, owner, action, word, help, group, is_chosen_first)


KEYS = (
    _key("pause", "space", "session", "pause", "pause", "Pause training, or go on", "pause"),
    _key("rate-down", "[", "session", "change('learning_rate', -1)", "rate -",
        "Learning rate down a quarter of a decade, from the next step", "rate"),
    _key("rate-up", "]", "session", "change('learning_rate', 1)", "rate +",
        "Learning rate up a quarter of a decade, from the next step", "rate"),
    _key("rate-tenth", "{", "session", "change('learning_rate', -4)", "rate / 10",
        "Learning rate to a tenth, from the next step"),
    _key("rate-tenfold", "}", "session", "change('learning_rate', 4)", "rate x 10",
        "Learning rate to tenfold, from the next step"),
    _key("hidden-down", "-", "session", "change('hidden', -1)", "hidden -",
        "Fewer hidden units, from the next step", "hidden"),
    _key("hidden-up", "=", "session", "change('hidden', 1)", "hidden +",
        "More hidden units, from the next step", "hidden", keys="equals_sign,plus"),
    _key("embedding-down", ",", "session", "change('embedding', -1)", "embedding -",
        "Fewer numbers a character, from the next step", "embedding"),
    _key("embedding-up", ".", "session", "change('embedding', 1)", "embedding +",
        "More numbers a character, from the next step", "embedding"),
    _key("context-down", ";", "session", "change('context', -1)", "context -",
        "One character less of context; counts: a smaller order, which restarts", "context"),
    _key("context-up", "'", "session", "change('context', 1)", "context +",
        "One character more of context; counts: a larger order, which restarts", "context"),
    _key("batch-down", "b", "session", "change('batch_size', -1)", "batch -",
        "A smaller batch size, from the next step", "batch"),
    _key("batch-up", "B", "session", "change('batch_size', 1)", "batch +",
        "A larger batch size, from the next step; the largest is all examples", "batch"),
    _key("decay-down", "w", "session", "change('decay', -1)", "decay -",
        "Less weight decay; of a table of counts, less smoothing"),
    _key("decay-up", "W", "session", "change('decay', 1)", "decay +",
        "More weight decay; of a table of counts, more smoothing"),
    _key("dropout-down", "x", "session", "change('dropout', -1)", "dropout -",
        "Fewer hidden units left out of each step"),
    _key("dropout-up", "X", "session", "change('dropout', 1)", "dropout +",
        "More hidden units left out of each step"),
    _key("model", "m", "session", "change('kind', 1)", "model",
        "The next kind of model: MLP, counts, neural bigram; the model restarts", "model"),
    _key("optimizer", "o", "session", "change('optimizer', 1)", "optimizer",
        "SGD or AdamW, from the next step", "optimizer"),
    _key("schedule", "k", "session", "change('schedule', 1)", "schedule",
        "How the learning rate changes: constant, step, linear, cosine"),
    _key("value", "enter", "settings", "type_value", "type a value",
        "Type a value for the setting under the cursor", is_chosen_first=True),
    _key("finder", "f", "screen", "open('finder', 'FinderScreen')", "finder",
        "Find a learning rate: try rising ones on a copy", "finder"),
    _key("dataset", "d", "screen", "open('dataset', 'DatasetScreen')", "dataset",
        "Learn other data: built in, or a file", "dataset"),
    _key("restart", "r", "session", "restart", "restart",
        "Begin again with the same seed", "restart"),
    _key("new-seed", "R", "session", "restart(1)", "new seed", "Begin again with the next seed"),
    _key("undo", "u", "session", "undo", "undo",
        "Take back the last edit, restart or return", "undo"),
    _key("redo", "U", "session", "redo", "redo", "Do again what was undone"),
    _key("step", "s", "session", "step", "step", "Take one step, and pause"),
    _key("test", "t", "session", "test", "test",
        "Evaluate the test split, and count how often", "test"),
    _key("names", "g", "names", "renew", "names", "Fresh names now"),
    _key("log", "l", "loss", "switch('log_loss')", "log axis", "Logarithmic or linear loss axis"),
    _key("log-steps", "L", "loss", "switch('log_steps')", "log steps",
        "Logarithmic or linear axis of steps"),
    _key("part", "a", "loss", "toggle_part", "all steps", "All steps, or the last tenth of them"),
    _key("magnify", ")", "loss", "magnify(0.5)", "magnify",
        "Half as many steps, around the crosshair or the newest"),
    _key("reduce", "(", "loss", "magnify(2.0)", "reduce",
        "Twice as many steps, around the crosshair or the newest"),
    _key("smooth", "y", "loss", "next('smoothing')", "smoothing",
        "The minibatch loss smoothed lightly, strongly, or not at all"),
    _key("baselines", "e", "loss", "next('baselines')", "baselines",
        "What counting reaches: all, without the uniform loss, that alone, none"),
    _key("zoom", "z", "panels", "zoom", "zoom", "The chosen panel full screen, and back", "zoom"),
    _key("cursor-up", "↑", "chosen", "move(-1, 0)", "up",
        "The chosen panel's cursor up: settings, bigrams, runs", keys="up"),
    _key("cursor-down", "↓", "chosen", "move(1, 0)", "down",
        "The chosen panel's cursor down: settings, bigrams, runs", keys="down"),
    _key("cursor-left", "←", "chosen", "move(0, -1)", "left",
        "The chosen panel's cursor to the left: loss, bigrams; settings: less", keys="left"),
    _key("cursor-right", "→", "chosen", "move(0, 1)", "right",
        "The chosen panel's cursor to the right: loss, bigrams; settings: more", keys="right"),
    _key("bigram-mode", "v", "bigrams", "next_mode", "bigram values",
        "Bigrams: the model's, counted, counts, or the model's minus counted"),
    _key("bigram-order", "O", "bigrams", "next_order", "bigram order",
        "Bigrams by character or by frequency"),
    _key("next-panel", "tab", "panels", "next_panel(1)", "next panel", "Choose the next panel"),
    _key("previous-panel", "shift+tab", "panels", "next_panel(-1)", "previous panel",
        "Choose the panel before"),
    _key("loss-panel", "1", "panels", "choose('loss')", "loss", "The loss plot"),
    _key("settings-panel", "2", "panels", "choose('settings')", "settings", "The settings"),
    _key("bigrams-panel", "3", "panels", "choose('bigrams')", "bigrams", "The bigram table"),
    _key("names-panel", "4", "panels", "choose('names')", "sampled names", "Sampled names"),
    _key("splits-panel", "5", "panels", "choose('splits')", "splits", "The losses of the splits"),
    _key("embedding-panel", "6", "panels", "choose('embedding')", "embedding",
        "The map of the embedding, in the place of the bigram table"),
    _key("probe-panel", "7", "panels", "choose('probe')", "probe",
        "What follows a text of your own, in the place of the names"),
    _key("probe", "/", "probe", "type_text", "probe",
        "Type a text of your own into the probe; escape leaves it", "probe", is_chosen_first=True),
    _key("health-panel", "8", "panels", "choose('health')", "health",
        "Activations, gradients and updates, in the place of the splits"),
    _key("runs-panel", "9", "panels", "choose('runs')", "runs",
        "Previous and saved runs, in the place of the splits; enter opens one"),
    _key("picture", "i", "screen", "picture", "picture", "A screenshot, as an SVG file"),
    _key("copy-names", "c", "names", "copy", "copy names", "The sampled names to the clipboard"),
    _key("copy-settings", "C", "settings", "copy", "copy settings",
        "The settings to the clipboard, as words of the command line"),
    _key("copy-state", "Y", "screen", "open('run_spec', 'SpecScreen')", "copy the state",
        "Dataset, settings and seed in one line for `--spec`, shown and copied"),
    _key("name-run", "ctrl+s", "screen", "open('name_run', 'NamingScreen')", "name the run",
        "Keep this run by a name of your own; all runs are saved by themselves"),
    _key("worker", "F5", "supervisor", "start_by_hand", "new worker",
        "Start the worker again after it died"),
    _key("interrupt", "ctrl+c", "screen", "app.quit", "leave", "Leave the explorer"),
    _key("suspend", "ctrl+z", "screen", "app.suspend_process", "suspend",
        "Back to the shell for a while; its fg goes on"),
    _key("help", "?", "screen", "open('help', 'HelpScreen')", "help",
        "All keys, and what they do", "help"),
    _key("quit", "q", "screen", "app.quit", "quit", "Leave the explorer", "quit"),
)  # fmt: skip

LABELS: Mapping[str, str] = {key.id: key.shown for key in KEYS}


def bindings_of(owner: str) -> list[BindingType]:
    """The bindings of what owns keys: a panel, the grid of panels, or any chosen panel."""
    return [key.binding(key.action) for key in KEYS if key.owner == owner]


def screen_bindings() -> list[BindingType]:
    """The bindings of the main screen: every key, so that it works whatever has the focus."""
    return [key.binding(key.screen_action) for key in KEYS]


def remapped(keymap: Mapping[str, str]) -> tuple[Key, ...]:
    """All keys, with those that a person has set for some ids."""
    found = {key.id: key for key in KEYS}
    for id, keys in keymap.items():
        labels = [one.strip() for one in keys.split(",")]
        names = ",".join(key_name(label) or label for label in labels)
        found[id] = replace(found[id], keys=names, shown=" ".join(labels))
    return tuple(found.values())


def key_labels(app: "App") -> Mapping[str, str]:
    """How each key is shown, by its id, after the person's keymap."""
    return getattr(app, "key_labels", LABELS)
