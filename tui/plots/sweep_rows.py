"""A sweep as rows of cells: its leaderboard, what matters, and where it stands."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from rich.style import Style

from makemore_tui.core.settings import setting_text, short_label
from makemore_tui.core.sweep.messages import Snapshot, Trial
from makemore_tui.core.text import shown

from ..style.colours import Palette
from ..style.text_rows import Row, bar, fitted, number, row, wrapped
from .filtering import has_all
from .ticks import tick_label

_BY_MERIT = ("done", "running", "pruned", "failed", "waiting")
_BY_STATE = ("running", "done", "pruned", "failed", "waiting")
_COLOURS = {"running": "batch", "done": "text", "failed": "warning"}  # of a state; others are dim
_TRIAL, _DEV, _STEPS, _STATE = 6, 7, 12, 8  # cells of columns, with a gap
_SETTING, _MAX_SETTING = 9, 15
_ABOUT_LINES = 2


class Board(NamedTuple):
    """How a leaderboard is laid out: the cursor is an index of its rows."""

    over: Sequence[str]
    sort: str
    cursor: int
    width: int
    height: int
    palette: Palette


def headline(snapshot: Snapshot) -> str:
    """Where a sweep stands: "12 of 50 trials · 9 pruned · 2 running · 1:20 left"."""
    parts = [f"{snapshot.num_ended:,} of {snapshot.trials:,} trials"]
    for state in ("pruned", "failed", "running"):
        if count := snapshot.count(state):
            parts.append(f"{count:,} {state}")
    if snapshot.seeds > 1:
        parts.append(f"each with {snapshot.seeds} seeds")
    if snapshot.seconds_left is not None:
        parts.append(f"{_clock(snapshot.seconds_left)} left")
    elif snapshot.state != "running":
        parts += [snapshot.state, f"last ran for {_clock(snapshot.seconds)}"]
    return " · ".join(parts)


def sort_names(snapshot: Snapshot) -> list[str]:
    """The columns by which a leaderboard can be sorted, dev loss first."""
    return ["dev", *(one.setting for one in snapshot.over), "steps", "state", "trial"]


def ordered(trials: Sequence[Trial], sort: str) -> list[Trial]:
    """Trials sorted by a column: by dev loss those that were trained to their end come first."""

    def merit(one: Trial) -> tuple:
        value = float("inf") if one.value is None else one.value
        return _BY_MERIT.index(one.state), value, one.number

    orders = {
        "dev": lambda _: 0,
        "steps": lambda one: -one.steps,
        "state": lambda one: _BY_STATE.index(one.state),
        "trial": lambda one: one.number,
    }
    order = orders.get(sort, lambda one: one.settings[sort])
    return sorted(trials, key=lambda one: (order(one), *merit(one)))


def matching(trials: Sequence[Trial], words: str) -> list[Trial]:
    """The trials that have all of some words in their state or settings; a word such as hidden=200
    names a setting and its whole value."""
    return [one for one in trials if has_all(words, _text(one), one.settings)]


def _text(trial: Trial) -> str:
    return f"{trial.number} {trial.state} {short_label(trial.settings)}"


def board_rows(trials: Sequence[Trial], board: Board) -> tuple[list[Row], dict[int, int]]:
    """The leaderboard in `height` rows of `width` cells around the cursor, with what there is to
    say of the trial there below; and of each row that shows a trial, its index."""
    palette, dim = board.palette, board.palette.style("dim")
    shown_settings = _that_fit(board.over, board.width - 2 - _TRIAL - _DEV - _STEPS - _STATE)
    about = wrapped(_about(trials[board.cursor]), board.width)[:_ABOUT_LINES]
    below = about[: max(0, board.height - 4)]
    room = max(1, board.height - 1 - len(below))
    top = max(0, min(board.cursor - room // 2, len(trials) - room))
    best = min((one.value for one in trials if one.state == "done" and one.value), default=None)
    header = [("  ", dim), *_header(shown_settings, board)]
    lines = [row(*header)]
    for i, trial in enumerate(trials[top : top + room], top):
        lines.append(_line(trial, shown_settings, i == board.cursor, best, palette))
    places = {i - top + 1: i for i in range(top, min(top + room, len(trials)))}
    return [*lines, *(row((line, dim)) for line in below)], places


def _that_fit(over: Sequence[str], room: int) -> dict[str, int]:
    """The settings that have room for a column, and its width."""
    found: dict[str, int] = {}
    for name in over:
        width = min(max(len(name) + 1, _SETTING), _MAX_SETTING)
        if sum(found.values()) + width > room:
            break
        found[name] = width
    return found


def _header(settings: dict[str, int], board: Board) -> list[tuple[str, Style]]:
    widths = {"trial": _TRIAL, "dev": _DEV, **settings, "steps": _STEPS, "state": _STATE}
    plain, bold = board.palette.style("dim"), board.palette.style("text", bold=True)
    return [
        (_cell(name.replace("_", " "), width, name == "state"), bold if is_sorted else plain)
        for name, width in widths.items()
        for is_sorted in (name == board.sort,)
    ]


def _cell(text: str, width: int, is_left: bool = False) -> str:
    """A text at the right of so many cells, the first of which is a gap."""
    text = text if len(text) < width else fitted(text, width - 1)
    return f" {text:<{width - 1}}" if is_left else f"{text:>{width}}"


def _line(
    trial: Trial, settings: dict[str, int], is_chosen: bool, best: float | None, palette: Palette
) -> Row:
    colour = palette.style(_COLOURS.get(trial.state, "dim"), bold=is_chosen)
    is_best = trial.state == "done" and trial.value == best
    dev = palette.style("good", bold=True) if is_best else colour
    steps = tick_label(trial.steps)
    if trial.steps < trial.planned:
        steps += f"/{tick_label(trial.planned)}"
    values = [
        (_cell(short_value(name, trial.settings[name]), width), colour)
        for name, width in settings.items()
    ]
    return row(
        ("› " if is_chosen else "  ", palette.style("cursor", bold=True)),
        (_cell(str(trial.number), _TRIAL), colour),
        (_cell(number(trial.value), _DEV), dev),
        *values,
        (_cell(steps, _STEPS), colour),
        (_cell(trial.state, _STATE, is_left=True), colour),
    )


def short_value(name: str, value: Any) -> str:
    """A setting's value with at most three digits of a fraction."""
    return f"{value:.3g}" if isinstance(value, float) else setting_text(name, value)


def _about(trial: Trial) -> str:
    """What there is to say of a trial besides its row."""
    settings = {
        name: float(f"{value:.3g}") if isinstance(value, float) else value
        for name, value in trial.settings.items()
    }
    parts = [f"trial {trial.number}: {short_label(settings)}", shown(trial.why)]
    parts.append(f"{trial.seconds:,.1f} s" if trial.seconds else "")
    parts.append("saved as a run" if trial.run else "")
    return " · ".join(filter(None, parts))


def importance_rows(snapshot: Snapshot, width: int, palette: Palette) -> list[Row]:
    """How much of the dev loss each setting accounts for, as bars, the most important first."""
    shares = sorted(snapshot.importances.items(), key=lambda one: -one[1])
    name_width = max((len(name) for name, _ in shares), default=0)
    room = width - name_width - 6
    return [
        row(
            (f"{name.replace('_', ' '):<{name_width}} ", palette.style("text")),
            (bar(share, room), palette.style("batch")),
            (f"{share:>5.0%}", palette.style("dim")),
        )
        for name, share in shares
    ]


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
