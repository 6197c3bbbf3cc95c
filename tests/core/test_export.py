"""What a run is carried away as: a script that reaches its losses, figures, a line."""

import ast
import contextlib
import csv
import io
import json
import re
import runpy
import subprocess
import sys

import nbformat
import pytest
import torch

from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.errors import UserError
from makemore_tui.core.export.files import export_spec, export_text, write_export
from makemore_tui.core.export.records import export_csv, export_json
from makemore_tui.core.results import EmbeddingMap
from makemore_tui.core.run_spec import RunSpec
from makemore_tui.core.runs.state import RunState
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings
from makemore_tui.core.training import dropout

SIZES_AND_OPTIMIZER = [
    (60, {"learning_rate": 0.05}),
    (90, {"batch_size": 96}),
    (120, {"optimizer": "adamw", "learning_rate": 0.01}),
    (150, {"hidden": 40, "context": 4}),
    (180, {"embedding": 4}),
    (210, {"hidden": 12}),
    (240, {"context": 2}),
]
EVERY_SETTING = [
    (20, {"schedule": "step"}),
    (40, {"train_on": "all"}),
    (60, {"batch_size": 0}),
    (63, {"batch_size": 100, "train_on": "train"}),
    (80, {"embedding": 3, "hidden": 10}),
    (100, {"context": 5, "embedding": 6, "hidden": 20}),
    (120, {"optimizer": "sgd", "learning_rate": 0.1, "dropout": 0.3}),
    (140, {"weight_decay": 0.02, "dropout": 0.0}),
    (160, {"context": 2, "steps": 180}),
    (170, {"schedule": "cosine", "train_on": "first-300"}),
    (180, {"optimizer": "adamw", "schedule": "constant", "learning_rate": 0.01}),
]
ADAMW = {"batch_size": 64, "optimizer": "adamw", "learning_rate": 0.01, "weight_decay": 0.05}
RUNS = {
    "lecture": (
        ModelSettings(init="lecture", hidden=24, embedding=6),
        TrainSettings(),
        SIZES_AND_OPTIMIZER,
        280,
    ),
    "dropout": (
        ModelSettings(hidden=30),
        TrainSettings(**ADAMW, schedule="cosine", steps=300, dropout=0.2),
        [(150, {"hidden": 40})],
        300,
    ),
    "contexts": (
        ModelSettings(hidden=30, context=4),
        TrainSettings(**ADAMW, dropout=0.2, minibatches="contexts"),
        [
            (60, {"batch_size": 100}),
            (90, {"context": 5}),
            (120, {"minibatches": "examples"}),
            (150, {"minibatches": "contexts", "train_on": "all"}),
            (180, {"batch_size": 0}),
            (183, {"batch_size": 40, "dropout": 0.0}),
        ],
        230,
    ),
    "counts": (
        ModelSettings(kind="ngram", order=3),
        TrainSettings(batch_size=500),
        [(3, {"smoothing": 0.1})],
        10,
    ),
    "kneser-ney": (
        ModelSettings(kind="ngram", order=2),
        TrainSettings(batch_size=500, smoothing_method="kneser-ney"),
        [(3, {"order": 4})],
        9,
    ),
    "mixed": (
        ModelSettings(hidden=20, embedding=5),
        TrainSettings(mix=0.2, mix_order=6),
        [(100, {"mix": "auto", "mix_order": 5})],
        200,
    ),
    "neural": (
        ModelSettings(kind="neural-bigram", init="lecture"),
        TrainSettings(learning_rate=50, batch_size=0, weight_decay=0.01),
        [],
        60,
    ),
    "every setting": (
        ModelSettings(direct=True, hidden=16, embedding=5),
        TrainSettings(
            learning_rate=0.01,
            optimizer="adamw",
            schedule="linear",
            steps=200,
            train_on="first-200",
        ),
        EVERY_SETTING,
        190,
    ),
    "first items": (
        ModelSettings(direct=True, hidden=8, embedding=2, init="lecture"),
        TrainSettings(batch_size=0, schedule="linear", steps=50, train_on="first-40"),
        [],
        60,
    ),
    "step": (
        ModelSettings(kind="neural-bigram"),
        TrainSettings(learning_rate=1, schedule="step", steps=100, optimizer="adamw"),
        [(20, {"learning_rate": 0.5, "weight_decay": 0.1})],
        80,
    ),
    "unigram": (
        ModelSettings(kind="ngram", order=1),
        TrainSettings(batch_size=0, smoothing=0.0, train_on="all"),
        [],
        1,
    ),
    "counts of the first": (
        ModelSettings(kind="ngram", order=2),
        TrainSettings(batch_size=50, smoothing=0.01, train_on="first-100"),
        [],
        4,
    ),
}


