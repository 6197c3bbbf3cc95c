"""Saved runs: writing, reading, going on bit for bit, killed writers, and damage of all kinds."""

import json
import math
import os
import pickle
import shutil

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.errors import UserError
from makemore_tui.core.runs import checkpoint, header
from makemore_tui.core.runs.checkpoint import check_new, note_divergence, read, write
from makemore_tui.core.runs.header import read_record
from makemore_tui.core.runs.record import FORMAT, to_json
from makemore_tui.core.session import session as session_module
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings
from tests.support.run_damage import change_record, change_tensors, parts, put, spoilt

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


@pytest.fixture
def session(small):
    session = Session(small, MLP, TrainSettings(batch_size=8), seed=4)
    session.train(5)
    session.edit(learning_rate=0.02)
    session.train(3)
    return session


@pytest.fixture
def run(session, tmp_path):
    """The file of a saved run."""
    session.save(tmp_path / "run")
    return tmp_path / "run.safetensors"


def plain(session):
    """All that the next steps of a session depend on."""
    state = session.trainer.state_dict()
    return {k: v.tolist() if isinstance(v, torch.Tensor) else v for k, v in state.items()}


def refusal_of(path):
    with pytest.raises(UserError) as refusal:
        read(path)
    return str(refusal.value)


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
    assert loaded.history.width == session.history.width
    assert torch.equal(loaded.history.filled, session.history.filled)
    assert torch.equal(loaded.history.rest, session.history.rest)
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
    loaded = Session.load(tmp_path / "run")
    assert loaded.journal == session.journal
    assert loaded.resized == session.resized
    for one in (loaded, session):
        one.edit(hidden=30)
        one.train(20)
    assert plain(loaded) == plain(session)


def test_a_run_that_has_grown_shrunk_and_gone_back_is_saved_as_it_is(small, tmp_path, undisturbed):
    session = Session(small, MLP, TrainSettings(batch_size=8, optimizer="adamw"), seed=4)
    for changes in ({"hidden": 12, "context": 5}, {"embedding": 2}, {"hidden": 40}):
        session.train(6)
        session.edit(**changes)
    session.timeline.undo()
    session.train(3)
    session.save(tmp_path / "run")
    loaded = Session.load(tmp_path / "run")
    sizes = loaded.model_settings.context, loaded.model_settings.embedding
    assert (*sizes, loaded.model_settings.hidden) == (5, 2, 12)
    assert plain(loaded) == plain(session) == plain(undisturbed(loaded))


def test_losses_that_are_not_finite_are_kept(small, tmp_path):
    session = Session(small, ModelSettings(kind="ngram"), TrainSettings(batch_size=7, smoothing=0))
    session.train(1)
    session.evaluate("dev")
    session.dev_losses.append(1, math.nan)
    session.save(tmp_path / "run", report={"dev_loss": math.inf, "speed": 3})
    infinite, nan = (loss for _, loss in Session.load(tmp_path / "run").dev_losses.points)
    assert infinite == math.inf
    assert math.isnan(nan)
    assert read_record(tmp_path / "run").report == {"dev_loss": "Infinity", "speed": 3}


def test_opening_a_run_builds_its_model_once_and_checks_its_record_once(run, monkeypatch):
    calls = []

    def counting(module, name):
        function = getattr(module, name)

        def counted(*args, **options):
            calls.append(name)
            return function(*args, **options)

        monkeypatch.setattr(module, name, counted)

    counting(session_module, "make_model")
    counting(session_module, "make_trainer")
    counting(header, "record_of")
    counting(checkpoint, "check_journal")
    monkeypatch.setattr(torch.Tensor, "normal_", None)  # no initial weights are drawn
    monkeypatch.setattr(torch, "randn", None)
    Session.load(run)
    assert sorted(calls) == ["check_journal", "make_model", "make_trainer", "record_of"]


# What is in the file


