"""The command line: its help, what it lists, what it refuses and how."""

import errno
import io
import re
import shlex
import sys
from types import SimpleNamespace

import pytest
import typer

from makemore_tui.core.presets import PRESETS
from makemore_tui.core.settings import SETTINGS
from makemore_tui.tui.cli import app as commands
from makemore_tui.tui.cli.app import app
from makemore_tui.tui.cli.explorer import _to_continue
from makemore_tui.tui.cli.main import main
from makemore_tui.tui.cli.start import plain_options
from tests.support.command_line import COMMANDS, DATA_KEYS, ITEMS, LONG, SMALL, Terminal

# Help


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(run, command):
    done = run(command, "--help")
    assert (done.code, done.err) == (0, "")
    assert "Example:" in done.out


def test_help_lists_the_commands_and_the_options_of_the_explorer(run):
    done = run("--help")
    assert done.code == 0
    assert all(command in done.out for command in COMMANDS)
    assert all(option in done.out for option in ("--preset", "--set", "--resume", "--version"))


def test_help_calls_types_by_plain_words(run):
    for words in ((), *((command,) for command in COMMANDS), ("runs",), ("runs", "remove")):
        shown = run(*words, "--help").out
        assert not re.search(r"<\w+|<=|INTEGER|FLOAT|TEXT RANGE|\[OPTIONAL\]", shown), shown


def test_the_version_is_told(run):
    done = run("--version")
    assert re.fullmatch(r"makemore-tui \d\S*, torch \d\S*, Python \d\S*\n", done.out)


def test_a_shell_completes_commands_options_values_and_runs(run, saved, monkeypatch):
    monkeypatch.setenv("MAKEMORE_TUI_RUNS", str(saved.path.parent))
    monkeypatch.setenv("_MAKEMORE_TUI_COMPLETE", "complete_bash")
    for line, word in (
        ("makemore-tui ev", "evaluate"),
        ("makemore-tui --pre", "--preset"),
        ("makemore-tui train --preset lec", "lecture"),
        ("makemore-tui train --set hid", "hidden="),
        ("makemore-tui sample fi", "first"),
        ("makemore-tui export first --as note", "notebook"),
        ("makemore-tui runs --sort d", "data\ndev"),
    ):
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(line.count(" ")))
        assert run().out.strip() == word


