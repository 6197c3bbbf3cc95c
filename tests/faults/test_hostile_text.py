"""Datasets and names that try to act on the terminal, on markup, or on the width of columns."""

import asyncio
import random
import sys
import time

import pytest
from rich.cells import split_graphemes
from wcwidth import wcswidth

from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.errors import UserError
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings
from makemore_tui.core.text import is_acted_on
from makemore_tui.tui.app import ExplorerApp
from makemore_tui.tui.cli import main as cli
from makemore_tui.tui.config import Config
from makemore_tui.tui.widgets.panel import Panel

PATIENCE = 60  # seconds, after which a test gives up
PIECES = (
    *("\x1b[31m", "\x1b[2J", "\x1b]0;title\x07", "\x1b]52;c;aGk=\x1b\\", "\x1bP+q\x1b\\"),
    *("\x9b5A", "\x07", "\x08\x08", "\t", "\r", "\x0b", "\x0c", "\x7f", "\x85", "\u2028"),
    *("\u200e", "\u200f", "\u202e", "\u2066", "\u05d0\u05d1", "\u0645\u0631", "\u00ad"),
    *("\u200b", "\u200d", "\u2060", "\ufeff", "\u00a0", "\u3164", "\uffa0", "\u1160", "\u11a8"),
    *("e\u0301", "Z" + "\u0300\u0316" * 20, "\u0300", "\u20e3", "각", "李", "ｗ", "ﾊﾞ"),
    *("👩\u200d👩\u200d👧", "👍\U0001f3fd", "\U0001f1e9\U0001f1ea", "1\ufe0f\u20e3", "☺\ufe0e"),
    *("[red]", "[/]", "[bold", "[@click=app.quit]x[/]", "\\[b]", "[link=x:y]", "{0}", "%s"),
    *("$HOME", "`id`", "<b>", "&amp;", "'; --", "../..", ".", "·", "#", "-rf", "--help"),
    *("\ue000", "\U0010ffff", "\U000e0067\U000e007f"),
)


def item(rng):
    """A line of a file."""
    words = [rng.choice(PIECES) for _ in range(rng.randrange(1, 5))]
    if rng.random() < 0.05:
        words *= 1000 // len("".join(words)) or 1
    return "".join(words)


def write(path, rng):
    """A dataset of hostile lines, with some plain ones so that there is something to learn."""
    lines = [item(rng) for _ in range(30)] + ["anna", "hannah", "ben"] * 5
    path.write_bytes("\n".join(lines).encode())
    return path


def is_plain(text):
    """Whether a terminal has nothing to act on in a text; joiners within words pass."""
    return not any(map(is_acted_on, text.replace("\n", "")))


async def until(condition):
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up
        await asyncio.sleep(0.02)


def check_screen(app):
    """See that the screen is plain text, its columns aligned, and nothing taken for markup."""
    rows = [strip.text for strip in app.screen._compositor.render_strips()]
    for row in rows:
        assert is_plain(row), ascii(row)
        assert wcswidth(row) == app.size.width, ascii(row)
    for panel in app.screen.query(Panel):
        if not panel.display or not panel.region:
            continue
        for row in rows[panel.region.y + 1 : panel.region.bottom - 1]:
            for x in (panel.region.x, panel.region.right - 1):
                assert cell(row, x)[0] in "│┃", ascii(row)


def cell(row, x):
    """The character in a cell of a row."""
    for begin, end, cells in split_graphemes(row)[0]:
        if x <= 0:
            return row[begin:end]
        x -= cells
    return ""


async def explore(path, engine_of, rng):
    """Open the explorer on a file, look at every panel, probe its text, and move about."""
    session = Session(Dataset.load(path), ModelSettings(hidden=8), TrainSettings(steps=10**9))
    engine = engine_of(session)
    app = ExplorerApp(engine, Config({"welcome": False}))
    async with app.run_test(size=(200, 60)) as pilot:
        main = app.main
        await until(lambda: main.requests.snapshot and main.requests.snapshot.splits)
        panels = [panel for panel in main.query(Panel) if panel.display]
        assert len(panels) >= 8
        await until(lambda: all(panel.snapshot for panel in panels))
        check_screen(app)
        for text in (item(rng), item(rng)):
            await pilot.press("slash", *[c for c in text[:6] if c.isprintable()], "enter")
            check_screen(app)
        await pilot.press("escape", "3", "down", "right", "8")
        check_screen(app)
    engine.close()


async def test_the_screen_shows_hostile_text_as_text(many, served_engine, tmp_path):
    rng = random.Random(5)
    for number in range(many(2, 500)):
        name = item(rng).replace("/", "").replace("\0", "")[:20]
        path = write(tmp_path / f"{number}{name}.txt", rng)
        await explore(path, served_engine, rng)


def test_commands_show_hostile_text_as_text(many, tmp_path, monkeypatch, capsys):
    rng = random.Random(6)
    monkeypatch.setenv("MAKEMORE_TUI_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("TERM", "dumb")  # so that rich writes no escape sequences of its own
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)  # names in a pipe are the exact text
    for number in range(many(4, 100)):
        name = item(rng).replace("/", "")[:20]
        path = write(tmp_path / f"{number}{name}.txt", rng)
        run = tmp_path / "runs" / f"{number}{name}"
        Session(Dataset.load(path), ModelSettings(hidden=8)).save(run)
        for words in (
            ["data", str(path)],
            ["runs"],
            ["evaluate", str(run), "--word", item(rng)],
            ["sample", str(run), "--prefix", item(rng)],
            ["sample", str(run), "-n", "5"],
            ["train", "--data", str(path), "--out", str(run)],
            ["explore", "--data", str(path) + item(rng)],
            ["replay", str(run) + item(rng)],
        ):
            monkeypatch.setattr("sys.argv", ["makemore-tui", *words])
            with pytest.raises(SystemExit) as left:
                cli.main()
            said = "".join(capsys.readouterr())
            assert left.value.code in (0, 2), (words, said)
            assert is_plain(said), (words, ascii(said))


def test_datasets_that_can_not_be_read_are_refused_in_plain_words(tmp_path):
    for name, content in {
        "\x1b[31m": b"anna\nben\n\xff\xfe",
        "[red]": b"anna\nben\0\n",
        "\u202e": b"one\n",
    }.items():
        path = tmp_path / name
        path.write_bytes(content)
        try:
            Dataset.load(path)
        except UserError as error:
            assert is_plain(str(error))  # noqa: PT017
        else:
            raise AssertionError(path)