def test_the_record_tells_the_whole_story(session, run):
    _, record, _ = parts(run)
    assert record["format"] == FORMAT == 4
    assert record["journal"] == [{"step": 5, "changes": {"learning_rate": 0.02}}]
    assert record["first"]["train"]["learning_rate"] == 0.1
    assert record["train"]["learning_rate"] == 0.02
    assert record["model"]["hidden"] == 10
    assert (record["seed"], record["steps"], record["named"]) == (4, 8, True)
    assert (record["dropout_version"], record["init_version"]) == (2, 2)


def test_the_tensors_have_their_names_and_can_be_read_by_any_safetensors_library(session, run):
    from safetensors.torch import load_file

    tensors = load_file(run)
    assert all(torch.equal(tensors[name], t) for name, t in session.model.tensors.items())


def test_a_run_on_a_built_in_dataset_is_found_by_name(names, tmp_path):
    Session(names, ModelSettings(kind="ngram")).save(tmp_path / "run")
    assert read_record(tmp_path / "run").dataset.path is None
    assert read(tmp_path / "run").dataset.name == "names"


@pytest.mark.parametrize("name", ["mine.txt", "names"])
def test_a_run_on_a_users_file_is_found_by_its_path(write, tmp_path, monkeypatch, name):
    path = write("anna\nbert\n" * 9, name)
    monkeypatch.chdir(path.parent)
    Session(Dataset.load(f"./{name}"), ModelSettings(kind="ngram")).save(tmp_path / "run")
    monkeypatch.chdir("/")
    dataset = read(tmp_path / "run").dataset
    assert dataset.path.samefile(path)
    assert dataset.num_items == 18


def test_a_run_on_distinct_items_is_loaded_with_distinct_items(write, small_items, tmp_path):
    dataset = Dataset(write("\n".join(small_items)), unique=True)
    Session(dataset, ModelSettings(kind="ngram")).save(tmp_path / "run")
    assert read(tmp_path / "run").dataset.num_items == len(set(small_items))


def test_a_run_is_saved_below_folders_that_do_not_exist_yet(session, tmp_path):
    session.save(tmp_path / "a/b/run")
    assert read(tmp_path / "a/b/run").step == 8
    assert os.listdir(tmp_path / "a/b") == ["run.safetensors"]


@pytest.mark.parametrize("name", ["run", "run.safetensors", "h128-lr0.03"])
def test_a_run_is_named_with_or_without_the_suffix(session, tmp_path, name):
    session.save(tmp_path / name)
    stem = name.removesuffix(".safetensors")
    assert os.listdir(tmp_path) == [f"{stem}.safetensors"]
    for one in (stem, f"{stem}.safetensors"):
        assert read(tmp_path / one).step == 8


def test_saving_does_not_change_the_session(session, tmp_path):
    before = plain(session)
    session.save(tmp_path / "run")
    assert plain(session) == before


# What is there already


@pytest.mark.parametrize("name", ["run", "run.safetensors"])
@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_nothing_is_written_over(session, tmp_path, name, kind):
    path = tmp_path / name
    make = {
        "folder": path.mkdir,
        "file": path.touch,
        "dangling link": lambda: path.symlink_to("nowhere"),
    }
    make[kind]()
    for save in (session.save, check_new):
        with pytest.raises(UserError, match=f"{path} already exists"):
            save(tmp_path / "run")
    assert os.listdir(tmp_path) == [name]


def test_a_file_that_cannot_be_written_is_refused_and_nothing_left(session, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=f"{tmp_path}/file/run.safetensors can't be written"):
        session.save(tmp_path / "file/run")
    with pytest.raises(UserError, match="can't be written: File name too long"):
        session.save(tmp_path / ("x" * 300))
    assert os.listdir(tmp_path) == ["file"]


def test_writing_over_a_run_replaces_it_and_leaves_nothing_else(small, tmp_path):
    session, path = Session(small, MLP), tmp_path / "run.safetensors"
    for _ in range(3):
        session.train(4)
        write(session.state(), path, named=False)
        assert read(path).step == session.step
    assert os.listdir(tmp_path) == ["run.safetensors"]
    assert not read_record(path).named


