"""The configuration: what it may hold, what it does, and how it is written."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from makemore_tui.core.errors import UserError
from makemore_tui.core.worker.protocol import Pause
from makemore_tui.tui.config import Config, config_path, read_config, with_recent, write_changes
from makemore_tui.tui.keymap import KEYS
from makemore_tui.tui.keys import key_name
from makemore_tui.tui.screens.help import HelpScreen
from makemore_tui.tui.style import themes

KEYS_BY_ID = {key.id: key.keys for key in KEYS}
FULL = """# mine
theme = "makemore-light"
panel = "bigrams"
panels = ["embedding", "probe"]
zoomed = true
welcome = false
recent = ["/a.txt", "/b.txt"]

[loss]
axis = "logarithmic" # as in the lecture
steps = "logarithmic"
smoothing = "off"
part = "last tenth"
baselines = ["bigram", "trigram"]

[bigrams]
values = "difference"
order = "frequency"

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
        return read_config(path, themes.NAMES, KEYS_BY_ID)

    return read


def test_the_variable_says_where_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("MAKEMORE_TUI_CONFIG", str(tmp_path / "mine.toml"))
    assert config_path() == tmp_path / "mine.toml"
    monkeypatch.setenv("MAKEMORE_TUI_CONFIG", "~no-such-user/mine.toml")
    assert config_path() == Path("~no-such-user/mine.toml")
    monkeypatch.delenv("MAKEMORE_TUI_CONFIG")
    assert config_path().parts[-2:] == ("makemore-tui", "config.toml")


def test_without_a_file_nothing_is_set(read):
    assert read() == Config()


def test_all_of_it_is_read(read):
    config = read(FULL)
    assert config.keys == {"pause": "p", "rate-up": "+,f8", "hidden-up": "="}
    assert config.values == {
        "theme": "makemore-light",
        "panel": "bigrams",
        "panels": ["embedding", "probe"],
        "zoomed": True,
        "welcome": False,
        "recent": ["/a.txt", "/b.txt"],
        "loss.axis": "logarithmic",
        "loss.steps": "logarithmic",
        "loss.smoothing": "off",
        "loss.part": "last tenth",
        "loss.baselines": ["bigram", "trigram"],
        "bigrams.values": "difference",
        "bigrams.order": "frequency",
        "runs.most_megabytes": 20,
    }


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
        ("themee = 'nord'", "themee"),
        ("[lossy]\naxis = 'linear'", "lossy"),
        ("[loss]\naxs = 'linear'", "loss.axs"),
        ("panels = 'probe'", "panels"),
        ("panels = ['lost']", "panels"),
        ("zoomed = 1", "zoomed"),
        ("welcome = 'no'", "welcome"),
        ("[loss]\nreferences = ['5-gram']", "loss.baselines"),
        ("[loss]\npart = 'half'", "loss.part"),
        ("[bigrams]\nvalues = 'all'", "bigrams.values"),
        ("[keys]\npause = 'spce'", "keys.pause: 'spce' is no key"),
        ("[keys]\npause = 'p,pp'", "keys.pause: 'pp' is no key"),
        ("[keys]\npause = 'ctrl+p'", "the command palette"),
        ("[keys]\npause = 'shift+b'", "keys.pause"),
        ("recent = " + "[" * 5000, "is not TOML"),
    ],
)
def test_what_is_not_allowed_is_refused_in_one_sentence(read, path, text, key):
    with pytest.raises(UserError) as refused:
        read(text)
    sentence = str(refused.value)
    assert sentence.startswith(str(path))
    assert key in sentence
    assert "\n" not in sentence


def test_old_names_are_understood_and_go_when_they_are_written_anew(read, path):
    old = "panel = 'controls'\npanels = ['controls', 'probe']\n[loss]\nreferences = ['bigram']"
    assert read(old).values == {
        "panel": "settings",
        "panels": ["settings", "probe"],
        "loss.baselines": ["bigram"],
    }
    write_changes(path, {"loss.baselines": ["trigram"], "panel": "settings"})
    assert "references" not in path.read_text()
    assert read().get("loss.baselines") == ["trigram"]
    assert read().get("panel") == "settings"


