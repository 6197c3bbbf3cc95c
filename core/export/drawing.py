"""How figures look, and how they become the bytes of a file or markup of a page."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.figure import Figure

# The curves have colours of Okabe and Ito, which colour-blind people can tell apart.
INK, DIM, FAINT = "#1e222a", "#646a76", "#e6e9ee"
BATCH, DEV, EDIT = "#0072b2", "#d55e00", "#009e73"
# The name of each colour in a page, and what it is there on a dark ground.
DARK = {
    INK: ("ink", "#dee2e9"),
    DIM: ("dim", "#8c94a2"),
    FAINT: ("faint", "#1c222d"),
    BATCH: ("batch", "#56b4e9"),
    DEV: ("dev", "#e69f00"),
    EDIT: ("edit", "#28be91"),
}
_STYLE: dict[Any, Any] = {
    "axes.axisbelow": True, "axes.grid": True, "axes.grid.axis": "y", "axes.facecolor": "none",
    "axes.edgecolor": FAINT, "axes.labelcolor": DIM, "axes.labelsize": 9,
    "axes.spines.bottom": False, "axes.spines.left": False,
    "axes.spines.right": False, "axes.spines.top": False,
    "font.size": 9, "grid.color": FAINT, "grid.linewidth": 0.8,
    "legend.borderpad": 0, "legend.columnspacing": 1.6, "legend.fontsize": 8.5,
    "legend.frameon": False, "legend.handlelength": 1.6, "legend.labelcolor": DIM,
    "lines.dash_capstyle": "butt", "lines.solid_capstyle": "round",
    "lines.solid_joinstyle": "round",
    "pdf.fonttype": 42, "savefig.dpi": 200, "svg.fonttype": "none", "svg.hashsalt": "makemore-tui",
    "text.parse_math": False,  # a $ in a name is only a character
    "xtick.bottom": False, "xtick.labelcolor": DIM, "xtick.labelsize": 8.5,
    "ytick.left": False, "ytick.minor.left": False, "ytick.labelcolor": DIM, "ytick.labelsize": 8.5,
}  # fmt: skip
# What would differ from one writing of the same figure to the next.
_NO_METADATA = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw in our style, whatever a person's matplotlibrc says."""
    usual: dict[Any, Any] = dict(matplotlib.rcParamsDefault)
    del usual["backend"]
    with matplotlib.rc_context(usual | _STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        yield


@styled()
def file_bytes(figure: Figure, form: str, ground: str = "white") -> bytes:
    """A figure as an svg, png or pdf file; equal figures give equal bytes."""
    file = io.BytesIO()
    figure.savefig(file, format=form, facecolor=ground, metadata=_NO_METADATA[form])
    return file.getvalue()


def svg_file(figure: Figure, title: str) -> str:
    """A figure as an SVG file, in which the parts that have a group id show it as a tooltip."""
    head, tag, rest = _svg_parts(figure, "white")
    return f"{head}{tag}\n <title>{escape(title)}</title>{rest}"


def inline_svg(figure: Figure, name: str, title: str) -> Markup:
    """A figure as the markup of a page, whose style sheet says what its colours are.

    name: its class.
    """
    _, tag, rest = _svg_parts(figure, "none")
    view = re.findall(r'viewBox="[^"]*"', tag)[0]
    rest = re.sub(r"<(metadata|style|clipPath)\b.*?</\1>\s*", "", rest, flags=re.DOTALL)
    rest = re.sub(r' clip-path="[^"]*"', "", rest)
    for color, (variable, _) in DARK.items():
        rest = rest.replace(color, f"var(--{variable})")
    svg = f'<svg class="{name}" {view} role="img"><title>{escape(title)}</title>'
    return Markup(svg + rest.strip())


def _svg_parts(figure: Figure, ground: str) -> list[str]:
    """What is before the svg tag, the tag, and the rest.

    Ids of groups that are sentences become tooltips; matplotlib's own ids go.
    """
    svg = file_bytes(figure, "svg", ground).decode()
    svg = re.sub(r'<g id="([^"]* [^"]*)">', r"<g><title>\1</title>", svg)
    return re.split(r"(<svg [^>]*>)", re.sub('<g id="[^"]*">', "<g>", svg), maxsplit=1)