def test_settings_are_listed_with_limits_default_and_meaning(run, run_json, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    listed = run_json("settings")
    assert list(listed) == list(SETTINGS)
    assert all({"default", "allowed", "about"} <= set(one) for one in listed.values())
    hidden = listed["hidden"]
    assert (hidden["default"], hidden["low"], hidden["high"]) == (200, 1, 4096)
    words = " ".join(run("settings").out.split())
    assert "hidden 200 a whole number from 1 to 4,096 mlp: tanh" in words


@pytest.mark.parametrize("command", app.registered_commands, ids=COMMANDS)
def test_an_example_works_as_it_stands(run, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for line in (command.epilog or "").removeprefix("Example: ").split(" && "):
        program, *words = shlex.split(line)
        done = run(*words)
        assert program == "makemore-tui"
        if words[0] == "explore":
            assert "needs a terminal" in done.err
        else:
            assert (done.code, done.err) == (0, "")
            assert done.out


# data and presets


def test_data_lists_the_built_in_datasets(run, run_json):
    done = run("data")
    assert (done.code, done.err) == (0, "")
    assert all(name in done.out for name in ("names", "surnames", "words", "32,178"))
    listed = run_json("data")["datasets"]
    assert [set(one) for one in listed] == [DATA_KEYS] * 3
    assert [one["name"] for one in listed] == ["names", "surnames", "words"]


def test_data_shows_one(run, run_json):
    done = run("data", "names")
    assert (done.code, done.err) == (0, "")
    assert "32,178" in done.out
    one = run_json("data", "names")
    assert set(one) == DATA_KEYS
    assert set(one["examples"]) == {"train", "dev", "test"}
    assert set(one["seen"]) == {"dev", "test"}
    assert len(one["bigrams"]) == len(one["rarest"]) == 12
    assert one["first"][:5] == ["emma", "olivia", "ava", "isabella", "sophia"]
    assert all(item in done.out for item in one["first"])
    assert all(pair["pair"] in done.out for pair in [*one["bigrams"], *one["rarest"]])
    assert "32,033" in done.out


def test_data_shows_a_file(run, run_json, items):
    assert run_json("data", items)["path"] == str(items)
    done = run("data", items)
    assert done.code == 0
    assert "items.txt" in done.out


def test_presets_are_listed_with_all_their_settings(run, run_json):
    done = run("presets")
    assert (done.code, done.err) == (0, "")
    assert all(name in done.out for name in PRESETS)
    listed = run_json("presets")
    assert list(listed) == list(PRESETS)
    assert all(set(settings) == set(SETTINGS) for settings in listed.values())


# Text that looks like markup


@pytest.fixture
def markup(tmp_path):
    """A dataset of markup, in a file whose name is some, and a run of it."""
    file = tmp_path / "[red]x.txt"
    file.write_text("\n".join(["[/b]", "[b]x[/b]", "[/]", "\\[red]"] * 4))
    return SimpleNamespace(file=file, run=tmp_path / "[bold]run")


def test_markup_in_names_is_only_text(run, markup):
    done = run("data", markup.file)
    assert done.code == 0
    assert done.out.startswith("[red]x.txt")
    done = run("train", "--data", markup.file, "--preset", "bigram", "--out", markup.run)
    assert (done.code, done.err) == (0, "")
    assert "[bold]run" in done.out.replace("\n", "")


def test_markup_in_words_is_only_text(run, markup):
    run("train", "--data", markup.file, "--preset", "bigram", "--out", markup.run, "--json")
    done = run("evaluate", markup.run, "--word", "[/b]")
    assert (done.code, done.err) == (0, "")
    assert "[/b]" in done.out
    done = run("sample", markup.run, "--prefix", "[b]", out=Terminal())
    assert sum("[b]" in line for line in done.out.splitlines()) == 20
    done = run("sample", markup.run, "--prefix", "[b]")
    assert [line[:3] for line in done.out.splitlines()] == ["[b]"] * 20


# Refusals


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--preset", "nope"], "lecture"),
        (["--set", "nope=3"], "hidden"),
        (["--set", "hidden"], "name=value"),
        (["--set", "hidden="], "whole number"),
        (["--set", "hidden=many"], "whole number"),
        (["--set", "hidden=0"], "from 1 to 4,096"),
        (["--set", "learning_rate=nan"], "learning_rate"),
        (["--set", "kind=gpt"], "mlp"),
        (["--set", "train_on=first-0"], "first-N"),
    ],
)
@pytest.mark.parametrize("command", ["train", "explore"])
def test_settings_that_are_refused(refused, command, words, says):
    assert says in refused(command, *words)


def test_bad_data_is_refused(refused, tmp_path):
    assert "none.txt" in refused("train", "--data", tmp_path / "none.txt")
    assert "none.txt" in refused("data", tmp_path / "none.txt", "--json")
    assert str(tmp_path) in refused("data", tmp_path)
    (tmp_path / "few.txt").write_text("a\nb\n")
    assert "10" in refused("train", "--data", tmp_path / "few.txt", "--json")
    assert refused("data", LONG)


def test_an_existing_run_or_folder_is_never_written_over(refused, saved, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "makemore_tui.core.session.session.Session.train", None
    )  # must not come to that
    before = saved.path.read_bytes()
    assert "already exists" in refused("train", "--out", saved.path)
    assert "already exists" in refused("train", "--out", saved.path.with_suffix(""))
    assert saved.path.read_bytes() == before
    assert "already exists" in refused("train", "--out", tmp_path)


@pytest.mark.parametrize("name", ["file/run", LONG])
def test_a_file_that_cannot_be_is_refused_before_training(refused, tmp_path, monkeypatch, name):
    monkeypatch.setattr("makemore_tui.core.session.session.Session.train", None)
    (tmp_path / "file").write_text("")
    assert refused("train", "--out", tmp_path / name)


