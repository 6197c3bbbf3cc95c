"""A run's files: going on where it was put away, replacing them, and damage of all kinds."""

import hashlib
import json
import os
import pickle
import random
import shutil
import subprocess
import sys
import time

import pytest
import torch

from makemore_tui.core.errors import UserError
from makemore_tui.core.runs import files as run_files
from makemore_tui.core.runs.checkpoint import load_run, load_session, run_snapshot, write_run
from makemore_tui.core.runs.record import written
from makemore_tui.core.runs.tensors import parsed, serialized
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings

MLP = ModelSettings(context=3, embedding=4, hidden=10, direct=True)
RUNS = {
    "sgd": (MLP, TrainSettings(batch_size=8)),
    "adamw": (
        MLP,
        TrainSettings(batch_size=70, optimizer="adamw", learning_rate=0.01, dropout=0.2),
    ),
    "full batch": (MLP, TrainSettings(batch_size=0, schedule="cosine", steps=60)),
    "neural-bigram": (
        ModelSettings(kind="neural-bigram", init="lecture"),
        TrainSettings(batch_size=9, learning_rate=5.0, weight_decay=0.1),
    ),
    "ngram": (ModelSettings(kind="ngram", order=3), TrainSettings(batch_size=7, smoothing=0.5)),
}


def plain(session):
    """All that the next steps of a session depend on."""
    state = session.trainer.state_dict()
    return {k: v.tolist() if isinstance(v, torch.Tensor) else v for k, v in state.items()}


# Going on


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("steps", [0, 1, 21])
def test_a_loaded_session_goes_on_bit_for_bit(small, tmp_path, name, steps):
    session = Session(small, *RUNS[name], seed=3)
    session.train(steps)
    session.evaluate("dev")
    session.save(tmp_path / "run")
    loaded = Session.load(tmp_path / "run")
    assert plain(loaded) == plain(session)
    assert loaded.train(15).tolist() == session.train(15).tolist()
    assert plain(loaded) == plain(session)
    assert loaded.history.equals(session.history)
    assert loaded.dev_losses.points == session.dev_losses.points
    assert loaded.dev_losses.best == session.dev_losses.best
    assert loaded.first_settings == session.first_settings
    assert (loaded.seed, loaded.step) == (session.seed, session.step)


def test_a_session_with_edits_goes_on_with_its_journal_and_the_same_random_growth(small, tmp_path):
    session = Session(small, *RUNS["adamw"], seed=3)
    edits = [{"hidden": 14}, {"context": 5, "embedding": 3}, {"optimizer": "sgd"}, {"hidden": 8}]
    for changes in edits:
        session.train(5)
        session.edit(**changes)
    session.train(2)
    session.save(tmp_path / "run")
    loaded = load_session(tmp_path / "run")
    assert loaded.journal == session.journal
    assert loaded.resized == session.resized
    for one in (loaded, session):
        one.edit(hidden=30)
        one.train(20)
    assert plain(loaded) == plain(session)


