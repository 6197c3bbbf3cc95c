"""The configuration: what it may hold, what it does, and how it is written."""

import os
import subprocess
import sys
import tomllib

import pytest

from makemore_tui.core.errors import UserError
from makemore_tui.core.messages import Pause
from makemore_tui.tui import themes
from makemore_tui.tui.config import Config, config_path, read_config, remember, with_recent
from makemore_tui.tui.keys import KEYS
from makemore_tui.tui.screens import layout
from makemore_tui.tui.screens.help import HelpScreen

KEYS_BY_ID = {key.id: key.keys for key in KEYS}
PANELS = [name for name, _ in layout.PANELS]
FULL = """# mine
theme = "makemore-light"
panel = "bigrams"
recent = ["/a.txt", "/b.txt"]
colour = "unknown to us"

[loss]
axis = "logarithmic" # as in the lecture
smoothing = "off"

[runs]
most_megabytes = 20

[keys]
pause = "p"
rate-up = "+,f8"
hidden-up = "="
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "there" / "config.toml"


@pytest.fixture
def read(path):
    """Reads the configuration, of a text if there is one."""

    def read(text=None):
        if text is not None:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return read_config(path, themes.NAMES, PANELS, KEYS_BY_ID)

    return read


def test_the_variable_says_where_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("MAKEMORE_TUI_CONFIG", str(tmp_path / "mine.toml"))
    assert config_path() == tmp_path / "mine.toml"
    monkeypatch.delenv("MAKEMORE_TUI_CONFIG")
    assert config_path().parts[-2:] == ("makemore-tui", "config.toml")


def test_without_a_file_nothing_is_set(read):
    assert read() == Config()


def test_all_of_it_is_read(read):
    keys = {"pause": "p", "rate-up": "+,f8", "hidden-up": "="}
    assert read(FULL) == Config(
        "makemore-light", "bigrams", "logarithmic", "off", 20, keys, ("/a.txt", "/b.txt")
    )


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("theme = 'pink'", "theme"),
        ("theme = 3", "theme"),
        ("panel = 'lost'", "panel"),
        ("recent = 'a.txt'", "recent"),
        ("recent = [1]", "recent"),
        ("loss = 3", "loss"),
        ("[loss]\naxis = 'cubic'", "loss.axis"),
        ("[loss]\nsmoothing = 1", "loss.smoothing"),
        ("[loss]\nsmoothing = 'much'", "loss.smoothing"),
        ("runs = 3", "runs"),
        ("[runs]\nmost_megabytes = -1", "runs.most_megabytes"),
        ("[runs]\nmost_megabytes = 'much'", "runs.most_megabytes"),
        ("keys = []", "keys"),
        ("[keys]\nfly = 'f'", "keys.fly"),
        ("[keys]\npause = 3", "keys.pause"),
        ("[keys]\npause = ''", "keys.pause"),
        ("[keys]\npause = 'm'", "keys.pause"),
        ("[keys]\npause = 'p'\nmodel = 'p'", "keys."),
        ("theme = ", "TOML"),
    ],
)
def test_what_is_not_allowed_is_refused_in_one_sentence(read, path, text, key):
    with pytest.raises(UserError) as refused:
        read(text)
    sentence = str(refused.value)
    assert sentence.startswith(str(path))
    assert key in sentence
    assert "\n" not in sentence


def test_a_file_that_is_no_text_is_refused(read, path):
    path.parent.mkdir()
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="is not TOML"):
        read()


def test_two_keys_may_change_places(read):
    assert read("[keys]\nrestart = 'm'\nmodel = 'r'").keys == {"restart": "m", "model": "r"}


def test_what_is_remembered_is_read_again(read, path):
    remember(path, {"theme": "nord", "loss.axis": "logarithmic", "recent": ["/c.txt"]})
    assert read() == Config(theme="nord", axis="logarithmic", recent=("/c.txt",))


def test_comments_and_unknown_keys_stay(read, path):
    read(FULL)
    remember(path, {"theme": "nord", "loss.axis": "linear"})
    text = path.read_text()
    assert "# mine" in text
    assert "# as in the lecture" in text
    assert tomllib.loads(text) == {
        **tomllib.loads(FULL),
        "theme": "nord",
        "loss": {"axis": "linear", "smoothing": "off"},
    }


def test_a_failure_to_write_leaves_the_file_as_it_was(read, path, monkeypatch):
    read(FULL)

    def fail(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(UserError, match=r"could not be written: the disk is full"):
        remember(path, {"theme": "nord"})
    assert path.read_text() == FULL
    assert list(path.parent.iterdir()) == [path]


def test_recent_files_are_few_and_each_stands_once():
    assert with_recent(["a", "b"], "b") == ["b", "a"]
    assert len(with_recent([str(i) for i in range(20)], "x")) == 8


async def test_the_explorer_begins_as_it_says(explorer):
    config = Config("makemore-light", "splits", "logarithmic", keys={"pause": "p,f8"})
    async with explorer(config=config) as it:
        await it.until(lambda: it.chosen == "splits")
        assert it.app.theme == "makemore-light"
        assert "log loss" in it.painted()
        await it.press("p")
        await it.until(lambda: Pause() in it.engine.commands)
        it.app.exit()
        assert it.app.remembered == {}


async def test_a_key_that_was_moved_is_shown_where_it_is_now(explorer):
    async with explorer(config=Config(keys={"pause": "p", "rate-up": "f8"})) as it:
        await it.press("space", "p")
        await it.until(lambda: it.engine.commands)
        assert it.engine.commands == [Pause()]
        await it.press("question_mark")
        await it.until(lambda: isinstance(it.app.screen, HelpScreen))
        await it.until(lambda: "p  Pause training" in it.painted())
        names = [command.title for command in it.app.get_system_commands(it.screen)]
        assert "Pause  (p)" in names


async def test_what_was_changed_is_remembered(explorer):
    async with explorer() as it:
        await it.press("l", "tab")
        await it.until(lambda: it.chosen == "controls")
        it.app.theme = "nord"
        it.app.add_recent("/a.txt")
        await it.press("q")
        await it.until(lambda: it.app.remembered)
        assert it.app.remembered == {
            "panel": "controls",
            "loss.axis": "logarithmic",
            "theme": "nord",
            "recent": ["/a.txt"],
        }


async def test_the_help_says_what_each_setting_does_and_when(explorer):
    async with explorer(size=(120, 150)) as it:
        await it.press("question_mark")
        await it.until(lambda: isinstance(it.app.screen, HelpScreen))
        await it.until(lambda: "pull of the weights" in it.painted())
        shown = it.painted()
        assert "tanh units in the hidden layer; from the next" in shown
        assert "step, in place" in shown
        assert "begins a new run" in shown


def test_a_bad_configuration_ends_with_two_before_the_screen_opens(path):
    path.parent.mkdir()
    path.write_text("theme = 'pink'")
    program = (
        "import sys; sys.argv = ['makemore-tui']; sys.stdin.isatty = sys.stdout.isatty = lambda: 1;"
        "from makemore_tui.tui.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "MAKEMORE_TUI_CONFIG": str(path)},
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"makemore-tui: {path}: theme must be")
    assert done.stderr.count("\n") == 1