@pytest.mark.parametrize("command", ["sample", "evaluate"])
def test_what_is_no_run_is_refused(refused, command, tmp_path):
    assert "no such file" in refused(command, tmp_path / "none")
    assert "run.json" in refused(command, tmp_path, "--json")
    (tmp_path / "run.safetensors").write_text("{")
    assert "damaged" in refused(command, tmp_path / "run")
    assert refused(command, LONG)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-n", 0], "from 1 to"),
        (["-n", -5], "from 1 to"),
        (["-n", 10**9], "from 1 to"),
        (["--temperature", -1], "temperature"),
        (["--temperature", "nan"], "temperature"),
        (["--temperature", "inf"], "temperature"),
        (["--top-k", 0], "top-k"),
        (["--prefix", "xyz"], "'x'"),
        (["--prefix", "é"], "'é'"),
    ],
)
def test_samples_that_are_refused(refused, saved, words, says):
    assert says in refused("sample", saved.path, *words)


@pytest.mark.parametrize(
    ("words", "says"),
    [(["--split", "nope"], "train, dev, test"), (["--word", "Zoë"], "'Z'")],
)
def test_evaluations_that_are_refused(refused, saved, words, says):
    assert says in refused("evaluate", saved.path, *words)


def test_a_run_whose_dataset_has_changed_is_refused(run, refused, tmp_path):
    file = tmp_path / "items.txt"
    file.write_text("\n".join(ITEMS))
    run("train", "--data", file, "--steps", 1, *SMALL, "--out", tmp_path / "run")
    file.write_text("\n".join([*ITEMS, "anna"]))
    assert "has changed" in refused("sample", tmp_path / "run")
    file.unlink()
    assert "items.txt" in refused("evaluate", tmp_path / "run")


@pytest.mark.parametrize(
    "words",
    [
        ["nope"],
        ["train", "--nope"],
        ["--nope"],
        ["sample"],
        ["train", "--steps", "0"],
        ["train", "--steps", "many"],
        ["train", "--seed", "-1"],
        ["train", "--seed", str(2**70)],
        ["sample", "run", "-n", "many"],
        ["data", "names", "surnames"],
    ],
)
def test_words_that_make_no_command_are_refused(run, words):
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err
    assert done.err


@pytest.mark.parametrize("words", [[], ["explore"], ["--seed", "4"], ["--data", "surnames"]])
def test_the_explorer_without_a_terminal_names_what_works_without_one(refused, words):
    said = refused(*words)
    assert "needs a terminal" in said
    assert "`makemore-tui train`" in said


# The explorer


@pytest.fixture
def opened(monkeypatch):
    """The starts with which the explorer would have been opened."""
    starts = []
    monkeypatch.setattr("makemore_tui.tui.cli.explorer.check_terminal", lambda: None)
    note = lambda start, target=None: starts.append(start)  # noqa: E731
    monkeypatch.setattr("makemore_tui.tui.cli.explorer.run_explorer", note)
    monkeypatch.setattr("gc.disable", lambda: None)
    return starts


def test_without_words_the_explorer_opens_as_with_its_own_defaults(run, opened):
    for words in ((), ("explore",), ("--seed", 1)):
        done = run(*words)
        assert (done.code, done.out, done.err) == (0, "", "")
    first, *others = opened
    assert len(others) == 2
    assert all(other == first for other in others)
    assert (first.spec.dataset, first.spec.seed, first.paused) == ("names", 1, False)


PLAIN = [
    ["--data", "words", "--unique", "--seed=4"],
    ["--preset", "bigram", "--preset=lecture", "--run-dir", "somewhere"],
    ["--set", "hidden=5", "--set=context=2"],
    ["--spec", "names/seed=3"],
    ["--paused", "--speed=20"],
    ["--state=words/unique", "--set", "steps=9"],
]


@pytest.mark.parametrize("words", PLAIN)
def test_plain_options_open_the_explorer_without_typer_as_with_it(run, opened, monkeypatch, words):
    assert commands.run(["explore", *words]) == 0
    monkeypatch.setitem(sys.modules, "makemore_tui.tui.cli.app", None)  # can't be imported
    assert run(*words).code == 0
    assert run("explore", *words).code == 0
    with_typer, *without = opened
    assert without == [with_typer] * 2


