import json
import math
import os

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.errors import UserError
from makemore_tui.core.runs.checkpoint import FORMAT, load_run, new_folder, to_json
from makemore_tui.core.runs.record import written
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings

MODELS = [
    ModelSettings(context=4, embedding=3, hidden=7, direct=True),
    ModelSettings(kind="neural-bigram", init="lecture"),
    ModelSettings(kind="ngram", order=3),
]


@pytest.fixture
def session(small):
    session = Session(small, MODELS[0], TrainSettings(batch_size=8), seed=4)
    session.train(5)
    session.edit(learning_rate=0.02)
    session.train(3)
    return session


@pytest.fixture
def folder(session, tmp_path):
    session.save(tmp_path / "run")
    return tmp_path / "run"


def change_record(folder, **changes):
    path = folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def change_weights(folder, change):
    path = folder / "weights.safetensors"
    path.write_bytes(change(path.read_bytes()))


def refusal_of(folder):
    with pytest.raises(UserError) as refusal:
        load_run(folder)
    return str(refusal.value)


# Saving and loading


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.kind)
def test_a_loaded_run_has_the_logits_of_the_saved_one(small, tmp_path, model):
    session = Session(small, model, TrainSettings(batch_size=8, smoothing=0.25))
    session.train(6)
    session.save(tmp_path / "run")
    run = load_run(tmp_path / "run")
    generator = torch.Generator().manual_seed(1)
    contexts = torch.randint(
        small.vocabulary.size, (50, session.model.context), generator=generator
    )
    assert torch.equal(run.model.logits(contexts), session.model.logits(contexts))


def test_a_loaded_run_has_the_settings_seed_and_steps_of_the_saved_one(session, folder):
    run = load_run(folder)
    assert run.folder == folder
    assert run.model.settings == session.model_settings
    assert run.train_settings == session.train_settings
    assert (run.seed, run.steps) == (4, 8)
    assert run.dataset.fingerprint == session.dataset.fingerprint


def test_a_run_that_has_grown_shrunk_and_gone_back_is_saved_as_it_is(small, tmp_path):
    session = Session(small, MODELS[0], TrainSettings(batch_size=8, optimizer="adamw"), seed=4)
    for changes in ({"hidden": 12, "context": 5}, {"embedding": 2}, {"hidden": 40}):
        session.train(6)
        session.edit(**changes)
    session.undo()
    session.train(3)
    session.save(tmp_path / "run")
    run = load_run(tmp_path / "run")
    sizes = run.model.settings.context, run.model.settings.embedding, run.model.settings.hidden
    assert sizes == (5, 2, 12)
    assert all(map(torch.equal, run.model.tensors.values(), session.model.tensors.values()))
    record = json.loads((tmp_path / "run/run.json").read_text())
    again = Session(small, ModelSettings(**record["first"]["model"]), session.train_settings, 4)
    for entry in record["journal"]:
        again.train(entry["step"] - again.step)
        again.edit(**entry["changes"])
    again.train(record["steps"] - again.step)
    assert all(map(torch.equal, again.model.tensors.values(), run.model.tensors.values()))


def test_a_run_on_a_built_in_dataset_is_found_by_name(names, tmp_path):
    Session(names, ModelSettings(kind="ngram")).save(tmp_path / "run")
    assert json.loads((tmp_path / "run/run.json").read_text())["dataset"]["path"] is None
    assert load_run(tmp_path / "run").dataset.name == "names"


@pytest.mark.parametrize("name", ["mine.txt", "names"])
def test_a_run_on_a_users_file_is_found_by_its_path(write, tmp_path, monkeypatch, name):
    path = write("anna\nbert\n" * 9, name)
    monkeypatch.chdir(path.parent)
    Session(Dataset.load(f"./{name}"), ModelSettings(kind="ngram")).save(tmp_path / "run")
    monkeypatch.chdir("/")
    dataset = load_run(tmp_path / "run").dataset
    assert dataset.path.samefile(path)
    assert dataset.num_items == 18


def test_a_run_on_distinct_items_is_loaded_with_distinct_items(write, small_items, tmp_path):
    dataset = Dataset(write("\n".join(small_items)), unique=True)
    Session(dataset, ModelSettings(kind="ngram")).save(tmp_path / "run")
    assert load_run(tmp_path / "run").dataset.num_items == len(set(small_items))


