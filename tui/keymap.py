"""Every key of the explorer, declared once.

The footer, the help screen, the command palette and the README's table are made from this.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from textual.binding import Binding

if TYPE_CHECKING:
    from textual.app import App


class Key(Struct, frozen=True):
    """A key: the action it runs, a word for it, and what it does.

    group: a word of `FOOTER`, under which keys of one group stand together; None keeps a key out.
    """

    id: str
    keys: str
    shown: str
    action: str
    word: str
    help: str
    group: str | None = None

    def binding(self) -> Binding:
        """The same as Textual wants it."""
        return Binding(
            self.keys,
            self.action,
            self.word,
            id=self.id,
            key_display=self.shown,
            tooltip=self.help,
            show=self.group is not None,
            group=Binding.Group(self.group) if self.group != self.word and self.group else None,
        )


# What the footer offers, the most needed first; the last two stand there however little room is.
FOOTER = (
    "pause", "rate", "hidden", "undo", "model", "finder", "probe", "batch", "restart", "test",
    "dataset", "zoom", "embedding", "context", "optimizer", "help", "quit",
)  # fmt: skip

KEYS = (
    Key("pause", "space", "space", "pause", "pause", "Pause training, or go on", "pause"),
    Key("rate-down", "left_square_bracket", "[", "turn('learning_rate', -1)", "rate -",
        "Learning rate down a quarter of a decade, from the next step", "rate"),
    Key("rate-up", "right_square_bracket", "]", "turn('learning_rate', 1)", "rate +",
        "Learning rate up a quarter of a decade, from the next step", "rate"),
    Key("rate-tenth", "left_curly_bracket", "{", "turn('learning_rate', -4)", "rate / 10",
        "Learning rate to a tenth, from the next step"),
    Key("rate-tenfold", "right_curly_bracket", "}", "turn('learning_rate', 4)", "rate x 10",
        "Learning rate to tenfold, from the next step"),
    Key("hidden-down", "minus", "-", "turn('hidden', -1)", "hidden -",
        "Fewer hidden units, from the next step", "hidden"),
    Key("hidden-up", "equals_sign,plus", "=", "turn('hidden', 1)", "hidden +",
        "More hidden units, from the next step", "hidden"),
    Key("embedding-down", "comma", ",", "turn('embedding', -1)", "embedding -",
        "Fewer numbers a character, from the next step", "embedding"),
    Key("embedding-up", "full_stop", ".", "turn('embedding', 1)", "embedding +",
        "More numbers a character, from the next step", "embedding"),
    Key("context-down", "semicolon", ";", "turn('context', -1)", "context -",
        "One character less of context; counts: a smaller order, which restarts", "context"),
    Key("context-up", "apostrophe", "'", "turn('context', 1)", "context +",
        "One character more of context; counts: a larger order, which restarts", "context"),
    Key("batch-down", "b", "b", "turn('batch_size', -1)", "batch -",
        "A smaller batch size, from the next step", "batch"),
    Key("batch-up", "B", "B", "turn('batch_size', 1)", "batch +",
        "A larger batch size, from the next step; the largest is all examples", "batch"),
    Key("decay-down", "w", "w", "turn('decay', -1)", "decay -",
        "Less weight decay; of a table of counts, less smoothing"),
    Key("decay-up", "W", "W", "turn('decay', 1)", "decay +",
        "More weight decay; of a table of counts, more smoothing"),
    Key("dropout-down", "x", "x", "turn('dropout', -1)", "dropout -",
        "Fewer hidden units left out of each step"),
    Key("dropout-up", "X", "X", "turn('dropout', 1)", "dropout +",
        "More hidden units left out of each step"),
    Key("model", "m", "m", "turn('kind', 1)", "model",
        "The next kind of model: MLP, counts, neural bigram; the model restarts", "model"),
    Key("optimizer", "o", "o", "turn('optimizer', 1)", "optimizer",
        "SGD or AdamW, from the next step", "optimizer"),
    Key("schedule", "k", "k", "turn('schedule', 1)", "schedule",
        "How the learning rate changes: constant, step, linear, cosine"),
    Key("value", "enter", "enter", "type_value",
        "type a value", "Type a value for the setting under the cursor"),
    Key("finder", "f", "f", "find_rate", "finder",
        "Find a learning rate: try rising ones on a copy", "finder"),
    Key("dataset", "d", "d", "dataset", "dataset",
        "Learn other data: built in, or a file", "dataset"),
    Key("restart", "r", "r", "restart(0)", "restart", "Begin again with the same seed", "restart"),
    Key("new-seed", "R", "R", "restart(1)", "new seed", "Begin again with the next seed"),
    Key("undo", "u", "u", "undo", "undo", "Take back the last edit, restart or return", "undo"),
    Key("redo", "U", "U", "redo", "redo", "Do again what was undone"),
    Key("step", "s", "s", "step", "step", "Take one step, and pause"),
    Key("test", "t", "t", "test", "test", "Evaluate the test split, and count how often", "test"),
    Key("names", "g", "g", "panel('names')", "names", "Fresh names now"),
    Key("log", "l", "l", "panel('loss', 'toggle_log')", "log axis",
        "Logarithmic or linear loss axis"),
    Key("log-steps", "L", "L", "panel('loss', 'toggle_log_steps')", "log steps",
        "Logarithmic or linear axis of steps"),
    Key("part", "a", "a", "panel('loss', 'toggle_part')", "all steps",
        "All steps, or the last tenth of them"),
    Key("magnify", "right_parenthesis", ")", "panel('loss', 'magnify', (0.5,))", "magnify",
        "Half as many steps, around the crosshair or the newest"),
    Key("reduce", "left_parenthesis", "(", "panel('loss', 'magnify', (2.0,))", "reduce",
        "Twice as many steps, around the crosshair or the newest"),
    Key("smooth", "y", "y", "panel('loss', 'smooth')", "smoothing",
        "The minibatch loss smoothed lightly, strongly, or not at all"),
    Key("baselines", "e", "e", "panel('loss', 'next_baselines')", "baselines",
        "What counting reaches: all, without the uniform loss, that alone, none"),
    Key("zoom", "z", "z", "zoom", "zoom", "The chosen panel full screen, and back", "zoom"),
    Key("cursor-up", "up", "↑", "move(-1, 0)", "up",
        "The chosen panel's cursor up: settings, bigrams, runs"),
    Key("cursor-down", "down", "↓", "move(1, 0)", "down",
        "The chosen panel's cursor down: settings, bigrams, runs"),
    Key("cursor-left", "left", "←", "move(0, -1)", "left",
        "The chosen panel's cursor to the left: loss, bigrams; settings: less"),
    Key("cursor-right", "right", "→", "move(0, 1)", "right",
        "The chosen panel's cursor to the right: loss, bigrams; settings: more"),
    Key("bigram-mode", "v", "v", "panel('bigrams', 'next_mode')", "bigram values",
        "Bigrams: the model's, counted, counts, or the model's minus counted"),
    Key("bigram-order", "O", "O", "panel('bigrams', 'next_order')", "bigram order",
        "Bigrams by character or by frequency"),
    Key("next-panel", "tab", "tab", "next_panel(1)", "next panel", "Choose the next panel"),
    Key("previous-panel", "shift+tab", "shift+tab", "next_panel(-1)", "previous panel",
        "Choose the panel before"),
    Key("loss-panel", "1", "1", "choose('loss')", "loss", "The loss plot"),
    Key("settings-panel", "2", "2", "choose('controls')", "settings", "The settings"),
    Key("bigrams-panel", "3", "3", "choose('bigrams')", "bigrams", "The bigram table"),
    Key("names-panel", "4", "4", "choose('names')", "sampled names", "Sampled names"),
    Key("splits-panel", "5", "5", "choose('splits')", "splits", "The losses of the splits"),
    Key("embedding-panel", "6", "6", "choose('embedding')", "embedding",
        "The map of the embedding, in the place of the bigram table"),
    Key("probe-panel", "7", "7", "choose('probe')", "probe",
        "What follows a text of your own, in the place of the names"),
    Key("probe", "slash", "/", "probe", "probe",
        "Type a text of your own into the probe; escape leaves it", "probe"),
    Key("health-panel", "8", "8", "choose('health')", "health",
        "Activations, gradients and updates, in the place of the splits"),
    Key("runs-panel", "9", "9", "choose('runs')", "runs",
        "Previous and saved runs, in the place of the splits; enter opens one"),
    Key("picture", "i", "i", "picture", "picture", "A screenshot, as an SVG file"),
    Key("copy-names", "c", "c", "copy_names", "copy names", "The sampled names to the clipboard"),
    Key("copy-settings", "C", "C", "copy_settings", "copy settings",
        "The settings to the clipboard, as words of the command line"),
    Key("copy-state", "Y", "Y", "copy_state", "copy the state",
        "Dataset, settings and seed in one line for `--spec`, shown and copied"),
    Key("name-run", "ctrl+s", "ctrl+s", "name_run", "name the run",
        "Keep this run by a name of your own; all runs are saved by themselves"),
    Key("worker", "f5", "F5", "new_worker", "new worker", "Start the worker again after it died"),
    Key("interrupt", "ctrl+c", "ctrl+c", "quit_explorer", "leave", "Leave the explorer"),
    Key("suspend", "ctrl+z", "ctrl+z", "suspend", "suspend",
        "Back to the shell for a while; its fg goes on"),
    Key("help", "question_mark", "?", "help", "help", "All keys, and what they do", "help"),
    Key("quit", "q", "q", "quit_explorer", "quit", "Leave the explorer", "quit"),
)  # fmt: skip

SIGNS: Mapping[str, str] = {key.id: key.shown for key in KEYS}


def signs_of(app: "App") -> Mapping[str, str]:
    """How each key is shown, by its id, after the person's keymap."""
    return getattr(app, "signs", SIGNS)
