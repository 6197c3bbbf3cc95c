"""How a file was read goes with the run: saved, spelled out, exported."""

import gzip
import runpy
import sys

import pytest

from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.errors import UserError
from makemore_tui.core.export import files
from makemore_tui.core.reading import Reading
from makemore_tui.core.run_spec import RunSpec
from makemore_tui.core.session.replay import replay
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings

NAMES = ["Zoë", "Jürgen", "Ærø", "க\u0bbf", "Ana"] * 4
READING = Reading(encoding="utf-16-le", column="first name", skip_long=True)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A run on a packed table in another encoding, with a line that is too long."""
    rows = ["id,first name", *(f"{i},{name}" for i, name in enumerate(NAMES)), "99," + "x" * 5000]
    path = tmp_path_factory.mktemp("data") / "people.csv.gz"
    path.write_bytes(gzip.compress("\r\n".join(rows).encode("utf-16-le")))
    model = ModelSettings(hidden=8)
    session = Session(Dataset.load(str(path), reading=READING), model, TrainSettings(steps=20))
    session.train(20)
    return session


def test_a_saved_run_opens_and_replays_with_its_reading(session, tmp_path):
    session.save(tmp_path / "run")
    opened = Session.load(tmp_path / "run")
    assert opened.dataset.reading == READING
    assert opened.dataset.notes == ("1 line longer than 1,000 characters left out",)
    assert replay(tmp_path / "run").identical


def test_a_spec_spells_the_reading_out(session):
    spec = RunSpec(str(session.dataset.path), reading=READING)
    assert "/encoding=utf-16-le/column=first%20name/skip_long=true/seed=1" in str(spec)
    assert RunSpec.parse(str(spec)) == spec
    line = files.export_spec(session)
    assert RunSpec.parse(line).reading == READING


def test_a_script_reads_the_items_beside_it(session, tmp_path, monkeypatch, capsys):
    out = tmp_path / "script.py"
    files.write_export(session, "script", out)
    items = tmp_path / "people-items.txt"
    assert items.read_text().splitlines() == NAMES
    monkeypatch.setattr(sys, "argv", [str(out)])
    runpy.run_path(str(out))
    assert "20 words, " in capsys.readouterr().out


def test_a_spec_has_the_bytes_of_a_file_s_name_that_are_no_text():
    spec = RunSpec("caf\udce9.txt")
    assert str(spec) == "caf%E9.txt/seed=1"
    assert RunSpec.parse(str(spec)) == spec


def test_a_spec_that_says_neither_true_nor_false_is_refused():
    with pytest.raises(UserError, match="skip_long must be true or false, not 'yes'"):
        RunSpec.parse("names/skip_long=yes")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are text")
def test_a_run_on_a_file_whose_name_is_no_text_opens(tmp_path):
    path = tmp_path / "caf\udce9.txt"
    path.write_text("\n".join(NAMES))
    Session(Dataset(path), ModelSettings(hidden=8)).save(tmp_path / "run")
    assert Session.load(tmp_path / "run").dataset.path == path