def test_the_record_is_json_with_the_whole_story(session, folder, tmp_path):
    session.save(tmp_path / "other", report={"dev_loss": math.inf, "speed": 3})
    record = json.loads((tmp_path / "other/run.json").read_text())
    assert record["format"] == FORMAT
    assert record["journal"] == [{"step": 5, "changes": {"learning_rate": 0.02}}]
    assert record["first"]["train"]["learning_rate"] == 0.1
    assert record["train"]["learning_rate"] == 0.02
    assert record["report"] == {"dev_loss": "Infinity", "speed": 3}


def test_the_journal_on_disk_replays_to_the_weights_on_disk(small, session, folder):
    record = json.loads((folder / "run.json").read_text())
    first = record["first"]
    settings = ModelSettings(**first["model"]), TrainSettings(**first["train"])
    again = Session(small, *settings, seed=record["seed"])
    for entry in record["journal"]:
        again.train(entry["step"] - again.step)
        again.edit(**entry["changes"])
    again.train(record["steps"] - again.step)
    for name, tensor in load_run(folder).model.tensors.items():
        assert torch.equal(tensor, again.model.tensors[name])


def test_a_run_is_saved_below_folders_that_do_not_exist_yet(session, tmp_path):
    session.save(tmp_path / "a/b/run")
    assert load_run(tmp_path / "a/b/run").steps == 8
    assert os.listdir(tmp_path / "a/b") == ["run"]


def test_saving_does_not_change_the_session(session, tmp_path):
    before = {name: tensor.clone() for name, tensor in session.model.tensors.items()}
    session.save(tmp_path / "run")
    assert session.step == 8
    assert all(torch.equal(session.model.tensors[name], before[name]) for name in before)


# What is there already


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_nothing_is_written_over(session, tmp_path, kind):
    path = tmp_path / "run"
    make = {
        "folder": path.mkdir,
        "file": path.touch,
        "dangling link": lambda: path.symlink_to("nowhere"),
    }
    make[kind]()
    for save in (session.save, new_folder):
        with pytest.raises(UserError, match=f"{path} already exists"):
            save(path)
    assert os.listdir(tmp_path) == ["run"]


def test_a_folder_that_cannot_be_written_is_refused_and_nothing_left(session, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=f"{tmp_path}/file/run can't be written"):
        session.save(tmp_path / "file/run")
    with pytest.raises(UserError, match="can't be written: File name too long"):
        session.save(tmp_path / ("x" * 300))
    assert os.listdir(tmp_path) == ["file"]


# Damage


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    assert refusal_of(tmp_path / "none") == f"{tmp_path}/none is not a run: there is no such folder"


def test_a_name_that_no_folder_can_have_is_refused(tmp_path):
    assert str(tmp_path / ("x" * 300)) in refusal_of(tmp_path / ("x" * 300))


def test_a_file_is_no_run(tmp_path):
    (tmp_path / "run").touch()
    assert refusal_of(tmp_path / "run").startswith(f"{tmp_path}/run is not a run")


def test_a_run_without_its_record_is_refused(folder):
    (folder / "run.json").unlink()
    assert refusal_of(folder) == f"{folder} is not a run: it has no run.json"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b'{"format": 1', b"[" * 100_000, b'{"format":1}}']
)
def test_a_broken_record_is_refused(folder, content):
    (folder / "run.json").write_bytes(content)
    assert refusal_of(folder) == f"{folder}/run.json is damaged: it is not JSON"


@pytest.mark.parametrize("content", ["[]", "3", "null", "{}", '{"format": "1"}'])
def test_a_record_of_something_else_is_refused(folder, content):
    (folder / "run.json").write_text(content)
    assert f"{folder}/run.json is not the record of a run" in refusal_of(folder)


def test_a_record_of_a_newer_format_is_refused(folder):
    change_record(folder, format=FORMAT + 1)
    assert f"{folder}/run.json has format {FORMAT + 1}, made by a newer" in refusal_of(folder)


@pytest.mark.parametrize("key", ["dataset", "model", "train", "seed", "steps", "weights_sha256"])
def test_a_record_that_lacks_a_key_is_refused_with_the_key(folder, key):
    path = folder / "run.json"
    record = json.loads(path.read_text())
    del record[key]
    path.write_text(json.dumps(record))
    assert refusal_of(folder) == f"{path} is not the record of a run: '{key}' is missing"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"model": {"hidden": 0}}, "hidden must be a whole number from 1 to "),
        ({"model": {"kind": ["mlp"]}}, "kind must be mlp or "),
        ({"model": []}, "'model' must be a dict, not []"),
        ({"train": {"nonsense": 1}}, "there is no setting 'nonsense'"),
        ({"train": {"learning_rate": "fast"}}, "learning_rate must be a number from "),
        ({"dataset": None}, ""),
        ({"dataset": []}, ""),
        ({"seed": "x"}, "'seed' must be "),
        ({"steps": None}, "'steps' must be "),
        ({"steps": math.inf}, "'steps' must be "),
    ],
    ids=str,
)
def test_a_record_with_a_wrong_value_is_refused_with_the_key(folder, changes, why):
    change_record(folder, **changes)
    assert f"{folder}/run.json is not the record of a run: {why}" in refusal_of(folder)


