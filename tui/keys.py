"""Every key of the explorer, declared once.

The footer, the help screen, the command palette and the README's table are made from this.
"""

from dataclasses import dataclass

from textual.binding import Binding


@dataclass(frozen=True)
class Key:
    """A key: the action it runs, a word for the footer, and what it does."""

    id: str
    keys: str
    shown: str
    action: str
    word: str
    help: str
    in_footer: bool = False

    def binding(self) -> Binding:
        """The same as Textual wants it."""
        return Binding(
            self.keys,
            self.action,
            self.word,
            id=self.id,
            key_display=self.shown,
            tooltip=self.help,
            show=self.in_footer,
        )


KEYS = (
    Key("pause", "space", "space", "pause", "pause", "Pause training, or go on", True),
    Key("step", "s", "s", "step", "step", "Take one step, and pause", True),
    Key("rate-down", "left_square_bracket", "[", "turn('learning_rate', -1)", "rate -",
        "Learning rate down a quarter of a decade, from the next step", True),
    Key("rate-up", "right_square_bracket", "]", "turn('learning_rate', 1)", "rate +",
        "Learning rate up a quarter of a decade, from the next step", True),
    Key("rate-tenth", "left_curly_bracket", "{", "turn('learning_rate', -4)", "rate / 10",
        "Learning rate to a tenth, from the next step"),
    Key("rate-tenfold", "right_curly_bracket", "}", "turn('learning_rate', 4)", "rate x 10",
        "Learning rate to tenfold, from the next step"),
    Key("hidden-down", "minus", "-", "turn('hidden', -1)", "hidden -",
        "Fewer hidden units; the model restarts", True),
    Key("hidden-up", "equals_sign,plus", "=", "turn('hidden', 1)", "hidden +",
        "More hidden units; the model restarts", True),
    Key("embedding-down", "comma", ",", "turn('embedding', -1)", "embedding -",
        "Fewer numbers a character; the model restarts"),
    Key("embedding-up", "full_stop", ".", "turn('embedding', 1)", "embedding +",
        "More numbers a character; the model restarts"),
    Key("context-down", "semicolon", ";", "turn('context', -1)", "context -",
        "One character less of context; the model restarts"),
    Key("context-up", "apostrophe", "'", "turn('context', 1)", "context +",
        "One character more of context; the model restarts"),
    Key("batch-down", "b", "b", "turn('batch_size', -1)", "batch -",
        "Smaller batches, from the next step"),
    Key("batch-up", "B", "B", "turn('batch_size', 1)", "batch +",
        "Larger batches, from the next step; the largest is all examples"),
    Key("decay-down", "w", "w", "turn('decay', -1)", "decay -",
        "Less weight decay; of a table of counts, less smoothing"),
    Key("decay-up", "W", "W", "turn('decay', 1)", "decay +",
        "More weight decay; of a table of counts, more smoothing"),
    Key("model", "m", "m", "turn('kind', 1)", "model",
        "The next kind of model: MLP, counts, neural bigram; the model restarts", True),
    Key("optimizer", "o", "o", "turn('optimizer', 1)", "optimizer",
        "SGD or AdamW, from the next step"),
    Key("schedule", "k", "k", "turn('schedule', 1)", "schedule",
        "How the learning rate changes: constant, step, linear, cosine"),
    Key("restart", "r", "r", "restart(0)", "restart", "Begin again with the same seed", True),
    Key("new-seed", "R", "R", "restart(1)", "new seed", "Begin again with the next seed"),
    Key("test", "t", "t", "test", "test", "Evaluate the test split, and count how often", True),
    Key("names", "g", "g", "names", "names", "Fresh names now"),
    Key("log", "l", "l", "log", "log", "Logarithmic or linear loss axis"),
    Key("part", "a", "a", "part", "all steps", "All steps, or the last fifth of them"),
    Key("zoom", "z", "z", "zoom", "zoom", "The focused panel full screen, and back", True),
    Key("cursor-up", "up", "↑", "cursor(-1, 0)", "up", "The bigram cursor one row up"),
    Key("cursor-down", "down", "↓", "cursor(1, 0)", "down", "The bigram cursor one row down"),
    Key("cursor-left", "left", "←", "cursor(0, -1)", "left", "The bigram cursor to the left"),
    Key("cursor-right", "right", "→", "cursor(0, 1)", "right", "The bigram cursor to the right"),
    Key("next-panel", "tab", "tab", "next_panel(1)", "next panel", "The next panel"),
    Key("previous-panel", "shift+tab", "shift+tab", "next_panel(-1)", "previous panel",
        "The panel before"),
    Key("worker", "f5", "F5", "new_worker", "new worker", "Start the worker again after it died"),
    Key("help", "question_mark", "?", "help", "help", "All keys, and what they do", True),
    Key("interrupt", "ctrl+c", "ctrl+c", "quit_explorer", "quit", "Leave the explorer"),
    Key("quit", "q", "q", "quit_explorer", "quit", "Leave the explorer", True),
)  # fmt: skip