def test_metrics_have_the_losses_the_rates_and_dev_where_it_was_evaluated(small, tmp_path):
    session = Session(small, MLP, TrainSettings(batch_size=8, schedule="linear", steps=10))
    losses = session.train(4)
    session.evaluate("dev")
    session.edit(learning_rate=0.02)
    losses = torch.cat([losses, session.train(2)])
    session.save(tmp_path / "run")
    lines = (tmp_path / "run/metrics.csv").read_text().splitlines()
    assert lines[0] == "step,loss,learning_rate,dev"
    rows = [line.split(",") for line in lines[1:]]
    assert [int(row[0]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [float(row[1]) for row in rows] == pytest.approx(losses.tolist(), rel=1e-5)
    rates = [0.1, 0.09, 0.08, 0.07, 0.02 * 0.6, 0.02 * 0.5]
    assert [float(row[2]) for row in rows] == pytest.approx(rates)
    assert [row[3] for row in rows] == ["", "", "", rows[3][3], "", ""]
    assert float(rows[3][3]) == pytest.approx(session.dev_losses.points[0][1], rel=1e-5)


# Saving over a run


def test_saving_over_a_run_replaces_it_and_leaves_nothing_else(small, tmp_path):
    session, folder = Session(small, MLP), tmp_path / "run"
    for _ in range(3):
        session.train(4)
        write_run(run_snapshot(session, named=False), folder)
        assert load_run(folder).steps == session.step
    assert sorted(os.listdir(folder)) == ["metrics.csv", "run.json", "weights.safetensors"]
    assert json.loads((folder / "run.json").read_text())["named"] is False


def test_a_run_that_diverges_keeps_its_last_good_files_and_says_when(small, tmp_path):
    session, folder = Session(small, MLP), tmp_path / "run"
    session.train(4)
    write_run(run_snapshot(session), folder)
    weights = (folder / "weights.safetensors").read_bytes()
    session.edit(learning_rate=1000, weight_decay=100)
    session.train(60)
    assert session.diverged
    write_run(run_snapshot(session), folder)
    assert (folder / "weights.safetensors").read_bytes() == weights
    assert json.loads((folder / "run.json").read_text())["diverged_at"] == session.diverged_at
    loaded = load_session(folder)
    assert (loaded.step, loaded.diverged_at, loaded.diverged) == (4, None, False)
    with pytest.raises(UserError, match="not finite"):
        session.save(tmp_path / "other")
    assert os.listdir(tmp_path) == ["run"]


@pytest.mark.parametrize("moved", range(4))
def test_what_a_killed_writer_left_off_is_read_and_finished(small, tmp_path, moved):
    session, folder = Session(small, MLP), tmp_path / "run"
    session.save(folder)
    session.train(4)
    session.save(tmp_path / "new")
    (tmp_path / "new").rename(folder / ".next")
    for name in ("weights.safetensors", "metrics.csv", "run.json")[:moved]:
        (folder / ".next" / name).replace(folder / name)
    (folder / ".next.partial-x").mkdir()
    assert load_session(folder).step == 4
    run_files.finish(folder)
    assert load_session(folder).step == 4
    assert sorted(os.listdir(folder)) == ["metrics.csv", "run.json", "weights.safetensors"]


def test_a_folder_of_something_else_is_not_written_over(small, tmp_path):
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(UserError, match="holds something else than a run"):
        write_run(run_snapshot(Session(small, MLP)), tmp_path)
    assert os.listdir(tmp_path) == ["letters.txt"]


def test_a_file_in_the_place_of_a_run_is_not_written_over(small, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="already exists"):
        write_run(run_snapshot(Session(small, MLP)), tmp_path / "run")
    assert os.listdir(tmp_path / "elsewhere") == []


# Killed writers

SAVING = """
import sys
from pathlib import Path
from makemore_tui.core.runs import files as run_files
folder, *sources = map(Path, sys.argv[1:])
runs = [{path.name: path.read_bytes() for path in source.iterdir()} for source in sources]
print("saving", flush=True)
while True:
    for files in runs:
        run_files.replace(folder, files)
"""


@pytest.fixture
def writer(small, tmp_path):
    """Starts a process that saves two runs in turn into a folder, and waits until it does."""
    session = Session(small, *RUNS["adamw"])
    for name, steps in (("one", 5), ("two", 7), ("run", 0)):
        session.train(steps)
        session.save(tmp_path / name)
    started = []

    def start():
        sources = [tmp_path / "run", tmp_path / "one", tmp_path / "two"]
        words = [sys.executable, "-c", SAVING, *map(str, sources)]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "saving\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_run_opens_whatever_moment_its_writer_is_killed_at(tmp_path, writer):
    rng, steps = random.Random(8), set()
    for _ in range(10):
        process = writer()
        time.sleep(rng.uniform(0, 0.03))
        process.kill()
        process.wait()
        steps.add(load_session(tmp_path / "run").step)
    assert steps <= {5, 12}
    run_files.finish(tmp_path / "run")
    names = ["metrics.csv", "run.json", "weights.safetensors"]
    assert sorted(os.listdir(tmp_path / "run")) == names


def test_a_run_opens_while_another_process_saves_it(tmp_path, writer):
    writer()
    assert {load_session(tmp_path / "run").step for _ in range(40)} <= {5, 12}


# Damage


@pytest.fixture(scope="module")
def whole(small, tmp_path_factory):
    """A run of everything, to be damaged."""
    session = Session(small, *RUNS["adamw"], seed=3)
    session.train(9)
    session.edit(hidden=12)
    session.evaluate("dev")
    session.train(9)
    folder = tmp_path_factory.mktemp("runs") / "run"
    session.save(folder)
    return folder


def change_record(folder, change):
    """Change run.json, and its sum with it, as someone would who means ill."""
    record = json.loads((folder / "run.json").read_text())
    del record["record_sha256"]
    change(record)
    (folder / "run.json").write_bytes(written(record))


def change_tensors(folder, change):
    tensors = parsed(folder, (folder / "weights.safetensors").read_bytes())
    change(tensors)
    put_weights(folder, serialized(tensors))


def put_weights(folder, content):
    (folder / "weights.safetensors").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    change_record(folder, lambda record: record.update(weights_sha256=digest))


def of_model(**changes):
    return lambda folder: change_record(folder, lambda record: record["model"].update(changes))


def of_record(**changes):
    return lambda folder: change_record(folder, lambda record: record.update(changes))


def of_journal(*entries):
    return of_record(journal=[{"step": step, "changes": changes} for step, changes in entries])


def of_dataset(**changes):
    return lambda folder: change_record(folder, lambda record: record["dataset"].update(changes))


def of_tensor(name, value):
    return lambda folder: change_tensors(folder, lambda t: t.update({name: value(t[name])}))


def spoilt(number):
    def spoil(tensor):
        tensor = tensor.clone()
        tensor.view(-1)[-1] = number
        return tensor

    return spoil


def replaced(name, make):
    def damage(folder):
        (folder / name).unlink()
        make(folder / name)

    return damage


def linked(name):
    def damage(folder):
        (folder / name).rename(folder.parent / name)
        (folder / name).symlink_to(folder.parent / name)

    return damage


def next_linked(folder):
    shutil.copytree(folder, folder.parent / "elsewhere")
    (folder.parent / "elsewhere/run.json").write_text("{}")
    (folder / ".next").symlink_to(folder.parent / "elsewhere")
    (folder / "run.json").unlink()


def cut(name, share):
    def damage(folder):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: int(len(content) * share)])

    return damage