def test_a_run_that_diverges_is_not_written_and_its_divergence_can_be_noted(small, tmp_path):
    session, path = Session(small, MLP), tmp_path / "run.safetensors"
    session.train(4)
    write(session.state(), path)
    _, _, data = parts(path)
    session.edit(learning_rate=1000, weight_decay=100)
    session.train(60)
    assert session.diverged_at is not None
    with pytest.raises(UserError, match="not finite"):
        write(session.state(), path)
    note_divergence(path, session.diverged_at)
    assert parts(path)[2] == data
    assert read_record(path).diverged_at == session.diverged_at
    loaded = Session.load(path)
    assert (loaded.step, loaded.diverged_at) == (4, None)
    with pytest.raises(UserError, match="not finite"):
        session.save(tmp_path / "other")
    assert os.listdir(tmp_path) == ["run.safetensors"]


# Damage


def test_a_run_that_is_not_there_is_refused(tmp_path):
    assert refusal_of(tmp_path / "none") == f"{tmp_path}/none is not a run: there is no such file"
    assert str(tmp_path / ("x" * 300)) in refusal_of(tmp_path / ("x" * 300))


def test_a_folder_of_something_else_is_no_run(tmp_path):
    assert refusal_of(tmp_path) == f"{tmp_path} is not a run: it has no run.json"


@pytest.mark.parametrize("metadata", [{}, {"record": "[]"}, {"record": "{}"}, {"a": "b"}])
def test_a_file_of_something_else_is_no_run(tmp_path, metadata):
    import safetensors

    path = tmp_path / "other.safetensors"
    path.write_bytes(safetensors.serialize({}, metadata))
    assert refusal_of(path).startswith(f"{path} is ")


def test_a_run_of_a_newer_format_is_refused(run):
    change_record(run, lambda record: record | {"format": FORMAT + 1, "another": "key"})
    assert f"{run} has format {FORMAT + 1}, made by a newer" in refusal_of(run)


def test_a_dataset_that_has_changed_or_gone_is_refused(write, tmp_path):
    path = write("anna\nbert\n" * 9)
    Session(Dataset(path), ModelSettings(kind="ngram")).save(tmp_path / "run")
    path.write_text("anna\nbert\n" * 10)
    assert refusal_of(tmp_path / "run").startswith(f"{path} has changed since {tmp_path}/run")
    path.unlink()
    assert f"{path}: no such file" in refusal_of(tmp_path / "run")


def test_of_a_changed_record_the_dataset_is_not_read(run, monkeypatch):
    content = run.read_bytes()
    assert content.count(b"items.txt") == 2
    run.write_bytes(content.replace(b"items.txt", b"other.txt"))

    def load(*_):
        raise AssertionError("a dataset was read")

    monkeypatch.setattr(Dataset, "load", load)
    assert refusal_of(run) == f"{run} is damaged: its record has changed since it was written"


def of_record(**changes):
    return lambda path: change_record(path, lambda record: record | changes)


def lacking(key):
    return lambda path: change_record(path, lambda record: record.pop(key) and record)


def within(key, **changes):
    return of_nested(lambda record: record[key], changes)


def of_nested(place, changes):
    return lambda path: change_record(path, lambda record: place(record).update(changes))


def of_journal(*entries):
    return of_record(journal=[{"step": step, "changes": changes} for step, changes in entries])


