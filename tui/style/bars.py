"""Bars and columns of block characters."""

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_HEIGHTS = "▁▂▃▄▅▆▇█"


def bar(share: float, width: int) -> str:
    """A bar to the right, `width` cells of which a share is filled, to an eighth of a cell."""
    eighths = round(min(max(share, 0.0), 1.0) * 8 * max(0, width))
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(max(0, width))


def column(share: float) -> str:
    """A column one cell high, of which a share is filled; never quite empty."""
    return _HEIGHTS[min(7, int(min(max(share, 0.0), 1.0) * 8))]