def test_a_file_that_is_no_text_is_refused(read, path):
    path.parent.mkdir()
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="is not TOML"):
        read()


def test_two_keys_may_change_places(read):
    assert read("[keys]\nrestart = 'm'\nmodel = 'r'").keys == {"restart": "m", "model": "r"}


@pytest.mark.parametrize(
    ("sign", "name"),
    [
        ("[", "left_square_bracket"),
        ("+", "plus"),
        ("F8", "f8"),
        ("shift+z", "Z"),
        ("Ctrl+S", "ctrl+s"),
        ("left_square_bracket", "left_square_bracket"),
        ("shift+tab", "shift+tab"),
        ("é", "é"),
        ("enterr", None),
        ("shft+a", None),
    ],
)
def test_keys_are_known_by_the_names_that_textual_has(sign, name):
    assert key_name(sign) == name


def test_every_key_of_ours_has_its_own_name():
    keys = [key for keys in KEYS_BY_ID.values() for key in keys.split(",")]
    assert [key_name(key) for key in keys] == keys


def test_what_is_remembered_is_read_again(read, path):
    values = {"theme": "nord", "loss.axis": "logarithmic", "recent": ["/c.txt"], "zoomed": True}
    write_changes(path, values)
    assert read() == Config(values)


def test_a_mark_of_utf_8_is_no_part_of_the_file(read, path):
    path.parent.mkdir()
    path.write_bytes(b"\xef\xbb\xbftheme = 'nord'\n")
    assert read().get("theme") == "nord"
    write_changes(path, {"zoomed": True})
    assert read().values == {"theme": "nord", "zoomed": True}


def test_what_is_no_plain_file_is_refused_and_left(read, path):
    path.parent.mkdir()
    os.mkfifo(path)
    with pytest.raises(UserError, match="not a regular file"):
        read()
    with pytest.raises(UserError, match="not a regular file"):
        write_changes(path, {"theme": "nord"})
    assert path.is_fifo()


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_the_files_rights_stay(read, path, mode):
    read(FULL)
    path.chmod(mode)
    write_changes(path, {"theme": "nord"})
    assert path.stat().st_mode & 0o777 == mode


def test_a_file_that_may_not_be_written_is_left_as_it_is(read, path, monkeypatch):
    read(FULL)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write whatever the rights are
    with pytest.raises(UserError, match="could not be written: no permission to write"):
        write_changes(path, {"theme": "nord"})
    assert path.read_text() == FULL


def test_a_file_that_has_become_another_meanwhile_is_left_as_it_is(read, path):
    path.parent.mkdir(exist_ok=True)
    path.write_text("loss = 3")
    with pytest.raises(UserError, match="the present file is invalid"):
        write_changes(path, {"loss.axis": "linear"})
    assert path.read_text() == "loss = 3"


def test_comments_stay(read, path):
    read(FULL)
    write_changes(path, {"theme": "nord", "loss.axis": "linear"})
    text = path.read_text()
    assert "# mine" in text
    assert "# as in the lecture" in text
    assert tomllib.loads(text) == {
        **tomllib.loads(FULL),
        "theme": "nord",
        "loss": {**tomllib.loads(FULL)["loss"], "axis": "linear"},
    }


