"""Every key of the explorer, declared once.

The bindings of the panels and the main screen, the footer, the help, the command palette and
docs/keys.md are made from this.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace
from textual.binding import Binding, BindingType

from .keys import Key, key_name

if TYPE_CHECKING:
    from textual.app import App

# The panels by their ids, in the order of their keys, and what their tabs say.
PANELS = {
    "loss": "Loss", "settings": "Settings", "bigrams": "Bigrams", "names": "Names",
    "splits": "Splits", "embedding": "Embedding", "probe": "Probe", "health": "Health",
    "runs": "Runs", "trace": "Trace",
}  # fmt: skip

# What the footer offers, the most needed first; the last two stand there however little room is.
FOOTER = (
    "pause", "side", "keep A/B", "rate", "hidden", "undo", "model", "finder", "probe", "batch",
    "restart", "test", "dataset", "zoom", "embedding", "context", "optimizer", "help", "quit",
)  # fmt: skip
KEYS = (
    Key("pause", "space", "session", "pause", "pause", "Pause training, or resume it", "pause"),
    Key("rate-down", "[", "session", "change('learning_rate', -1)", "rate -",
        "Lower learning rate; four presses are a tenth; also shift+↓", "rate",
        keys="left_square_bracket,shift+down"),
    Key("rate-up", "]", "session", "change('learning_rate', 1)", "rate +",
        "Higher learning rate; four presses are tenfold; also shift+↑", "rate",
        keys="right_square_bracket,shift+up"),
    Key("rate-tenth", "{", "session", "change('learning_rate', -4)", "rate / 10",
        "Learning rate divided by 10; also shift+←",
        keys="left_curly_bracket,shift+left"),
    Key("rate-tenfold", "}", "session", "change('learning_rate', 4)", "rate x 10",
        "Learning rate times 10; also shift+→",
        keys="right_curly_bracket,shift+right"),
    Key("hidden-down", "-", "session", "change('hidden', -1)", "hidden -",
        "Fewer hidden units, weights kept", "hidden"),
    Key("hidden-up", "=", "session", "change('hidden', 1)", "hidden +",
        "More hidden units, weights kept", "hidden", keys="equals_sign,plus"),
    Key("embedding-down", ",", "session", "change('embedding', -1)", "embedding -",
        "Smaller embedding, weights kept", "embedding"),
    Key("embedding-up", ".", "session", "change('embedding', 1)", "embedding +",
        "Larger embedding, weights kept", "embedding"),
    Key("context-down", ";", "session", "change('context', -1)", "context -",
        "Shorter context; counts: lower order, counts kept", "context"),
    Key("context-up", "'", "session", "change('context', 1)", "context +",
        "Longer context; counts: higher order, counts kept", "context"),
    Key("batch-down", "b", "session", "change('batch_size', -1)", "batch -",
        "Smaller batch size", "batch"),
    Key("batch-up", "B", "session", "change('batch_size', 1)", "batch +",
        "Larger batch size, up to all examples", "batch"),
    Key("decay-down", "w", "session", "change('decay', -1)", "decay -",
        "Less weight decay; counts: less smoothing"),
    Key("decay-up", "W", "session", "change('decay', 1)", "decay +",
        "More weight decay; counts: more smoothing"),
    Key("dropout-down", "x", "session", "change('dropout', -1)", "dropout -", "Less dropout"),
    Key("dropout-up", "X", "session", "change('dropout', 1)", "dropout +", "More dropout"),
    Key("mix", "M", "session", "change('mixture', 1)", "mix",
        "Mix counts into what the network predicts: best on dev, or off"),
    Key("model", "m", "session", "change('kind', 1)", "model",
        "Next model: MLP, counts, neural bigram; a new run", "model"),
    Key("optimizer", "o", "session", "change('optimizer', 1)", "optimizer",
        "Optimizer: SGD or AdamW; counts: add-k or Kneser-Ney", "optimizer"),
    Key("schedule", "k", "session", "change('schedule', 1)", "schedule",
        "Learning rate schedule: constant, step, linear, cosine"),
    Key("presets", "P", "screen", "open('presets', 'PresetsScreen')", "presets",
        "Start a new run with a preset, from the bigram table to the best MLP"),
    Key("value", "enter", "settings", "type_value", "type a value",
        "Type a value for the selected setting", is_chosen_first=True),
    Key("finder", "f", "screen", "open('finder', 'FinderScreen')", "finder",
        "Find a learning rate by the range test, on a copy of the model", "finder"),
    Key("sweeps", "S", "screen", "open('sweep', 'SweepScreen')", "sweeps",
        "Sweeps: find good settings, and look at those that were found"),
    Key("dataset", "d", "screen", "open('dataset', 'DatasetScreen')", "dataset",
        "Choose another dataset, built in or a file; a new run", "dataset"),
    Key("restart", "r", "session", "restart", "restart",
        "Restart with the same settings and seed", "restart"),
    Key("relaunch", "ctrl+r", "session", "restart_as_launched", "restart as launched",
        "Restart with the dataset, settings and seed of the launch"),
    Key("new-seed", "R", "session", "restart(1)", "new seed", "Restart with the next seed"),
    Key("undo", "u", "session", "undo", "undo", "Undo the last edit, or the last new run", "undo"),
    Key("redo", "U", "session", "redo", "redo", "Redo what was undone"),
    Key("fork", "T", "session", "fork", "twins",
        "Twins: fork the run; B is trained beside A on the same minibatches, and takes your edits"),
    Key("side", "V", "pair", "switch", "side", "Twins: keys act on the other run, A or B", "side"),
    Key("keep-a", "F3", "pair", "keep('a')", "keep A",
        "Twins: keep A; B becomes a previous run", "keep A/B"),
    Key("keep-b", "F4", "pair", "keep('b')", "keep B",
        "Twins: keep B; A becomes a previous run", "keep A/B"),
    Key("step", "s", "session", "step", "step", "Take one step and pause; hold to keep stepping"),
    Key("steps", "n", "screen", "open('dialogs', 'StepsScreen')", "steps",
        "Take a number of steps and pause"),
    Key("slower", "<", "session", "limit_speed(-1)", "slower",
        "Lower limit of steps a second, to watch training"),
    Key("faster", ">", "session", "limit_speed(1)", "faster",
        "Higher limit of steps a second, up to none"),
    Key("test", "t", "session", "test", "test",
        "Evaluate the test split; each time is counted", "test"),
    Key("names", "g", "names", "renew", "names", "Draw new names"),
    Key("temperature-down", "h", "names", "change_temperature(-1)", "temperature -",
        "Names: lower temperature, less random", "temperature"),
    Key("temperature-up", "H", "names", "change_temperature(1)", "temperature +",
        "Names: higher temperature, more random", "temperature"),
    Key("top-k-down", "J", "names", "change_top_k(-1)", "top-k -",
        "Names: smaller top-k, fewer characters to draw from", "top-k"),
    Key("top-k-up", "K", "names", "change_top_k(1)", "top-k +",
        "Names: larger top-k, up to all characters", "top-k"),
    Key("log", "l", "loss", "next('log_loss')", "log axis", "Logarithmic or linear loss axis",
        "log axes"),
    Key("log-steps", "L", "loss", "next('log_steps')", "log steps",
        "Logarithmic or linear step axis", "log axes"),
    Key("part", "a", "loss", "toggle_part", "all steps", "All steps, or the last tenth"),
    Key("magnify", ")", "loss", "magnify(0.5)", "magnify",
        "Half as many steps, around the crosshair or the newest step", "magnify"),
    Key("reduce", "(", "loss", "magnify(2.0)", "reduce",
        "Twice as many steps, around the crosshair or the newest step", "magnify"),
    Key("smooth", "y", "loss", "next('smoothing')", "smoothing",
        "Smooth the minibatch loss over 1,000 steps, 5,000, or not at all"),
    Key("spread", "E", "loss", "next('spread')", "spread",
        "Show or hide the spread of single batches"),
    Key("auto-range", "A", "loss", "auto_range", "automatic range",
        "Automatic range of losses; ↑ and ↓ change it"),
    Key("baselines", "e", "loss", "next('baselines')", "baselines",
        "Baselines: all, n-grams, uniform, off"),
    Key("zoom", "z", "panels", "zoom", "zoom", "Focused panel full screen, and back", "zoom"),
    Key("cursor-up", "↑", "chosen", "move(-1, 0)", "up",
        "Cursor up in the focused panel; loss plot: smaller range", keys="up"),
    Key("cursor-down", "↓", "chosen", "move(1, 0)", "down",
        "Cursor down in the focused panel; loss plot: larger range", keys="down"),
    Key("cursor-left", "←", "chosen", "move(0, -1)", "left",
        "Cursor left in the focused panel; settings: lower value", keys="left"),
    Key("cursor-right", "→", "chosen", "move(0, 1)", "right",
        "Cursor right in the focused panel; settings: higher value", keys="right"),
    Key("bigram-mode", "v", "bigrams", "next_mode", "bigram values",
        "Bigrams: the model's, counted, counts, the model's minus counted, or counts divided by "
        "columns; of a neural bigram also W, ln N and W.grad"),
    Key("bigram-order", "O", "bigrams", "next_order", "bigram order",
        "Bigrams by character or by frequency"),
    Key("next-panel", "tab", "panels", "next_panel(1)", "next panel", "Focus the next panel"),
    Key("previous-panel", "shift+tab", "panels", "next_panel(-1)", "previous panel",
        "Focus the previous panel"),
    Key("loss-panel", "1", "panels", "choose('loss')", "loss", "The loss plot"),
    Key("settings-panel", "2", "panels", "choose('settings')", "settings", "The settings"),
    Key("bigrams-panel", "3", "panels", "choose('bigrams')", "bigrams", "The bigram table"),
    Key("names-panel", "4", "panels", "choose('names')", "sampled names", "Sampled names"),
    Key("splits-panel", "5", "panels", "choose('splits')", "splits", "Train, dev and test loss"),
    Key("embedding-panel", "6", "panels", "choose('embedding')", "embedding",
        "The embedding map, in place of the bigram table"),
    Key("probe-panel", "7", "panels", "choose('probe')", "probe",
        "How likely the model finds a text, in place of the names"),
    Key("probe", "/", "probe", "type_text", "probe",
        "Type a text into the probe; escape leaves it", "probe", is_chosen_first=True),
    Key("health-panel", "8", "panels", "choose('health')", "health",
        "Diagnosis, activations, gradients and updates, in place of the splits"),
    Key("runs-panel", "9", "panels", "choose('runs')", "runs",
        "Previous and saved runs, in place of the splits; enter opens one"),
    Key("trace-panel", "0", "panels", "choose('trace')", "trace",
        "One example through the model and back, in place of the bigram table"),
    Key("picture", "i", "screen", "app.picture", "screenshot", "Save a screenshot as an SVG file"),
    Key("copy-names", "c", "names", "copy", "copy names", "Copy the sampled names"),
    Key("copy-settings", "C", "settings", "copy", "copy settings",
        "Copy the settings as command-line options"),
    Key("copy-state", "Y", "screen", "open('dialogs', 'SpecScreen')", "copy spec",
        "Show and copy dataset, settings and seed as one line for --spec"),
    Key("name-run", "ctrl+s", "screen", "open('dialogs', 'NamingScreen')", "name the run",
        "Name this run, so that it is kept; every run is saved automatically"),
    Key("worker", "F5", "supervisor", "start_by_hand", "new worker",
        "Start a new worker after the last one stopped"),
    Key("interrupt", "ctrl+c", "screen", "app.quit", "quit", "Quit the explorer"),
    Key("suspend", "ctrl+z", "screen", "app.suspend_process", "suspend",
        "Suspend to the shell; fg resumes"),
    Key("close-card", "esc", "card", "close", "close the card",
        "Close the welcome card for good; the help shows it again", keys="escape"),
    Key("lessons", "F2", "lessons", "open", "lessons",
        "The two lectures as lessons; in one: to its own keys, or on if a step is done"),
    Key("help", "?", "screen", "open('help', 'HelpScreen')", "help",
        "All keys and settings, searchable", "help"),
    Key("quit", "q", "screen", "app.quit", "quit", "Quit the explorer", "quit"),
)  # fmt: skip

# Keys that work while their panel, or a lesson, has the focus only, where they come before `KEYS`.
_PANEL_KEYS = (
    Key("settings-down", "j", "settings", "move(1, 0)", "next setting", "Settings: next setting"),
    Key("settings-up", "k", "settings", "move(-1, 0)", "previous setting",
        "Settings: previous setting"),
    Key("bigrams-down", "j", "bigrams", "move(1, 0)", "next row", "Bigrams: next row"),
    Key("bigrams-up", "k", "bigrams", "move(-1, 0)", "previous row", "Bigrams: previous row"),
    Key("probe-draw", "enter", "probe", "draw", "draw",
        "Probe: draw the next character, as sampling does, until the end"),
    Key("trace-word", "enter", "trace", "type_word", "type words",
        "Trace: type other words, first-3 for the first three of the data, or logits 100 2 -3"),
    Key("trace-item", "D", "trace", "take_item", "next word", "Trace: the next word of the data"),
    Key("trace-back", "G", "trace", "switch_back", "gradients",
        "Trace: show or hide the gradients"),
    Key("runs-down", "j", "runs", "move(1, 0)", "next run", "Runs: next run"),
    Key("runs-up", "k", "runs", "move(-1, 0)", "previous run", "Runs: previous run"),
    Key("runs-sort", "o", "runs", "sort", "sort runs", "Runs: sort by the next column"),
    Key("runs-filter", "F", "runs", "filter", "filter runs",
        "Runs: filter by words or settings, such as hidden=200"),
    Key("runs-plot", "v", "runs", "plot", "show on plot",
        "Runs: show or hide the run on the loss plot"),
    Key("runs-pin", "p", "runs", "pin", "pin run",
        "Runs: pin a previous run, so that it is kept and listed first; again to unpin"),
    Key("runs-compare", "T", "runs", "compare", "compare",
        "Runs: train this one beside the open one, as B, both from where they stand"),
    Key("runs-compare-anew", "N", "runs", "compare(True)", "compare from step 0",
        "Runs: train both side by side from step 0, each with its own settings and seed"),
    Key("runs-delete", "delete", "runs", "delete", "delete run",
        "Runs: delete the saved run; again brings it back"),
    Key("lesson-next", "enter", "lesson", "go(1)", "next step", "Lessons: next step"),
    Key("lesson-previous", "backspace", "lesson", "go(-1)", "previous step",
        "Lessons: previous step"),
    Key("lesson-hint", "h", "lesson", "hint", "hint", "Lessons: a hint, then a second one"),
    Key("lesson-show", "s", "lesson", "show_me", "show me",
        "Lessons: press the keys of this step for you"),
    Key("lesson-list", "l", "lessons", "list", "list", "Lessons: list all"),
    Key("lesson-reset", "r", "lesson", "reset", "restart lesson", "Lessons: restart this lesson"),
    Key("lesson-leave", "x", "lessons", "leave", "leave", "Lessons: leave, back to your own run"),
    Key("lesson-back", "esc", "lessons", "back", "back to panels",
        "Lessons: back to the panels", keys="escape"),
)  # fmt: skip
PANEL_KEYS = tuple(replace(key, is_chosen_first=key.owner in PANELS) for key in _PANEL_KEYS)

# Keys of the sweep screen: of its leaderboard ("trials"), and of the screen.
SWEEP_KEYS = (
    Key("sweep-open", "enter", "sweeps", "open", "open", "Sweeps: open the trial as a run"),
    Key("sweep-start", "n", "sweeps", "start", "new sweep",
        "Sweeps: start one around the present settings"),
    Key("sweep-stop", "x", "sweeps", "stop", "stop", "Sweeps: stop; running trials are given back"),
    Key("sweep-prune", "p", "sweeps", "prune", "prune", "Sweeps: end this trial, which is running"),
    Key("sweep-resume", "r", "sweeps", "resume", "resume",
        "Sweeps: go on with one that has stopped"),
    Key("sweep-twin", "T", "sweeps", "open(True)", "twin",
        "Sweeps: open the trial's run as twin B beside the present run"),
    Key("sweep-sort", "o", "trials", "sort", "sort", "Sweeps: sort by the next column"),
    Key("sweep-filter", "F", "trials", "filter", "filter",
        "Sweeps: filter by words or settings, such as done hidden=200"),
    Key("sweep-plot", "tab", "sweeps", "next('plot')", "next plot",
        "Sweeps: the next plot, where there is room for one"),
    Key("sweep-setting", "v", "sweeps", "next('setting')", "next setting",
        "Sweeps: the next setting of the plot against dev"),
    Key("sweep-export", "e", "sweeps", "export", "export",
        "Sweeps: export the trials as CSV and JSON, into this folder"),
    Key("sweep-picture", "i", "sweeps", "app.picture", "screenshot",
        "Sweeps: save a screenshot as an SVG file"),
    Key("sweep-older", "→", "sweeps", "study(1)", "older sweep", "Sweeps: the next older one",
        keys="right"),
    Key("sweep-newer", "←", "sweeps", "study(-1)", "newer sweep", "Sweeps: the next newer one",
        keys="left"),
    Key("sweep-up", "↑", "trials", "move(-1)", "up", "Sweeps: previous trial", keys="up,k"),
    Key("sweep-down", "↓", "trials", "move(1)", "down", "Sweeps: next trial", keys="down,j"),
    Key("sweep-leave", "esc", "sweeps", "dismiss", "close",
        "Sweeps: back to the panels; a running sweep goes on", keys="escape,S,q"),
)  # fmt: skip
_ALL_KEYS = (*KEYS, *PANEL_KEYS, *SWEEP_KEYS)

# The sections of the help, and the keys of each by the first word of their ids; see `section_of`.
SECTIONS = {
    "Training": "pause step steps slower faster test restart relaunch new undo redo dataset worker",
    "Model": "model presets hidden embedding context dropout",
    "Twins": "fork side keep",
    "Optimizer": "rate batch decay optimizer schedule finder value",
    "View": "",
    "Panels": "next previous zoom cursor settings bigrams probe close",
    "Runs": "name runs copy interrupt suspend quit",
    "Sweeps": "sweeps sweep",
}

LABELS: Mapping[str, str] = {key.id: key.shown for key in _ALL_KEYS}


def section_of(key: Key) -> str:
    """The section of the help in which a key stands; View, if it is in no other."""
    if key.owner == "panels":
        return "Panels"
    word = key.id.partition("-")[0]
    return next((name for name, ids in SECTIONS.items() if word in ids.split()), "View")


def _binding(key: Key, action: str) -> Binding:
    """A binding of Textual's for an action of a key."""
    group = Binding.Group(key.group) if key.group and key.group != key.word else None
    return Binding(
        key.keys, action, key.word, key.group in FOOTER, key_display=key.shown,
        tooltip=key.help, id=key.id, group=group,
    )  # fmt: skip


def bindings_of(owner: str) -> list[BindingType]:
    """The bindings of what owns keys: a panel, the grid of panels, or any chosen panel."""
    return [_binding(key, key.action) for key in _ALL_KEYS if key.owner == owner]


def screen_bindings() -> list[BindingType]:
    """The bindings of the main screen: every key, so that it works whatever has the focus."""
    return [_binding(key, key.screen_action) for key in KEYS]


def remapped(keymap: Mapping[str, str]) -> tuple[Key, ...]:
    """All keys, with those that a person has set for some ids."""
    found = {key.id: key for key in _ALL_KEYS}
    for id, keys in keymap.items():
        labels = [one.strip() for one in keys.split(",")]
        names = ",".join(key_name(label) or label for label in labels)
        found[id] = replace(found[id], keys=names, shown=" ".join(labels))
    return tuple(found.values())


def is_key(name: str) -> bool:
    """True for the id or the name of a key."""
    return name in LABELS or key_name(name) is not None


def key_labels(app: "App") -> Mapping[str, str]:
    """How each key is shown, by its id, after the person's keymap."""
    return getattr(app, "key_labels", LABELS)
