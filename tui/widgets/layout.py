"""Which panels are on the main screen, and how large, for each size of the terminal."""

from typing import NamedTuple

from ..keymap import PANELS

# The panels that share a place on a screen of ordinary size; the first is in front to begin with.
PLACES = (
    ("loss",),
    ("settings",),
    ("bigrams", "embedding"),
    ("names", "probe"),
    ("splits", "health", "runs"),
)
_WIDE, _HIGH = 100, 30
_VERY_WIDE, _VERY_HIGH = 150, 54
_SHORT = 12
_MIN_NAMES_WIDTH, _MIN_BIGRAMS_WIDTH = 22, 48
_MIN_HEIGHT = 14  # lines of the third row
_LOW = 17  # lines of the second row, where the bigram table would do with fewer


class Grid(NamedTuple):
    """The columns and rows of the panels' grid, as a style has them."""

    columns: str
    rows: str

    @property
    def size(self) -> int:
        """How many rows there are."""
        return len(self.rows.split())


def fits_together(width: int, height: int) -> bool:
    """Whether panels can stand together, rather than one at a time."""
    return width >= _WIDE and height >= _HIGH


def has_much_room(width: int, height: int) -> bool:
    """Whether a third row of panels fits on the screen."""
    return width >= _VERY_WIDE and height >= _VERY_HIGH


def is_short(height: int) -> bool:
    """Whether there is no line to spare."""
    return height < _SHORT


def grid(width: int, height: int, characters: int) -> Grid:
    """The grid in which a bigram table of so many characters is shown as whole as can be."""
    side = 44 if width >= 160 else 36 if width >= 116 else 34
    room = width - side - _MIN_NAMES_WIDTH
    whole = (2 * characters + 7, characters + 7)
    bigrams = next((w for w in whole if w <= room), room)
    bigrams = max(bigrams, min(room, _MIN_BIGRAMS_WIDTH))
    third = has_much_room(width, height)
    room = height - 3 - (_MIN_HEIGHT if third else 0)
    whole = (characters + 4, (characters + 1) // 2 + 4)
    lower = next((h for h in whole if h <= room - 15), room // 2)
    lower = max(lower, min(_LOW, room // 2))
    return Grid(f"{bigrams} 1fr {side}", f"1fr {lower}{f' {_MIN_HEIGHT}' if third else ''}")


Front = dict[str, str]  # of each place, by its first panel, the panel that is shown there


def usual_front() -> Front:
    """In each place its first panel."""
    return {place[0]: place[0] for place in PLACES}


def bring_to_front(front: Front, name: str) -> None:
    """Have a panel shown in its place."""
    for place in PLACES:
        if name in place:
            front[place[0]] = name


def shown_together(front: Front, much_room: bool) -> set[str]:
    """The panels that are shown together; with much room, eight of the nine."""
    if not much_room:
        return set(front.values())
    hidden = "health" if front["splits"] == "runs" else "runs"
    return set(PANELS) - {hidden}
