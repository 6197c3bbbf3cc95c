"""The rows of the names panel, the steps of temperature and top-k, and typed values of them."""

from collections.abc import Sequence
from itertools import chain, takewhile

from msgspec.structs import replace
from rich.style import Style

from makemore_tui.core.errors import UserError
from makemore_tui.core.results import Sample, SampledNames, Side
from makemore_tui.core.text import shown
from makemore_tui.core.worker.protocol import Sampling

from ..setting_steps import next_on
from ..style.cells import clusters
from ..style.colours import Palette
from ..style.text_rows import Row, fitted, row

COLUMN_WIDTH, PAIR_WIDTH = 24, 28  # cells, at least, of a name, and of those of A and B
MAX_TEMPERATURE = 100.0
_STEP = 0.1  # of the temperature
_TOP_K = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 100, 200, 500, 1000, 2000)
_MAX_MARK_WIDTH = len("in data")
_GAP = 2  # cells more between columns
_UNDERLINED = Style(underline=True)
_ONE_LINE, _TWO_LINES, _WITH_NUMBER = 47, 24, 62  # cells from which the shares need fewer lines


def stepped_temperature(sampling: Sampling, by: int) -> Sampling:
    """Another temperature, so many steps from this one, as far as there are any."""
    value = round(sampling.temperature + by * _STEP, 1)
    return replace(sampling, temperature=min(max(value, 0.0), MAX_TEMPERATURE))


def stepped_top_k(sampling: Sampling, by: int, characters: int) -> Sampling:
    """The next top-k below or above this one; above the last is that of all characters."""
    ladder = [k for k in _TOP_K if k < characters]
    return replace(sampling, top_k=next_on(ladder, sampling.top_k, by))


def typed_sampling(text: str) -> Sampling:
    """A temperature, and where there is another word, a top-k or "all". Raises UserError if they
    are none."""
    temperature, _, top_k = text.replace(",", " ").strip().partition(" ")
    top_k = top_k.strip().lower()
    try:
        value = float(temperature)
        most = None if top_k in ("", "all") else int(top_k)
    except ValueError:
        raise UserError(
            f"type a temperature and a top-k, such as 0.8 5, not {shown(text)}"
        ) from None
    if not 0 <= value <= MAX_TEMPERATURE:
        raise UserError(f"temperature must be from 0 to {MAX_TEMPERATURE:g}, not {temperature}")
    if most is not None and most < 1:
        raise UserError(f"top-k must be 1 or more, or all, not {top_k}")
    return Sampling(value, most)


def sampling_label(sampling: Sampling, width: int) -> str:
    """Temperature and top-k in so many cells, or in fewer words."""
    temperature, top_k = f"{sampling.temperature:g}", sampling.top_k or "all"
    long = f"temperature {temperature} · top-k {top_k}"
    return long if len(long) <= width else f"T {temperature} · top-k {top_k}"


def num_names(width: int, height: int, is_pair: bool = False) -> int:
    """How many names of a run, or of each of a pair, have room above the shares."""
    lines = height - _num_share_lines(width, height)
    if is_pair and width >= PAIR_WIDTH:
        return max(1, (lines - 1) * (width // PAIR_WIDTH))
    return max(1, lines * max(1, width // COLUMN_WIDTH))


def names_rows(names: Sequence[Sample], width: int, palette: Palette) -> list[Row]:
    """Names in columns, each with its mark."""
    columns = max(1, width // COLUMN_WIDTH)
    return _in_columns([(one, one.text) for one in names], columns, width, palette)


def pair_rows(names: SampledNames, side: Side, width: int, palette: Palette) -> list[Row]:
    """Names that A and B made of the same random numbers side by side, or where there is no room
    those of the chosen side; the end in which they differ is underlined."""
    if width < PAIR_WIDTH:
        found = [(one, other.text) for one, other in zip(names.samples, names.other, strict=True)]
        return _in_columns(found, 1, width, palette)
    a, b = (names.samples, names.other) if side == "a" else (names.other, names.samples)
    both = ((one, other) for pair in zip(a, b, strict=True) for one, other in (pair, pair[::-1]))
    columns = 2 * (width // PAIR_WIDTH)
    heads = "".join(fitted("AB"[i % 2], width // columns) for i in range(columns))
    found = [(one, other.text) for one, other in both]
    return [row((heads, palette.style("dim"))), *_in_columns(found, columns, width, palette)]


def _in_columns(
    names: Sequence[tuple[Sample, str]], columns: int, width: int, palette: Palette
) -> list[Row]:
    """Names row by row, each with the text from which its own differs."""
    gap = _GAP if columns > 1 else 0
    cells = [_cell(*name, width // columns - gap, gap, palette) for name in names]
    return [
        list(chain.from_iterable(cells[i : i + columns])) for i in range(0, len(cells), columns)
    ]


def share_rows(names: SampledNames, width: int, height: int, palette: Palette) -> list[Row]:
    """What there is to say of the last names, in as many lines as a panel of that size has."""
    shares = f"{names.new:.0%} new · {names.distinct:.0%} distinct"
    lengths = f"{names.mean_length:.1f} long, data {names.data_length:.1f}"
    number = f" · last {names.num_recent:,}" if width >= _WITH_NUMBER else ""
    lines = {
        0: [],
        1: [f"{shares} · {lengths}{number}"],
        2: [shares, lengths],
        3: [*shares.split(" · "), lengths],
    }[_num_share_lines(width, height)]
    return [row((fitted(line, width), palette.style("dim"))) for line in lines]


def _num_share_lines(width: int, height: int) -> int:
    """How many lines the shares take: none where that would be more than a quarter of all."""
    lines = 1 if width >= _ONE_LINE else 2 if width >= _TWO_LINES else 3
    return lines if height >= 4 * lines else 0


def _cell(name: Sample, other: str, width: int, gap: int, palette: Palette) -> Row:
    """A name and its mark, in `width` cells with `gap` more after them; from where it differs from
    another text it is underlined."""
    is_wide = width >= 18
    mark, sign = ("in data", "=") if name.seen else ("new", "+")
    room = width - (_MAX_MARK_WIDTH if is_wide else 1) - 2
    text = fitted(shown(name.text) or "(empty)", room)
    style = palette.style("dim" if name.seen else "text")
    same = _same_beginning(text, shown(other) or "(empty)") if other != name.text else len(text)
    changed = text[same:].rstrip()
    rest = text[same + len(changed) :]
    parts = ((text[:same], style), (changed, style + _UNDERLINED), (f"{rest} ", style))
    return row(
        *(parts if changed else ((f"{text} ", style),)),
        (
            f"{mark if is_wide else sign:<{width - room - 1 + gap}}",
            palette.style("dim" if name.seen else "good"),
        ),
    )


def _same_beginning(text: str, other: str) -> int:
    """How many characters of a text the other begins with too, by whole clusters."""
    letters, others = ([one[begin:end] for begin, end, _ in clusters(one)] for one in (text, other))
    same = takewhile(lambda both: both[0] == both[1], zip(letters, others, strict=False))
    return sum(len(letter) for letter, _ in same)
