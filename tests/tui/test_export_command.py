"""The export command, and a run that a state line begins."""

import json
import re
import shutil
import sys

import pytest

from makemore_tui.core.constants import EXPORT_FORMS
from makemore_tui.core.export import files
from makemore_tui.tui.client.exporting import export_run, new_path
from tests.support.command_line import call


@pytest.fixture(name="run")
def _run():
    """Runs the program in this process: its exit code, output and errors."""

    def run(*words):
        done = call(*words)
        return done.code, done.out, done.err

    return run


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """The file of a run."""
    path = tmp_path_factory.mktemp("run") / "first.safetensors"
    words = ("--steps", 30, "--seed", 3, "--set", "hidden=4", "--set", "embedding=2")
    assert call("train", *words, "--out", path.with_suffix(""), "--json").code == 0
    return path


@pytest.fixture
def saved(first, tmp_path, monkeypatch):
    """A copy of it, alone in the present directory."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(first, tmp_path)
    return tmp_path / "first"


def test_a_script_is_named_after_the_run_with_its_words_beside_it(run, saved):
    code, out, _ = run("export", saved, "--as", "script", "--json")
    assert (code, json.loads(out)) == (0, {"as": "script", "files": ["names.txt", "first.py"]})
    assert (saved.parent / "names.txt").is_file()
    code, _, err = run("export", saved, "--as", "script")
    assert (code, err.count("\n")) == (2, 1)
    assert "first.py already exists" in err


@pytest.mark.parametrize(
    "form", [form for form in EXPORT_FORMS if form not in ("tensorboard", "png", "pdf")]
)
def test_a_dash_prints_it_and_writes_nothing(run, saved, form):
    code, out, _ = run("export", saved, "--as", form, "--out", "-")
    assert code == 0
    assert out
    assert [path.name for path in saved.parent.iterdir()] == ["first.safetensors"]


def test_another_form_is_refused(run, saved):
    code, _, err = run("export", saved, "--as", "word")
    assert code == 2
    assert (
        "the forms are script, notebook, csv, json, tensorboard, svg, png, pdf, html, spec" in err
    )


def test_the_command_knows_every_form():
    assert set(EXPORT_FORMS) == {*files._TEXTS, *files._FIGURES, "tensorboard", "html"}


def test_tensorboards_is_a_folder_and_another_file_is_not_written_over(run, saved):
    code, out, _ = run("export", saved, "--as", "tensorboard", "--json")
    assert (code, json.loads(out)["files"]) == (0, ["first-tensorboard"])
    assert (saved.parent / "first-tensorboard").is_dir()
    for words in ([], ["--out", "-"]):
        code, out, err = run("export", saved, "--as", "tensorboard", *words)
        assert (code, out, err.count("\n")) == (2, "", 1)


def test_without_tensorboard_one_sentence_says_how_to_have_it(run, saved, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    code, out, err = run("export", saved, "--as", "tensorboard")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "pip install 'makemore-tui[tensorboard]'" in err
    assert [path.name for path in saved.parent.iterdir()] == ["first.safetensors"]


@pytest.mark.parametrize("form", ["png", "pdf"])
def test_a_binary_form_is_written_and_never_printed(run, saved, form):
    code, out, err = run("export", saved, "--as", form, "--out", "-")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "can't be printed; name one with --out" in err
    assert run("export", saved, "--as", form)[0] == 0
    assert (saved.parent / f"first.{form}").stat().st_size > 1000


def test_the_old_name_of_a_form_is_known(run, saved):
    assert run("export", saved, "--as", "state") == run("export", saved, "--as", "spec")


def test_a_spec_begins_the_same_run(run, saved):
    line = run("export", saved, "--as", "spec")[1].strip()
    found = [
        json.loads(run("train", *words, "--json")[1])
        for words in (
            ("--state", line),
            ("--seed", 3, "--steps", 30, "--set", "hidden=4", "--set", "embedding=2"),
        )
    ]
    assert found[0]["train_loss"] == found[1]["train_loss"]


def test_a_state_line_stands_alone(run):
    code, _, err = run("train", "--state", "names/seed=3", "--seed", 4)
    assert code == 2
    assert "--seed can't be combined with it" in err


def test_the_explorer_exports_by_a_process_of_its_own_and_says_what_fails(saved):
    path = saved.with_suffix(".safetensors")
    saved.with_suffix(".json").write_text("taken")
    out = new_path("first", "json")
    assert out == saved.parent / "first-2.json"
    assert export_run(str(path), "json", out) == (f"Exported: {out}", False)
    assert '"hidden": 4' in out.read_text()
    path.write_text("{")
    said = export_run(str(path), "json", new_path("first", "json"))
    assert re.match(r"Not exported: /.*first.safetensors is damaged", said.text)
    assert said.is_warning
    assert not (saved.parent / "first-3.json").exists()