def test_a_dataset_that_has_changed_is_refused(write, tmp_path):
    path = write("anna\nbert\n" * 9)
    Session(Dataset(path), ModelSettings(kind="ngram")).save(tmp_path / "run")
    path.write_text("anna\nbert\n" * 10)
    assert refusal_of(tmp_path / "run").startswith(f"{path} has changed since {tmp_path}/run was")


def test_a_dataset_that_is_gone_is_refused(write, tmp_path):
    path = write("anna\nbert\n" * 9)
    Session(Dataset(path), ModelSettings(kind="ngram")).save(tmp_path / "run")
    path.unlink()
    assert f"{path}: there is no such file" in refusal_of(tmp_path / "run")


def test_a_wrong_fingerprint_is_refused(folder):
    of = json.loads((folder / "run.json").read_text())["dataset"]
    record = json.loads((folder / "run.json").read_text()) | {
        "dataset": of | {"fingerprint": "0" * 64}
    }
    del record["record_sha256"]
    (folder / "run.json").write_bytes(written(record))
    assert f"{of['path']} has changed since" in refusal_of(folder)


def test_of_a_changed_record_the_dataset_is_not_read(folder, tmp_path, monkeypatch):
    of = json.loads((folder / "run.json").read_text())["dataset"]
    change_record(folder, dataset=of | {"path": str(tmp_path / "huge.txt")})

    def read(*_):
        raise AssertionError("a dataset was read")

    monkeypatch.setattr(Dataset, "load", read)
    assert "run.json is damaged: it has changed" in refusal_of(folder)


def test_missing_weights_are_refused(folder):
    (folder / "weights.safetensors").unlink()
    assert refusal_of(folder).startswith(f"{folder}/weights.safetensors can't be read")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda raw: b"", id="empty"),
        pytest.param(lambda raw: raw[:7], id="cut in the length"),
        pytest.param(lambda raw: raw[:100], id="cut in the header"),
        pytest.param(lambda raw: raw[:-1], id="cut at the end"),
        pytest.param(lambda raw: raw + b"\0", id="a byte more"),
        pytest.param(lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]), id="a bit flipped"),
        pytest.param(lambda raw: raw + bytes(1 << 20), id="much too large"),
        pytest.param(lambda raw: b"\xff" * 8 + raw[8:], id="a monstrous header"),
        pytest.param(lambda raw: raw.replace(b'"b1"', b'"b9"'), id="another name"),
        pytest.param(lambda raw: raw.replace(b"[4,", b"[5,").replace(b"F32", b"I32"), id="a type"),
    ],
)
def test_damaged_weights_are_refused(folder, change):
    change_weights(folder, change)
    assert refusal_of(folder).startswith(f"{folder}/weights.safetensors is damaged: ")


def test_weights_of_another_shape_are_refused(session, folder, tmp_path):
    session.edit(hidden=8)
    session.save(tmp_path / "other")
    weights = (tmp_path / "other/weights.safetensors").read_bytes()
    change_weights(folder, lambda _: weights)
    sentence = refusal_of(folder)
    assert sentence.startswith(f"{folder}/weights.safetensors is damaged: ")
    assert "is missing or has another shape or type" in sentence


def test_weights_of_another_run_of_the_same_shape_are_refused(session, folder, tmp_path):
    session.train(1)
    session.save(tmp_path / "other")
    weights = (tmp_path / "other/weights.safetensors").read_bytes()
    change_weights(folder, lambda _: weights)
    assert "it is not the file that run.json was written with" in refusal_of(folder)


@pytest.fixture(scope="module")
def run_to_damage(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    Session(small, ModelSettings(context=1, embedding=1, hidden=1)).save(folder)
    return folder, (folder / "weights.safetensors").read_bytes()


@hypothesis_settings(max_examples=150)
@given(st.data())
def test_any_flipped_bit_in_the_weights_is_refused_by_name(run_to_damage, data):
    folder, raw = run_to_damage
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    damaged = bytearray(raw)
    damaged[bit // 8] ^= 1 << bit % 8
    (folder / "weights.safetensors").write_bytes(bytes(damaged))
    assert refusal_of(folder).startswith(f"{folder}/weights.safetensors")


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