# What the sentence says behind "… is damaged: ".
RECORDS = {
    "hidden must be a whole number from 1 to 4,096, not 0": within("model", hidden=0),
    "hidden must be a whole number": within("model", hidden="12"),
    "model.kind must be text, not a list": within("model", kind=["mlp"]),
    "there is no setting 'nonsense'": within("train", nonsense=1),
    "there is no setting 'colour'": of_nested(lambda r: r["first"]["model"], {"colour": 1}),
    "train.learning_rate must be a number, not text": within("train", learning_rate="fast"),
    "model must be an object, not a list": of_record(model=[]),
    "dataset must be an object, not nothing": of_record(dataset=None),
    "seed must be a whole number, not text": of_record(seed="x"),
    "seed must be a whole number, not true or false": of_record(seed=True),
    "seed must be a whole number <= ": of_record(seed=2**64),
    "steps must be a whole number >= 0": of_record(steps=-1),
    "steps must be a whole number <= ": of_record(steps=10**30),
    "steps must be a whole number, not nothing": of_record(steps=None),
    "history.width can't be 3": of_record(history={"width": 3}),
    "history.width must be a whole number <= ": of_record(history={"width": 2**60}),
    "history.width can't be 1 after": of_record(steps=10**12),
    "journal[0] must be an object, not text": of_record(journal=["a"]),
    "journal[0].step must be a whole number, not text": of_journal(("a", {"hidden": 12})),
    "the steps in its journal must rise": of_journal((99, {"hidden": 12})),
    "the steps in its journal must": of_journal((9, {"hidden": 12}), (8, {"batch_size": 1})),
    "in its journal there is no setting 'nonsense'": of_journal((9, {"nonsense": 1})),
    "an edit in its journal starts another run": of_journal((9, {"direct": False})),
    "its journal does not lead to its settings": of_journal((9, {"hidden": 13})),
    "dev_losses.points[0][1]: ": of_record(dev_losses={"points": [[9, "low"]], "best": None}),
    "dev_losses.points[0][1] must be a number <= ": of_record(
        dev_losses={"points": [[9, 1e300]], "best": None}
    ),
    "dev_losses.points[0][1] must be a number >= ": of_record(
        dev_losses={"points": [[9, -1.0]], "best": None}
    ),
    "it has a dev loss of a step": of_record(dev_losses={"points": [[99, 2.0]], "best": None}),
    "dataset.path must be text of length <= 4096": within("dataset", path="/" + "x" * 5000),
    "the path of its dataset must be absolute": within("dataset", path="../secret"),
    "there is no built-in dataset": within("dataset", path=None, name="/etc/passwd"),
    "saved": of_record(saved="yesterday"),
    "the record: Object contains unknown field 'more'": of_record(more=1),
    "dropout_version": of_record(dropout_version=3),
    "init_version": of_record(init_version=3),
    "threads must be a whole number >= 1": of_record(threads=0),
}


@pytest.fixture(scope="module")
def whole(small, tmp_path_factory):
    """A run of everything, to be damaged."""
    session = Session(small, *RUNS["adamw"], seed=3)
    session.train(9)
    session.edit(hidden=12)
    session.evaluate("dev")
    session.train(9)
    path = tmp_path_factory.mktemp("runs") / "run.safetensors"
    session.save(path)
    return path


@pytest.fixture
def damaged(whole, tmp_path):
    """A copy of that, which nobody minds."""
    return shutil.copy(whole, tmp_path / "run.safetensors")


@pytest.mark.parametrize("says", RECORDS)
def test_a_wrong_value_of_the_record_is_refused_in_a_sentence(damaged, says):
    RECORDS[says](damaged)
    for refuse in (refusal_of, refusal_of_listing):
        sentence = refuse(damaged)
        if sentence is not None:
            assert sentence.startswith(f"{damaged} is damaged: ")
            assert says in sentence
            assert "\n" not in sentence
            assert len(sentence) < 500


def refusal_of_listing(path):
    """What reading the record alone says; None where it takes more to see the damage."""
    try:
        read_record(path)
    except UserError as error:
        return str(error)
    return None


def of_tensor(name, value):
    return lambda path: change_tensors(path, lambda t: t.update({name: value(t[name])}))


def cut(share):
    def damage(path):
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    return damage


def put_content(content):
    return lambda path: path.write_bytes(content)


def replaced(make):
    def damage(path):
        path.unlink()
        make(path)

    return damage


def linked(path):
    path.rename(path.parent / "elsewhere")
    path.symlink_to(path.parent / "elsewhere")


def of_other_sizes(**changes):
    def damage(path):
        def change(record):
            record["model"].update(changes)
            record["journal"] = [{"step": 9, "changes": record["model"]}]

        change_record(path, change)

    return damage


class Bomb:
    def __reduce__(self):
        return print, ("a pickle was run",)


