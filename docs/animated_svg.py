"""Several screenshots of a terminal as one animated SVG, which needs no script.

What a screenshot shows is taken apart into blocks of colour and runs of text. Each is written once,
however many frames it is in, and CSS shows it during those frames. Viewers that don't animate, and
people who prefer reduced motion, see the last frame.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from xml.etree import ElementTree
from xml.sax.saxutils import escape

_SVG = "{http://www.w3.org/2000/svg}"
_HEIGHT = 24.65  # of a row, which overlaps the next so that no seam shows
_FONT = "'Fira Code','DejaVu Sans Mono',Menlo,Consolas,monospace"
_BUTTONS = ((26, "#ff5f57"), (48, "#febc2e"), (70, "#28c840"))  # of the window, by their x


class Block(NamedTuple):
    """Cells of one background colour in a row; in pixels."""

    fill: str
    x: float
    y: float
    width: float


class Run(NamedTuple):
    """Text of one style in a row; in pixels. width: of all its cells, 0 if it is the title."""

    style: str
    x: float
    y: float
    width: float
    text: str


class Frame(NamedTuple):
    """What one screenshot shows; in pixels."""

    width: float
    height: float
    blocks: frozenset[Block]
    runs: frozenset[Run]


def frame_of(svg: str) -> Frame:
    """Take a screenshot apart, as Textual's `export_screenshot` writes it."""
    root = ElementTree.fromstring(svg)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    css = root.findtext(f"{_SVG}style") or ""
    styles = dict(re.findall(r"\.(\S+-r\d+) \{ (.*?);? \}", css))
    terminal = root.findall(f"{_SVG}g")[-1]
    blocks: list[Block] = []
    for rect in terminal.findall(f"{_SVG}rect"):
        _add(blocks, Block(rect.attrib["fill"], *_numbers(rect, "x", "y", "width")))
    runs = [
        Run(styles[text.attrib["class"]], *_numbers(text, "x", "y", "textLength"), text.text or "")
        for text in terminal.iter(f"{_SVG}text")
    ]
    for title in root.findall(f"{_SVG}text"):
        runs.append(Run("title", *_numbers(title, "x", "y"), 0, title.text or ""))
    return Frame(width, height, frozenset(blocks), frozenset(runs))


def animated(screenshots: Sequence[tuple[str, float]]) -> str:
    """One SVG that shows each screenshot for its seconds, over and over. All have one size."""
    frames = [frame_of(svg) for svg, _ in screenshots]
    times = _times([seconds for _, seconds in screenshots])
    blocks, runs = _by_frames([f.blocks for f in frames]), _by_frames([f.runs for f in frames])
    styles = sorted({run.style for frame in frames for run in frame.runs} - {"title"})
    classes = {style: f"s{number}" for number, style in enumerate(styles)} | {"title": "title"}
    shown = sorted({*blocks, *runs}, key=lambda frames: (frames.start, frames.stop))
    names = {frames: f"f{number}" for number, frames in enumerate(shown)}
    looks = [f".{classes[style]}{{{style}}}" for style in styles]
    rules = [rule for at in shown for rule in _rules(names[at], at, times)]
    body = [_group(names[at], map(_path, _by_fill(blocks[at]))) for at in shown if at in blocks]
    body += [
        _group(names[at], (_text(run, classes) for run in runs[at])) for at in shown if at in runs
    ]
    return _document(frames[-1], looks, body, [_duration(times[-1]), *rules])


def _document(frame: Frame, looks: list[str], body: list[str], rules: list[str]) -> str:
    """The whole file. The rules that animate it come last, so that all groups start together,
    however slowly the file is read."""
    width, height = frame.width, frame.height
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}">',
        "<style>",
        f"text{{font:20px {_FONT}}}",
        ".title{font:bold 18px sans-serif;text-anchor:middle;fill:#c5c8c6}",
        ".f{visibility:hidden}",
        *looks,
        "</style>",
        f'<rect fill="#292929" width="{width:g}" height="{height:g}" rx="8"/>',
        *(f'<circle cx="{x}" cy="22" r="7" fill="{fill}"/>' for x, fill in _BUTTONS),
        *body,
        "<style>",
        *rules,
        "@media (prefers-reduced-motion:reduce){.f{animation:none}}",
        "</style>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _add(blocks: list[Block], new: Block) -> None:
    """Add a block, as a part of the last one if it goes on with its colour."""
    last = blocks[-1] if blocks else Block("", 0, 0, 0)
    if (last.fill, last.y, round(last.x + last.width, 1)) == (new.fill, new.y, new.x):
        blocks[-1] = last._replace(width=round(last.width + new.width, 1))
    elif new.width:
        blocks.append(new)


def _by_frames(frames: Sequence[frozenset]) -> dict[range, list]:
    """The parts that come and go together, by the frames in which they stand. What comes back
    later is a part of its own, so that there are few groups to be shown and hidden."""
    found = defaultdict(list)
    for first, parts in enumerate(frames):
        for part in sorted(parts - (frames[first - 1] if first else frozenset())):
            end = first
            while end < len(frames) and part in frames[end]:
                end += 1
            found[range(first, end)].append(part)
    return found


def _by_fill(blocks: list[Block]) -> list[list[Block]]:
    found = defaultdict(list)
    for block in blocks:
        found[block.fill].append(block)
    return list(found.values())


def _duration(seconds: float) -> str:
    return f".f{{animation:{_number(seconds)}s step-end infinite}}"


def _rules(name: str, shown: range, times: Sequence[float]) -> list[str]:
    """The CSS that shows a group during some frames; without animation, if the last is one."""
    last = len(times) - 1
    begin, end = (_number(100 * times[index] / times[last]) for index in (shown.start, shown.stop))
    marks = ["0%{visibility:hidden}"] if shown.start else []
    marks.append(f"{begin}%{{visibility:visible}}")
    marks += [f"{end}%{{visibility:hidden}}"] if shown.stop < last else []
    at_rest = "visibility:visible;" if shown.stop == last else ""
    return [f".{name}{{{at_rest}animation-name:{name}}}", f"@keyframes {name}{{{''.join(marks)}}}"]


def _times(seconds: Sequence[float]) -> list[float]:
    """When each frame begins, and last when all have ended."""
    return [sum(seconds[:count]) for count in range(len(seconds) + 1)]


def _group(name: str, parts: Iterable[str]) -> str:
    return f'<g class="f {name}" transform="translate(9,41)">{"".join(parts)}</g>'


def _path(blocks: list[Block]) -> str:
    lines = (
        f"M{_number(b.x)} {_number(b.y)}h{_number(b.width)}v{_HEIGHT}h-{_number(b.width)}z"
        for b in blocks
    )
    return f'<path fill="{blocks[0].fill}" shape-rendering="crispEdges" d="{"".join(lines)}"/>'


def _text(run: Run, classes: dict[str, str]) -> str:
    x, y = (run.x - 9, run.y - 41) if run.style == "title" else (run.x, run.y)
    length = f' textLength="{_number(run.width)}"' if len(run.text) > 1 and run.width else ""
    place = f'x="{_number(x)}" y="{_number(y)}"'
    return f'<text class="{classes[run.style]}" {place}{length}>{escape(run.text)}</text>'


def _numbers(element: ElementTree.Element, *names: str) -> list[float]:
    return [float(element.attrib[name]) for name in names]


def _number(value: float) -> str:
    return f"{round(value, 2):g}"
