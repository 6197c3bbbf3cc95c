"""What a run is carried away as: a script that reaches its losses, figures, a line."""

import contextlib
import csv
import io
import json
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from makemore_tui.core.dataset import Dataset
from makemore_tui.core.errors import UserError
from makemore_tui.core.export.figures import export_csv, export_json
from makemore_tui.core.export.files import export_state, write_export
from makemore_tui.core.export.picture import export_svg
from makemore_tui.core.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings
from makemore_tui.core.state_line import parse_state, state_line

SIZES_AND_OPTIMIZER = [
    (60, {"learning_rate": 0.05}),
    (90, {"batch_size": 96}),
    (120, {"optimizer": "adamw", "learning_rate": 0.01}),
    (150, {"hidden": 40, "context": 4}),
    (180, {"embedding": 4}),
    (210, {"hidden": 12}),
    (240, {"context": 2}),
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
    "counts": (
        ModelSettings(kind="ngram", order=3),
        TrainSettings(batch_size=500),
        [(3, {"smoothing": 0.1})],
        10,
    ),
    "neural": (
        ModelSettings(kind="neural-bigram", init="lecture"),
        TrainSettings(learning_rate=50, batch_size=0, weight_decay=0.01),
        [],
        60,
    ),
}


@pytest.fixture(scope="module")
def dataset(name_items, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "items.txt"
    path.write_text("\n".join(name_items[:1500]))
    return Dataset(path)


def run_of(dataset, name):
    model, train, edits, steps = RUNS[name]
    session = Session(dataset, model, train, seed=3)
    for step, changes in edits:
        session.train(step - session.step)
        session.edit(**changes)
    session.train(steps - session.step)
    return session


def assert_losses(session, printed):
    found = dict(re.findall(r"(?m)^(train|dev) loss ([\d.]+)$", printed))
    for split in ("train", "dev"):
        assert float(found[split]) == pytest.approx(session.evaluate(split).loss, abs=1e-3)


@pytest.mark.parametrize("name", RUNS)
def test_the_script_reaches_the_losses_of_the_run(dataset, tmp_path, name):
    session = run_of(dataset, name)
    write_export(session, "script", tmp_path / "run.py")
    words = [sys.executable, "-W", "ignore", str(tmp_path / "run.py")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert_losses(session, done.stdout)
    for check in (["check"], ["format", "--check"]):
        words = [sys.executable, "-m", "ruff", *check, "--isolated", str(tmp_path / "run.py")]
        checked = subprocess.run(words, capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout


def test_the_notebooks_cells_reach_them_too(dataset, tmp_path, monkeypatch):
    session = run_of(dataset, "neural")
    write_export(session, "notebook", tmp_path / "run.ipynb")
    monkeypatch.chdir(tmp_path)
    scope, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        for cell in json.loads((tmp_path / "run.ipynb").read_text())["cells"]:
            if cell["cell_type"] == "code":
                exec(cell["source"], scope)
    assert_losses(session, printed.getvalue())


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


def test_a_state_line_says_how_the_run_began(dataset):
    session = run_of(dataset, "lecture")
    name, unique, model, train, seed = parse_state(export_state(session))
    assert name == str(dataset.path)
    assert (unique, (model, train), seed) == (False, session.first_settings, 3)


@pytest.mark.parametrize("path", ["/a b/it's=3.txt", "/x/unique", "names", "/é/%20"])
@pytest.mark.parametrize("unique", [True, False])
def test_a_state_line_comes_back_and_needs_no_quotes(path, unique):
    model, train = ModelSettings(direct=True), TrainSettings(learning_rate=0.03, train_on="first-5")
    line = state_line(path, unique, model, train, 7)
    assert re.fullmatch(r"[\w./=%-]+", line, re.ASCII)
    assert parse_state(line) == (path, unique, model, train, 7)


@pytest.mark.parametrize(
    "line", ["", "seed=1", "names/hiden=3", "names/seed=x", "names/hidden=3/hidden=4"]
)
def test_a_bad_state_line_is_refused(line):
    with pytest.raises(UserError):
        parse_state(line)


def test_no_file_is_written_over(dataset, tmp_path):
    (tmp_path / "run.py").write_text("mine")
    with pytest.raises(UserError, match="already exists"):
        write_export(run_of(dataset, "counts"), "script", tmp_path / "run.py")
    assert [path.name for path in tmp_path.iterdir()] == ["run.py"]
    assert (tmp_path / "run.py").read_text() == "mine"


def test_the_picture_is_xml_with_a_point_for_each_dev_loss(dataset):
    session = run_of(dataset, "neural")
    session.evaluate("dev")
    picture = ElementTree.fromstring(export_svg(session))
    assert len(picture.findall("{http://www.w3.org/2000/svg}circle")) == 1
    with pytest.raises(UserError, match="no curve"):
        export_svg(Session(dataset))
