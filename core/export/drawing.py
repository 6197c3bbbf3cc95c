"""How figures look, and how they become the bytes of a file or markup of a page."""

import io
import re
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import matplotlib
from markupsafe import Markup, escape
from matplotlib.figure import Figure

P = ParamSpec("P")
T = TypeVar("T")

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
    "axes.axisbelow": True,
    "axes.edgecolor": FAINT,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": DIM,
    "axes.labelsize": 9,
    "axes.spines.bottom": False,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 9,
    "grid.color": FAINT,
    "grid.linewidth": 0.8,
    "legend.borderpad": 0,
    "legend.columnspacing": 1.6,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "legend.labelcolor": DIM,
    "lines.dash_capstyle": "butt",
    "lines.solid_capstyle": "round",
    "lines.solid_joinstyle": "round",
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
    "svg.fonttype": "none",
    "svg.hashsalt": "makemore-tui",
    "text.parse_math": False,  # a $ in a name is only a character
    "xtick.bottom": False,
    "xtick.labelcolor": DIM,
    "xtick.labelsize": 8.5,
    "ytick.labelcolor": DIM,
    "ytick.labelsize": 8.5,
    "ytick.left": False,
    "ytick.minor.left": False,
}
# What would differ from one writing of the same figure to the next.
_NO_METADATA = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Run a function in our style, whatever a person's matplotlibrc says."""

    @wraps(draw)
    def draw_in_style(*args: P.args, **kwargs: P.kwargs) -> T:
        usual: dict[Any, Any] = dict(matplotlib.rcParamsDefault)
        del usual["backend"]
        with matplotlib.rc_context(usual | _STYLE), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from")
            return draw(*args, **kwargs)

    return draw_in_style


@styled
def file_bytes(figure: Figure, form: str, ground: str = "white") -> bytes:
    """A figure as an svg, png or pdf file; equal figures give equal bytes."""
    file = io.BytesIO()
    figure.savefig(file, format=form, facecolor=ground, metadata=_NO_METADATA[form])
    return file.getvalue()


def svg_file(figure: Figure, title: str) -> str:
    """A figure as an SVG file, in which the parts that have a group id show it as a tooltip."""
    text = file_bytes(figure, "svg").decode()
    head, tag, rest = re.split(r"(<svg [^>]*>)", text, maxsplit=1)
    return f"{head}{tag}\n <title>{escape(title)}</title>{_with_tooltips(rest)}"


def inline_svg(figure: Figure, name: str, title: str) -> Markup:
    """A figure as the markup of a page, whose style sheet says what its colours are.

    name: its class.
    """
    text = file_bytes(figure, "svg", ground="none").decode()
    _, tag, rest = re.split(r"(<svg [^>]*>)", text, maxsplit=1)
    view = re.findall(r'viewBox="[^"]*"', tag)[0]
    rest = re.sub(r"<(metadata|style|clipPath)\b.*?</\1>\s*", "", rest, flags=re.DOTALL)
    rest = re.sub(r' clip-path="[^"]*"', "", rest)
    for color, (variable, _) in DARK.items():
        rest = rest.replace(color, f"var(--{variable})")
    svg = f'<svg class="{name}" {view} role="img"><title>{escape(title)}</title>'
    return Markup(svg + _with_tooltips(rest).strip())


def _with_tooltips(svg: str) -> str:
    """Ids of groups that are sentences as tooltips; matplotlib's own ids go."""

    def group(match: re.Match[str]) -> str:
        return f"<g><title>{match[1]}</title>" if " " in match[1] else "<g>"

    return re.sub(r'<g id="([^"]*)">', group, svg)