def flipped(name, share):
    def damage(folder):
        content = bytearray((folder / name).read_bytes())
        content[int(len(content) * share)] ^= 4
        (folder / name).write_bytes(bytes(content))

    return damage


def lacking(key):
    return lambda folder: change_record(folder, lambda record: record.pop(key))


class Bomb:
    def __reduce__(self):
        return print, ("a pickle was run",)


GIGABYTE = b'{"W1":{"dtype":"F32","shape":[268435456],"data_offsets":[0,1073741824]}}'
FILES = ("run.json", "weights.safetensors", "metrics.csv")
DAMAGES = {
    **{f"{name} cut at {s}": cut(name, s) for name in FILES for s in (0, 0.01, 0.5, 0.999)},
    **{f"{name} flipped at {s}": flipped(name, s) for name in FILES for s in (0.2, 0.4, 0.7, 0.9)},
    **{f"{name} is a link": linked(name) for name in FILES},
    **{f"{name} is a FIFO": replaced(name, os.mkfifo) for name in FILES},
    **{f"{name} is a folder": replaced(name, os.mkdir) for name in FILES},
    **{f"{name} is gone": replaced(name, lambda _: None) for name in FILES},
    **{
        f"no {key}": lacking(key)
        for key in ("journal", "first", "history", "dev_losses", "metrics_sha256", "resized")
    },
    ".next is a link": next_linked,
    "a pickle": lambda folder: put_weights(folder, pickle.dumps(Bomb())),
    "a padded pickle": lambda folder: put_weights(folder, pickle.dumps(Bomb()) + bytes(25_000)),
    "a gigabyte in the header": lambda folder: put_weights(
        folder, len(GIGABYTE).to_bytes(8, "little") + GIGABYTE + bytes(25_000)
    ),
    "an endless header": lambda folder: put_weights(folder, b"\xff" * 25_000),
    "hidden 4096": of_model(hidden=4096),
    "hidden 4096, embedding 512, context 16": of_model(hidden=4096, embedding=512, context=16),
    "context 64": of_model(hidden=4096, context=64),
    "order 5": of_model(kind="ngram", order=5),
    "hidden is a word": of_model(hidden="12"),
    "steps beyond all": of_record(steps=10**30),
    "many steps": of_record(steps=10**12),
    "steps below 0": of_record(steps=-1),
    "a seed too large": of_record(seed=2**64),
    "a seed that is true": of_record(seed=True),
    "a width of 3": of_record(history={"width": 3}),
    "a width of 2**60": of_record(history={"width": 2**60}),
    "a journal of words": of_record(journal=["a"]),
    "an edit at no step": of_journal(("a", {"hidden": 12})),
    "an edit beyond the end": of_journal((99, {"hidden": 12})),
    "edits that go back": of_journal((9, {"hidden": 12}), (8, {"learning_rate": 0.01})),
    "an edit of nothing there is": of_journal((9, {"nonsense": 1})),
    "an edit that begins another run": of_journal((9, {"hidden": 12, "direct": False})),
    "edits that lead elsewhere": of_journal((9, {"hidden": 13})),
    "a dev loss of words": of_record(dev_losses={"points": [[9, "low"]], "best": None}),
    "a dev loss beyond all": of_record(dev_losses={"points": [[9, 1e300]], "best": None}),
    "a dev loss below nothing": of_record(dev_losses={"points": [[9, -1.0]], "best": None}),
    "buckets beyond all": of_record(steps=2**63 - 1, history={"width": 2**62}),
    "a path beyond all": of_dataset(path="/" + "x" * 5000),
    "a dev loss beyond the end": of_record(dev_losses={"points": [[99, 2.0]], "best": None}),
    "a dataset by a relative path": of_dataset(path="../secret"),
    "a dataset named as a path": of_dataset(path=None, name="/etc/passwd"),
    "a dataset of a device": of_dataset(path="/dev/zero"),
    "NaN weights": of_tensor("W1", spoilt(float("nan"))),
    "infinite weights": of_tensor("b2", spoilt(float("inf"))),
    "NaN moments": of_tensor("optimizer.mean.W1", spoilt(float("nan"))),
    "moments below 0": of_tensor("optimizer.square.b1", spoilt(-1.0)),
    "a missing moment": lambda folder: change_tensors(folder, lambda t: t.pop("optimizer.mean.C")),
    "moments of another shape": of_tensor("optimizer.mean.W1", lambda t: t.flatten()),
    "weights of another type": of_tensor("b1", lambda t: t.int()),
    "no such generator": of_tensor("random.generator", lambda t: torch.full_like(t, 255)),
    "too many integers left": of_tensor("random.left", lambda t: t.new_zeros(9000)),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_refused_in_a_sentence_that_names_the_file(whole, tmp_path, capfd, name):
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    load_session(folder)
    DAMAGES[name](folder)
    with pytest.raises(UserError) as refusal:
        load_session(folder)
    sentence = str(refusal.value)
    assert str(folder) in sentence or "/dev/zero" in sentence
    assert "\n" not in sentence
    assert len(sentence) < 500
    assert "pickle was run" not in capfd.readouterr().out


def test_a_run_of_the_first_format_is_sampled_from_but_not_resumed(small, tmp_path):
    session, folder = Session(small, MLP, seed=2), tmp_path / "run"
    session.train(4)
    session.save(folder)
    weights = serialized(session.model.tensors)
    (folder / "weights.safetensors").write_bytes(weights)
    (folder / "metrics.csv").unlink()
    record = json.loads((folder / "run.json").read_text())
    record |= {"format": 1, "weights_sha256": hashlib.sha256(weights).hexdigest()}
    kept = "format versions dataset seed steps model train first journal report weights_sha256"
    (folder / "run.json").write_text(json.dumps({key: record[key] for key in kept.split()}))
    loaded = load_run(folder)
    assert all(map(torch.equal, loaded.model.tensors.values(), session.model.tensors.values()))
    with pytest.raises(UserError, match=f"{folder} has format 1, .* can't be resumed"):
        load_session(folder)
