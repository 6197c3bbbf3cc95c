"""Runs saved in format 2 by an earlier version: they open, resume and replay as they did."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from makemore_tui.core.errors import UserError
from makemore_tui.core.runs.catalog import remove, saved_runs
from makemore_tui.core.runs.checkpoint import read
from makemore_tui.core.runs.header import read_record
from makemore_tui.core.session.replay import replay
from makemore_tui.core.session.session import Session

FIXTURES = Path(__file__).parents[1] / "fixtures" / "format2"
EXPECTED = json.loads((FIXTURES / "expected.json").read_text())  # after 25 more steps


@pytest.mark.parametrize("name", EXPECTED)
def test_a_run_opens_and_trains_on_to_the_loss_it_had_then(name):
    session = Session.load(FIXTURES / name)
    assert session.dropout_version == 1
    session.train(25)
    assert session.step == EXPECTED[name]["step"]
    assert session.evaluate("dev").loss == pytest.approx(EXPECTED[name]["dev"], abs=1e-12)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_run_replays_bit_for_bit(name):
    done = replay(FIXTURES / name)
    assert done.identical, done.largest_difference


@pytest.mark.parametrize("name", EXPECTED)
def test_a_run_that_is_saved_again_is_the_same_run_in_the_new_format(name, tmp_path):
    session = Session.load(FIXTURES / name)
    session.save(tmp_path / name)
    again = Session.load(tmp_path / name)
    assert read_record(tmp_path / name).format == 4
    assert again.dropout_version == 1
    assert again.journal == session.journal
    assert again.dev_losses.points == session.dev_losses.points
    assert torch.equal(again.train(25), session.train(25))
    assert again.evaluate("dev").loss == pytest.approx(EXPECTED[name]["dev"], abs=1e-12)


def test_a_new_run_in_such_a_session_chooses_dropout_masks_the_new_way():
    session = Session.load(FIXTURES / "mlp")
    session.timeline.restart()
    assert session.dropout_version == 2
    session.timeline.undo()
    assert session.dropout_version == 1


def test_folders_are_listed_and_removed_as_files_are(tmp_path):
    for name in EXPECTED:
        shutil.copytree(FIXTURES / name, tmp_path / name)
    runs = {run.name: run for run in saved_runs(tmp_path)}
    assert runs.keys() == EXPECTED.keys()
    assert (runs["mlp"].problem, runs["mlp"].steps, runs["mlp"].path) == (
        None,
        EXPECTED["mlp"]["step"] - 25,
        tmp_path / "mlp",
    )
    remove(tmp_path, ["mlp"])
    assert not (tmp_path / "mlp").exists()


def test_a_file_left_by_a_killed_writer_counts(tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(FIXTURES / "mlp", folder)
    (folder / ".next").mkdir()
    (folder / "run.json").rename(folder / ".next" / "run.json")
    (folder / ".next.partial-x").mkdir()
    assert read(folder).step == EXPECTED["mlp"]["step"] - 25


DAMAGES = {
    "no record": lambda folder: (folder / "run.json").unlink(),
    "no weights": lambda folder: (folder / "weights.safetensors").unlink(),
    "an empty record": lambda folder: (folder / "run.json").write_bytes(b""),
    "a record that is no object": lambda folder: (folder / "run.json").write_bytes(b"[]"),
    "a changed record": lambda folder: change(folder / "run.json", b'"seed": 7', b'"seed": 8'),
    "a newer format": lambda folder: change(folder / "run.json", b'"format": 2', b'"format": 9'),
    "cut weights": lambda folder: cut(folder / "weights.safetensors"),
    "a flipped bit": lambda folder: flip(folder / "weights.safetensors"),
    "a link": lambda folder: link(folder / "run.json"),
    "much too large": lambda folder: append(folder / "weights.safetensors", bytes(1 << 20)),
}


def change(path, old, new):
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new))


def cut(path):
    path.write_bytes(path.read_bytes()[:-9])


def flip(path):
    content = bytearray(path.read_bytes())
    content[-100] ^= 4
    path.write_bytes(bytes(content))


def link(path):
    path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")


def append(path, content):
    path.write_bytes(path.read_bytes() + content)


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_refused_in_a_sentence_that_names_the_run(tmp_path, name):
    folder = tmp_path / "run"
    shutil.copytree(FIXTURES / "mlp", folder)
    DAMAGES[name](folder)
    with pytest.raises(UserError, match=str(folder)) as refusal:
        read(folder)
    assert "\n" not in str(refusal.value)


def test_a_run_of_the_first_format_is_sampled_from_and_replayed_but_not_resumed(tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(FIXTURES / "mlp-plain", folder)
    record = json.loads((folder / "run.json").read_text())
    later = "threads named saved counted resized diverged_at history dev_losses metrics_sha256"
    for key in (*later.split(), "record_sha256"):
        del record[key]
    whole = Session.load(folder)
    weights = without_training_state(folder / "weights.safetensors", whole.model.tensors)
    record |= {"format": 1, "weights_sha256": weights}
    (folder / "run.json").write_text(json.dumps(record))
    (folder / "metrics.csv").unlink()

    with pytest.raises(UserError, match=f"{folder} has format 1, .* can't be resumed"):
        Session.load(folder)
    partial = Session.from_state(read(folder, partial=True))
    assert all(map(torch.equal, partial.model.tensors.values(), whole.model.tensors.values()))
    assert partial.sample(5, seed=1) == whole.sample(5, seed=1)
    with pytest.raises(UserError, match="without its optimizer"):
        partial.train(1)
    with pytest.raises(UserError, match="lacks its optimizer"):
        partial.save(tmp_path / "other")
    assert replay(folder).identical


def without_training_state(path, tensors):
    """Write only the parameters; the SHA-256 of the file."""
    import hashlib

    from makemore_tui.core.runs.checkpoint import _serialized

    path.write_bytes(_serialized(tensors))
    return hashlib.sha256(path.read_bytes()).hexdigest()