def test_a_failure_to_write_leaves_the_file_as_it_was(read, path, monkeypatch):
    read(FULL)

    def fail(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(UserError, match="can't be written: the disk is full"):
        write_changes(path, {"theme": "nord"})
    assert path.read_text() == FULL
    assert list(path.parent.iterdir()) == [path]


def test_recent_files_are_few_and_each_stands_once():
    assert with_recent(["a", "b"], "b") == ["b", "a"]
    assert len(with_recent([str(i) for i in range(20)], "x")) == 8


CHANGED = {
    "theme": "makemore-light",
    "panel": "health",
    "panels": ["embedding", "probe", "health"],
    "zoomed": False,
    "loss.axis": "logarithmic",
    "loss.steps": "logarithmic",
    "loss.smoothing": "strong",
    "loss.part": "last tenth",
    "loss.baselines": ["unigram", "bigram", "trigram", "4-gram", "Kneser-Ney", "floor"],
    "bigrams.values": "counted",
    "bigrams.order": "frequency",
}


async def test_the_explorer_begins_as_it_says(explorer):
    async with explorer(config=Config(CHANGED, keys={"pause": "p,f8"})) as it:
        await it.until(lambda: it.chosen == "health")
        assert set(it.shown_panels) == {"loss", "settings", "embedding", "probe", "health"}
        assert it.app.theme == "makemore-light"
        said = "last tenth · log-log · smooth"
        await it.until(lambda: said in it.painted() and "uniform" not in it.painted())
        await it.press("p")
        await it.until(lambda: Pause() in it.engine.commands)
        await it.press("3")
        await it.until(lambda: "3 Bigrams · counted" in it.painted())
        await it.until(lambda: " z y x w v u " in it.painted())  # by frequency
        await it.press("8", "6", "7", "8")
        await it.until(lambda: it.chosen == "health")
        it.app.exit()
        assert it.app.changes == {}


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (200, 60)])
async def test_a_panel_may_begin_zoomed(explorer, size):
    config = Config({"panel": "names", "zoomed": True})
    async with explorer(config=config, size=size) as it:
        await it.until(lambda: it.chosen == "names")
        await it.until(lambda: it.shown_panels == ["names"])


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
        await it.press("l", "L", "y", "a", "e", "v", "O", "6", "7", "8")
        await it.until(lambda: it.chosen == "health")
        it.app.theme = "makemore-light"
        it.app.add_recent("/a.txt")
        await it.press("q")
        await it.until(lambda: it.app.changes)
        was_changed = CHANGED.keys() - {"zoomed"}
        assert it.app.changes == {name: CHANGED[name] for name in was_changed} | {
            "recent": ["/a.txt"]
        }


async def test_a_baseline_is_shown_or_hidden_by_its_name_in_the_palette(explorer):
    async with explorer(size=(120, 40)) as it:
        await it.until(lambda: "uniform" in it.text("loss"))
        commands = {one.title: one for one in it.app.get_system_commands(it.screen)}
        await commands["Baseline: uniform"].callback()
        await it.until(lambda: "uniform" not in it.text("loss"))
        await commands["Baseline: uniform"].callback()
        await it.until(lambda: "uniform" in it.text("loss"))
        assert [title for title in commands if title in ("Quit", "Keys", "Maximize")] == []


async def test_wherever_a_key_is_named_it_is_the_one_that_was_moved(explorer):
    keys = {"test": "T", "model": "M", "probe": "f9", "undo": "f5", "worker": "f6", "help": "h"}
    async with explorer(config=Config(keys=keys)) as it:
        await it.until(lambda: "press T" in it.text("splits"))
        assert it.value("model").endswith("M")
        await it.press("7")
        await it.until(lambda: "f9 to type" in it.painted())
        await it.press("=", "f5")
        await it.until(lambda: "Undid hidden 250" in it.notice)
        await it.press("M")
        await it.until(lambda: "f5 brings the MLP back" in it.notice)
        await it.press("h")
        await it.until(lambda: isinstance(it.app.screen, HelpScreen))
        await it.press("h")
        await it.until(lambda: it.app.screen is it.screen)


async def test_the_help_says_what_each_setting_does_and_when(explorer):
    async with explorer(size=(120, 300)) as it:
        await it.press("question_mark")
        await it.until(lambda: isinstance(it.app.screen, HelpScreen))
        await it.until(lambda: "pull of the weights" in it.painted())
        shown = it.painted()
        assert "tanh units in the hidden layer; from the next" in shown
        assert "step, weights kept" in shown
        assert "; a new run" in shown


def test_a_bad_configuration_ends_with_two_before_the_screen_opens(path):
    path.parent.mkdir()
    path.write_text("theme = 'pink'")
    program = (
        "import sys; sys.argv = ['makemore-tui']; sys.stdin.isatty = sys.stdout.isatty = lambda: 1;"
        "from makemore_tui.tui.cli.main import main; main()"
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