@pytest.fixture(scope="module")
def dataset(name_items, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "items.txt"
    path.write_text("\n".join(name_items[:1500]))
    return Dataset(path)


def run_of(dataset, name, **versions):
    model, train, edits, steps = RUNS[name]
    session = Session.from_state(RunState.first(dataset, model, train, 3, **versions))
    for step, changes in edits:
        session.train(step - session.step)
        session.edit(**changes)
    session.train(steps - session.step)
    return session


def assert_losses(session, printed):
    found = dict(re.findall(r"(?m)^(train|dev) loss ([\d.]+)$", printed))
    for split in ("train", "dev"):
        assert float(found[split]) == pytest.approx(session.evaluate(split).loss, abs=1e-3)


def printed_by(script, monkeypatch):
    """What a script prints, run in this process, where torch is loaded already."""
    monkeypatch.setattr(sys, "argv", [str(script)])
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        runpy.run_path(str(script), run_name="__main__")
    return printed.getvalue()


@pytest.mark.parametrize("name", RUNS)
def test_the_script_reaches_the_losses_of_the_run(dataset, tmp_path, monkeypatch, name):
    session = run_of(dataset, name)
    write_export(session, "script", tmp_path / "run.py")
    assert_losses(session, printed_by(tmp_path / "run.py", monkeypatch))
    for check in (["check"], ["format", "--check"]):
        words = [sys.executable, "-m", "ruff", *check, "--isolated", str(tmp_path / "run.py")]
        checked = subprocess.run(words, capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("version", [1, 2])
def test_the_script_draws_the_masks_of_the_runs_version(dataset, tmp_path, monkeypatch, version):
    monkeypatch.setattr(dropout, "VERSION", version)
    session = run_of(dataset, "dropout")
    write_export(session, "script", tmp_path / "run.py")
    assert_losses(session, printed_by(tmp_path / "run.py", monkeypatch))


def test_the_script_draws_the_weights_of_the_runs_version(dataset, tmp_path, monkeypatch):
    old, new = (run_of(dataset, "first items", init_version=version) for version in (1, 2))
    assert old.evaluate("train").loss != pytest.approx(new.evaluate("train").loss, abs=0.1)
    write_export(old, "script", tmp_path / "run.py")
    assert_losses(old, printed_by(tmp_path / "run.py", monkeypatch))


def test_the_script_reads_the_items_as_the_run_did(write, tmp_path, monkeypatch):
    items = [f"{start}{end}" for start in ("a.", "é", "e\u0301", " b'") for end in 'xy"\\zé'] * 2
    dataset = Dataset(write("\ufeff" + "\r\n\n".join(items)), unique=True)
    session = Session(dataset, ModelSettings(hidden=4, embedding=2))
    session.train(20)
    write_export(session, "script", tmp_path / "run.py")
    assert_losses(session, printed_by(tmp_path / "run.py", monkeypatch))


def test_a_longer_script_of_the_default_model_reaches_them_too(names, tmp_path, monkeypatch):
    session = Session(names, seed=3)
    for changes in ({"hidden": 250}, {"learning_rate": 0.03}, {"optimizer": "adamw"}):
        session.train(150)
        session.edit(**changes, **({"learning_rate": 0.003} if "optimizer" in changes else {}))
    session.train(150)
    write_export(session, "script", tmp_path / "run.py")
    assert_losses(session, printed_by(tmp_path / "run.py", monkeypatch))


def test_the_script_stands_alone(dataset, tmp_path):
    session = run_of(dataset, "neural")
    write_export(session, "script", tmp_path / "run.py")
    words = [sys.executable, "-I", "-W", "ignore", "run.py"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert_losses(session, done.stdout)


@pytest.mark.parametrize("name", ["every setting", "counts"])
def test_the_script_imports_torch_and_what_comes_with_python(dataset, tmp_path, name):
    write_export(run_of(dataset, name), "script", tmp_path / "run.py")
    found = set()
    for node in ast.walk(ast.parse((tmp_path / "run.py").read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    assert found - set(sys.stdlib_module_names) == {"torch"}


def test_a_runs_name_is_no_code(dataset):
    text = export_text(run_of(dataset, "unigram"), "script", "a\nimport os\n#")
    assert not [line for line in text.splitlines() if line.startswith("import os")]


@pytest.mark.parametrize("name", ["every setting", "dropout", "unigram"])
def test_the_notebook_is_valid_and_every_cell_of_code_has_words_before_it(dataset, name):
    session = run_of(dataset, name)
    notebook = nbformat.reads(export_text(session, "notebook", "run"), as_version=4)
    nbformat.validate(notebook)
    kinds = [cell.cell_type for cell in notebook.cells]
    assert kinds == ["markdown", "code"] * (len(kinds) // 2)
    for cell in notebook.cells:
        assert cell.source.strip()


@pytest.mark.parametrize("name", ["neural", "every setting"])
def test_the_notebooks_cells_reach_them_too(dataset, tmp_path, monkeypatch, name):
    session = run_of(dataset, name)
    write_export(session, "notebook", tmp_path / "run.ipynb")
    monkeypatch.chdir(tmp_path)
    scope, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        for cell in json.loads((tmp_path / "run.ipynb").read_text())["cells"]:
            if cell["cell_type"] == "code":
                exec(cell["source"], scope)
    assert_losses(session, printed.getvalue())
    plt = scope["plt"]
    drawn = [plt.figure(number).axes[0] for number in plt.get_fignums()]
    plt.close("all")
    losses, (steps, means) = scope["losses"], drawn[0].lines[0].get_data()
    assert means.mean() == pytest.approx(sum(losses) / len(losses), abs=0.05)
    assert steps[-1] < len(losses)
    assert len(drawn) == 1 + (name != "neural")
    for axes in drawn[1:]:  # the embedding
        assert [text.get_text() for text in axes.texts] == session.dataset.vocabulary.labels()
        found = session.embedding_map()
        assert isinstance(found, EmbeddingMap)
        points = torch.tensor(found.points)  # up to their signs
        places = torch.tensor(axes.collections[0].get_offsets().tolist())
        torch.testing.assert_close(places.abs(), points.abs(), rtol=0, atol=0.02)


def test_the_csv_has_each_step_with_its_rate(dataset):
    session = run_of(dataset, "lecture")
    rows = list(csv.DictReader(io.StringIO(export_csv(session))))
    assert [int(row["step"]) for row in rows] == list(range(1, 281))
    assert [float(row["learning_rate"]) for row in rows[59:62]] == [0.1, 0.05, 0.05]


def test_the_json_has_the_journal_and_adds_no_dev_loss_to_the_run(dataset):
    session = run_of(dataset, "dropout")
    record = json.loads(export_json(session))
    assert record["journal"] == [{"step": 150, "changes": {"hidden": 40}}]
    assert session.dev_losses.points == []


def test_a_state_line_has_the_settings_of_the_run(dataset):
    session = run_of(dataset, "lecture")
    settings = session.model_settings, session.train_settings
    assert RunSpec.parse(export_spec(session)) == RunSpec(str(dataset.path), False, *settings, 3)


@pytest.mark.parametrize("path", ["/a b/it's=3.txt", "/x/unique", "names", "/é/%20"])
@pytest.mark.parametrize("unique", [True, False])
def test_a_state_line_comes_back_and_needs_no_quotes(path, unique):
    model, train = ModelSettings(direct=True), TrainSettings(learning_rate=0.03, train_on="first-5")
    spec = RunSpec(path, unique, model, train, 7)
    assert re.fullmatch(r"[\w./=%-]+", str(spec), re.ASCII)
    assert RunSpec.parse(str(spec)) == spec
    assert eval(repr(spec)) == spec


@pytest.mark.parametrize(
    "line", ["", "seed=1", "names/hiden=3", "names/seed=x", "names/hidden=3/hidden=4"]
)
def test_a_bad_state_line_is_refused(line):
    with pytest.raises(UserError):
        RunSpec.parse(line)


def test_no_file_is_written_over(dataset, tmp_path):
    (tmp_path / "run.py").write_text("mine")
    with pytest.raises(UserError, match="already exists"):
        write_export(run_of(dataset, "counts"), "script", tmp_path / "run.py")
    assert [path.name for path in tmp_path.iterdir()] == ["run.py"]
    assert (tmp_path / "run.py").read_text() == "mine"


@pytest.mark.parametrize("name", ["a\nimport os\n#.txt", "a\rb.txt", "\x1b[31m.txt", "\u202e.txt"])
@pytest.mark.parametrize("form", ["script", "notebook"])
def test_a_data_files_name_is_no_code(name_items, tmp_path, name, form):
    (tmp_path / name).write_text("\n".join(name_items[:200]))
    session = Session(Dataset(tmp_path / name), ModelSettings(kind="ngram"))
    lines = export_text(session, form, "run").splitlines()
    assert all(line.isprintable() for line in lines)
    assert not [line for line in lines if line.startswith("import os")]


def test_a_form_that_there_is_not_is_refused(dataset, tmp_path):
    with pytest.raises(UserError, match="there is no form 'docx'; the forms are script"):
        write_export(run_of(dataset, "counts"), "docx", tmp_path / "run")


@pytest.mark.parametrize("form", ["script", "csv"])
def test_a_place_that_can_not_be_is_refused(dataset, tmp_path, form):
    with pytest.raises(UserError, match=r"can't be (read|written): File name too long"):
        write_export(run_of(dataset, "counts"), form, tmp_path / ("x" * 300) / "run.py")


def test_other_words_where_the_script_wants_its_own_are_not_written_over(tmp_path):
    (tmp_path / "names.txt").write_text("mine")
    session = Session(Dataset.load("names"), ModelSettings(kind="ngram"))
    with pytest.raises(UserError, match=r"names\.txt already exists with other contents"):
        write_export(session, "script", tmp_path / "run.py")
    assert [path.name for path in tmp_path.iterdir()] == ["names.txt"]
    assert (tmp_path / "names.txt").read_text() == "mine"
