"""The README's animated picture shows the screenshots that it was made of, each in its time."""

import re
import runpy
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.text import Text
from textual.app import App
from textual.widgets import Static

DOCS = Path(__file__).parents[2] / "docs"
MADE = runpy.run_path(str(DOCS / "animated_svg.py"))
PICTURE = (DOCS / "explorer.svg").read_text(encoding="utf-8")
SVG = "{http://www.w3.org/2000/svg}"
TEXTS = ("one & two", "<two>", "one & two", "last")


@pytest.fixture
async def screenshots():
    """Four screens of a coloured text, the third like the first."""

    class Screen(App):
        def compose(self):
            yield Static(id="text")

    taken = []
    async with Screen().run_test(size=(24, 4)) as pilot:
        for text in TEXTS:
            pilot.app.query_one(Static).update(Text(text, "red on blue"))
            await pilot.pause()
            taken.append((pilot.app.export_screenshot(title=text), 0.5))
    return taken


def visible(svg: str, share: float) -> set[str]:
    """The texts that are shown at a share of the animation's time; all at once if it has none."""
    rules = dict(re.findall(r"(?m)^@keyframes (\w+)\{(.*)\}$", svg))
    found = set()
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        name = group.attrib["class"].split()[-1]
        marks = re.findall(r"([\d.]+)%\{visibility:(\w+)\}", rules.get(name, ""))
        states = [state for percent, state in marks if float(percent) <= 100 * share]
        if not marks or states[-1] == "visible":
            found |= {text.text or "" for text in group.iter(f"{SVG}text")}
    return found


async def test_each_screenshot_is_shown_in_its_time(screenshots):
    svg = MADE["animated"](screenshots)
    for number, (screenshot, _) in enumerate(screenshots):
        runs = MADE["frame_of"](screenshot).runs
        assert visible(svg, (number + 0.5) / len(screenshots)) == {run.text for run in runs}
        assert any(TEXTS[number].replace(" ", "\xa0") == run.text.strip() for run in runs)


async def test_without_animation_the_last_screenshot_is_shown(screenshots):
    svg = MADE["animated"](screenshots)
    at_rest = set(re.findall(r"(?m)^\.(\w+)\{visibility:visible;", svg))
    shown = [
        text.text
        for group in ElementTree.fromstring(svg).iter(f"{SVG}g")
        if at_rest & {*group.attrib["class"].split()}
        for text in group.iter(f"{SVG}text")
    ]
    assert {*shown} == {run.text for run in MADE["frame_of"](screenshots[-1][0]).runs}
    assert "\n.f{visibility:hidden}\n" in svg
    assert "@media (prefers-reduced-motion:reduce){.f{animation:none}}" in svg


def test_the_picture_is_small_and_needs_nothing_else():
    assert len(PICTURE.encode()) < 1_500_000
    assert re.findall(r"https?://[^\"]*", PICTURE) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"<script|<image|<foreignObject|@font-face", PICTURE)
    assert "prefers-reduced-motion" in PICTURE
    assert len(re.findall("@keyframes", PICTURE)) > 20
    ElementTree.fromstring(PICTURE)
