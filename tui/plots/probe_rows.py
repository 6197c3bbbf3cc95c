"""A probe as rows of text: how the model reads a text, and what it expects next."""

import math
from collections.abc import Sequence

from rich.style import Style

from makemore_tui.core.results import Candidate, Draw, DrawnPart, Probe, ProbedCharacter
from makemore_tui.core.text import shown

from ..style.cells import cell_len, set_cell_size
from ..style.colours import Palette, ink_on
from ..style.text_rows import Row, bar, column, end_of, number, paragraph, row

COLUMN_WIDTH = 26  # cells, at least, of a candidate's bar with its number
_MAX_SURPRISAL = 6.0  # nats, at which the colour scale ends
_FEW_ROWS, _MANY_ROWS = 7, 13  # fewer, or more, than which change what is shown
_MAX_DRAWS = 12  # the last ones, that are shown
_PART_ROWS = (24, 7), (16, 5), (9, 3), (0, 0)  # from which height on, rows of drawn intervals
_OVER = " is finished"


def probe_rows(
    probe: Probe, chosen: int, draws: Sequence[Draw], width: int, height: int, palette: Palette
) -> list[Row]:
    """The probe in `height` rows of `width` cells. chosen: the index of the character whose
    surprisal and likeliest alternatives are shown. draws: those that led to the text."""
    is_over = bool(draws) and not draws[-1].text
    reading = _reading(probe, chosen, width, palette) if probe.text else []
    if height < (_MANY_ROWS if draws else _FEW_ROWS):
        reading = reading[:2]
    elif height >= _MANY_ROWS and reading:
        reading.append([])
    shown_draws = draws[-max(1, min(_MAX_DRAWS, height - _MANY_ROWS)) :]
    reading += [_draw_row(one, width, palette) for one in shown_draws]
    if draws:
        reading += _parts(draws[-1], width, height, palette)
    if is_over:
        name = end_of(shown(probe.text), width - len(_OVER))
        rows = [*reading, row((f"{name}{_OVER}", palette.style("good", bold=True)))]
        return [*rows, *paragraph("The next draw begins another.", width, palette)][:height]
    title = f"after {end_of(shown(probe.text), width - 6)}" if probe.text else "at the start"
    rows = [*reading, row((set_cell_size(title, width).rstrip(), palette.style("dim")))]
    return [*rows, *_candidates(probe.following, width, height - len(rows), palette)]


def _reading(probe: Probe, chosen: int, width: int, palette: Palette) -> list[Row]:
    """The characters by their surprisal, as colours and as columns, the chosen one more closely,
    and the mean."""
    first = max(0, min(chosen - width // 4, len(probe.characters) - width // 2))
    letters: Row = []
    columns: Row = []
    for i, one in enumerate(probe.characters[first : first + width // 2], first):
        share = min(1.0, one.surprisal / _MAX_SURPRISAL)
        heat = palette.heat_colors[int(share * 31)]
        style = Style(color=ink_on(heat), bgcolor=heat, bold=i == chosen, underline=i == chosen)
        letters += row((one.label, style), (" " * max(0, 2 - cell_len(one.label)), Style.null()))
        below = palette.style("cursor" if i == chosen else "dim")
        columns += row((column(share) + " ", below))
    dev = f"  dev {number(probe.dev, 2)}" if probe.dev is not None else ""
    mean = f"mean {number(probe.mean, 2)}{' nats per character' if width >= 50 else ''}"
    mean += dev if len(mean + dev) <= width else ""
    closely = _closely(probe.characters[chosen], width, palette)
    return [letters, columns, closely, row((mean, palette.style("dim")))]


def _closely(one: ProbedCharacter, width: int, palette: Palette) -> Row:
    """A character's surprisal, and as many as fit of the likeliest ones in its place."""
    nats = f"{number(one.surprisal, 2)}{' nats; expected' if width >= 50 else ''} "
    parts = [(f"{one.label} ", palette.style("cursor", True)), (nats, palette.style("text"))]
    room = width - cell_len(one.label) - 1 - len(nats)
    for other in one.alternatives:
        short = f"{other.probability:.2f}"[1:] if other.probability < 0.995 else "1.0"
        text = f" {other.label} {short}"
        room -= cell_len(text)
        if room >= 0:
            parts.append((text, palette.style("dim")))
    return row(*parts)


def _draw_row(draw: Draw, width: int, palette: Palette) -> Row:
    """A random number, and the character in whose interval it fell."""
    end = " · end" if not draw.text else ""
    ways = (
        f"drew {draw.number:.4f}, in [{draw.low:.4f}, {draw.high:.4f}) of the cumulative{end}",
        f"{draw.number:.3f} in [{draw.low:.3f}, {draw.high:.3f}){end}",
        f"{draw.number:.2f}: {draw.low:.2f}-{draw.high:.2f}",
    )
    room = width - cell_len(draw.label) - 1
    text = next((one for one in ways if len(one) <= room), ways[-1][:room])
    return row((f"{draw.label} ", palette.style("cursor", True)), (text, palette.style("text")))


def _parts(draw: Draw, width: int, height: int, palette: Palette) -> list[Row]:
    """The intervals around the drawn character, in the order in which they are laid end to end."""
    lines = next(lines for least, lines in _PART_ROWS if height >= least)
    if not lines or not draw.around:
        return []
    drawn = draw.around.index(DrawnPart(draw.label, draw.low, draw.high))
    first = max(0, min(drawn - lines // 2, len(draw.around) - lines))
    digits = 4 if width >= COLUMN_WIDTH * 2 else 3 if width >= COLUMN_WIDTH else 2
    most = max(one.high - one.low for one in draw.around) or 1.0
    rows = []
    for i, (label, low, high) in enumerate(draw.around[first : first + lines], first):
        interval = f" {low:.{digits}f}-{high:.{digits}f}"
        style = palette.style("cursor" if i == drawn else "dim", bold=i == drawn)
        name = f"{'▸' if i == drawn else ' '}{set_cell_size(label, 2)}"
        room = min(COLUMN_WIDTH, width - 3 - len(interval))
        rows.append(row((f"{name}{bar((high - low) / most, room)}{interval}", style)))
    return rows


def _candidates(
    following: tuple[Candidate, ...], width: int, height: int, palette: Palette
) -> list[Row]:
    """The likeliest characters, column by column, in as few columns as hold them."""
    if height < 1 or not following:
        return []
    columns = max(1, min(width // COLUMN_WIDTH, math.ceil(len(following) / height)))
    lines, each, most = min(height, len(following)), width // columns, following[0].probability
    gap = 2 if each >= COLUMN_WIDTH else 0
    rows: list[Row] = [[] for _ in range(lines)]
    for i, one in enumerate(following[: lines * columns]):
        filled = bar(one.probability / most if most > 0 else 0.0, max(0, each - 8 - gap))
        rows[i % lines] += row(
            (set_cell_size(one.label, 2), palette.style("text", bold=True)),
            (filled, palette.style("batch")),
            (f" {one.probability:.3f}{' ' * gap}", palette.style("text")),
        )
    return rows