GIGABYTE = b'{"W1":{"dtype":"F32","shape":[268435456],"data_offsets":[0,1073741824]}}'
DAMAGES = {
    **{f"cut at {share}": cut(share) for share in (0, 0.0001, 0.01, 0.5, 0.999)},
    "a byte more": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "much too large": lambda path: os.truncate(path, 1 << 30),
    "a link": linked,
    "a FIFO": replaced(os.mkfifo),
    "a folder": replaced(os.mkdir),
    "a pickle": put_content(pickle.dumps(Bomb())),
    "a padded pickle": put_content(pickle.dumps(Bomb()) + bytes(25_000)),
    "an endless header": put_content(b"\xff" * 25_000),
    "a gigabyte in the header": put_content(
        len(GIGABYTE).to_bytes(8, "little") + GIGABYTE + bytes(25_000)
    ),
    "a gigabyte beside a record": lambda path: put(
        path, json.loads(GIGABYTE), parts(path)[1], parts(path)[2]
    ),
    "hidden 4096": of_other_sizes(hidden=4096),
    "hidden 4096, embedding 512, context 16": of_other_sizes(
        hidden=4096, embedding=512, context=16
    ),
    "tensors of another run": lambda path: put(
        path, *parts(path)[:2], parts(path)[2][:-4] + b"\1\2\3\4"
    ),
    "a dataset of a device": within("dataset", path="/dev/zero"),
    "another dataset": within("dataset", fingerprint="0" * 64),
    "NaN weights": of_tensor("W1", spoilt(float("nan"))),
    "infinite weights": of_tensor("b2", spoilt(float("inf"))),
    "NaN moments": of_tensor("optimizer.mean.W1", spoilt(float("nan"))),
    "moments below 0": of_tensor("optimizer.square.b1", spoilt(-1.0)),
    "a missing moment": lambda path: change_tensors(path, lambda t: t.pop("optimizer.mean.C")),
    "a tensor more": lambda path: change_tensors(path, lambda t: t.update(more=torch.zeros(1))),
    "moments of another shape": of_tensor("optimizer.mean.W1", lambda t: t.flatten()),
    "weights of another type": of_tensor("b1", lambda t: t.int()),
    "no such generator": of_tensor("random.generator", lambda t: torch.full_like(t, 255)),
    "too many integers left": of_tensor("random.left", lambda t: t.new_zeros(9000)),
    "a record that is no text": lambda path: put(path, *parts(path)[:1], "\udcff", b""),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_refused_in_a_sentence_that_names_the_file(damaged, capfd, name):
    read(damaged)
    DAMAGES[name](damaged)
    sentence = refusal_of(damaged)
    assert str(damaged) in sentence or "/dev/zero" in sentence
    assert "\n" not in sentence
    assert len(sentence) < 500
    assert "pickle was run" not in capfd.readouterr().out


def test_tensors_of_another_run_of_the_same_shape_are_refused(session, run, tmp_path):
    other = Session(session.dataset, MLP, session.train_settings, seed=9)
    other.train(8)
    other.save(tmp_path / "other")
    header, record, _ = parts(run)
    put(run, header, record, parts(tmp_path / "other.safetensors")[2])
    assert "its tensors have changed since they were written" in refusal_of(run)


@hypothesis_settings(max_examples=150)
@given(st.data())
def test_any_flipped_bit_is_refused_by_name(small_run, data):
    path, raw = small_run
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    damaged = bytearray(raw)
    damaged[bit // 8] ^= 1 << bit % 8
    path.write_bytes(bytes(damaged))
    assert refusal_of(path).startswith(str(path))


@pytest.fixture(scope="module")
def small_run(small, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "run.safetensors"
    Session(small, ModelSettings(context=1, embedding=1, hidden=1)).save(path)
    return path, path.read_bytes()


# JSON


def test_numbers_that_json_lacks_become_words_or_null():
    value = {"a": [math.inf, -math.inf, math.nan], "b": (1.5, {"c": math.inf}), "d": "é"}
    assert json.loads(to_json(value)) == {
        "a": ["Infinity", "-Infinity", None],
        "b": [1.5, {"c": "Infinity"}],
        "d": "é",
    }


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values)
def test_any_value_becomes_strict_json(value):
    def refuse(constant):
        raise AssertionError(constant)

    json.loads(to_json(value), parse_constant=refuse)