def test_the_explorer_starts_paused_and_with_a_limit_of_its_speed(run, opened):
    assert run("--paused", "--speed", 20).code == 0
    assert (opened[0].paused, opened[0].speed_limit) == (True, 20)
    for wrong in ("0", "1000000"):
        done = run("--speed", wrong)
        assert (done.code, done.out) == (2, "")
        assert f"--speed must be a whole number from 1 to 999,999, not {wrong}" in done.err


def test_what_leaving_prints_goes_on_with_the_run(monkeypatch, tmp_path):
    monkeypatch.setenv("MAKEMORE_TUI_RUNS", str(tmp_path))
    said = _to_continue(tmp_path / "my run.safetensors", tmp_path)
    assert said == "Saved as my run · makemore-tui --resume 'my run' to continue"
    said = _to_continue(tmp_path / "b" / "run.safetensors", tmp_path)
    assert said == f"Saved as run · makemore-tui --resume {tmp_path}/b/run.safetensors to continue"
    said = _to_continue(tmp_path / "b" / "run.safetensors", tmp_path / "b")
    assert said == f"Saved as run · makemore-tui --run-dir {tmp_path}/b --resume run to continue"


def test_every_option_of_the_explorer_is_known_without_typer():
    parameters = vars(typer.main.get_command(app))["commands"]["explore"].params
    known = {name for one in parameters for name in one.opts if plain_options([name, "1"])}
    others = {"--unique", "--skip-long", "--paused", "--version"}
    assert known | others == {name for one in parameters for name in one.opts}
    assert plain_options(["--unique"]) == {"--unique": True}


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["-h"],
        ["names"],
        ["--seed"],
        ["--seed="],
        ["--seed", "many"],
        ["--seed", "-1"],
        ["--seed", "9" * 19],
        ["--uni"],
        ["--unique=1"],
        ["--pre", "bigram"],
        ["--data", "--unique"],
    ],
)
def test_what_is_not_plain_is_left_to_typer(words):
    assert plain_options(words) is None


@pytest.mark.parametrize("option", ["--spec", "--state"])
def test_a_spec_says_how_the_explorer_begins(run, opened, option):
    assert run(option, "words/unique/seed=3/hidden=50", "--set", "steps=9").code == 0
    (start,) = opened
    assert (start.spec.dataset, start.spec.unique, start.spec.seed) == ("words", True, 3)
    assert (start.spec.model.hidden, start.spec.train.steps) == (50, 9)


def test_a_saved_run_is_opened_paused(run, opened, saved):
    assert run("--resume", saved.path).code == 0
    (start,) = opened
    assert (start.resume, start.paused) == (str(saved.path), True)


@pytest.mark.parametrize(
    ("words", "option"),
    [(("--set", "hidden=3"), "--set"), (("--seed", 3), "--seed"), (("--spec", "words"), "--spec")],
)
def test_a_saved_run_has_settings_of_its_own(refused, opened, saved, words, option):
    assert option in refused("--resume", saved.path, *words)
    assert not opened


@pytest.mark.parametrize("words", [["--target", "2.17"], ["explore", "--target", "2.17"]])
def test_the_target_reaches_the_loss_plot(run, opened, monkeypatch, words):
    targets = []
    monkeypatch.setattr(
        "makemore_tui.tui.cli.explorer.run_explorer",
        lambda start, wanted: targets.append(wanted["loss.target"]),
    )
    assert run(*words).code == 0
    assert targets == [2.17]


@pytest.mark.parametrize("target", ["0", "nan", "101"])
def test_what_is_no_loss_is_no_target(run, opened, target):
    result = run("--target", target)
    assert result.code == 2
    assert "--target must be a loss between 0 and 100 nats, not" in result.err


class FullDisk(io.StringIO):
    def write(self, text):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_bad_input_has_its_exit_code_where_the_sentence_cannot_be_written(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["makemore-tui", "nonsense"])
    monkeypatch.setattr(sys, "stderr", FullDisk())
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
