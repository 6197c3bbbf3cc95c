"""The file of a run whose writer is killed, and one that is damaged in every way."""

import os
import pickle
import random
import resource
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.errors import UserError
from makemore_tui.core.runs.checkpoint import read
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings
from tests.support.killed_writer import KilledWriter
from tests.support.run_damage import change_tensors, parts, put

MAX_BYTES = 200e6  # that reading a damaged run may take


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two states of one run, `one` and `two`, and `run`, which begins as a copy of `one`."""
    folder = tmp_path_factory.mktemp("runs")
    words = folder / "words.txt"
    words.write_text("\n".join(["emma", "olivia", "ava", "isabella", "mia", "zoe"] * 5))
    model = ModelSettings(context=3, embedding=4, hidden=10, direct=True)
    train = TrainSettings(batch_size=70, optimizer="adamw", learning_rate=0.01, dropout=0.2)
    session = Session(Dataset.load(words), model, train)
    for name in ("one", "two"):
        session.train(5)
        session.edit(learning_rate=0.05)
        session.save(folder / name)
    shutil.copy(folder / "one.safetensors", folder / "run.safetensors")
    return folder


def weights(path):
    session = Session.load(path)
    return session.step, [tensor.tolist() for tensor in session.model.tensors.values()]


def test_a_run_is_the_old_or_the_new_one_whenever_its_writer_is_killed(runs, many):
    whole = [weights(runs / name) for name in ("one", "two")]
    rng = random.Random(1)
    paths = [runs / f"{name}.safetensors" for name in ("run", "one", "two")]
    with KilledWriter(paths[0], paths[1:]) as writer:
        for _ in range(many(10, 200)):
            writer.start()
            time.sleep(rng.uniform(0, 0.03))
            writer.kill()
            assert weights(runs / "run") in whole
        writer.start()
        for _ in range(many(40, 400)):
            assert weights(runs / "run") in whole  # while it is saved
        writer.kill()


# Damage. A checksum finds most of it; so after the kinds that it would hide, the sums are right.


class Damage:
    """Damages the file of a run; every kind is one method, named for what it does."""

    def __init__(self, path: Path, rng: random.Random):
        self.path, self.rng = path, rng
        self.header, self.record, self.data = parts(path)

    def cut_short(self) -> None:
        os.truncate(self.path, self.rng.randrange(self.path.stat().st_size))

    def bit_flipped(self) -> None:
        content = bytearray(self.path.read_bytes())
        content[self.rng.randrange(len(content))] ^= 1 << self.rng.randrange(8)
        self.path.write_bytes(content)

    def bytes_replaced(self) -> None:
        content = bytearray(self.path.read_bytes())
        first = self.rng.randrange(len(content))
        content[first : first + self.rng.randrange(1, 99)] = self.rng.randbytes(50)
        self.path.write_bytes(content)

    def bytes_inserted(self) -> None:
        content = self.path.read_bytes()
        first = self.rng.randrange(len(content))
        more = self.rng.randbytes(self.rng.randrange(1, 9))
        self.path.write_bytes(content[:first] + more + content[first:])

    def halves_of_two_runs(self) -> None:
        other = self.path.with_name("one.safetensors").read_bytes()
        content, first = self.path.read_bytes(), self.rng.randrange(1, len(other) - 1)
        mixture = content[:first] + other[first:]
        self.path.write_bytes(mixture if mixture not in (content, other) else content[:first])

    def key_missing(self) -> None:
        holder, key = self.rng.choice([p for p in _places(self.record) if p[1] in _NEEDED])
        del holder[key]
        self._put()

    def value_of_another_kind(self) -> None:
        holder, key = self.rng.choice([p for p in _places(self.record) if p[1] in _NEEDED])
        others = [[], {}, "\x1b[31m../..", -(2**70), 2**70, 1e308, True, None, [[["x"]]]]
        holder[key] = self.rng.choice([o for o in others if type(o) is not type(holder[key])])
        if key == "fingerprint":
            holder[key] = "0" * 64
        self._put()

    def header_of_another_kind(self) -> None:
        name = self.rng.choice([name for name in self.header if name != "__metadata__"])
        self.header[name] = self.rng.choice([[], {}, None, 3, "x", {"dtype": "F32"}])
        self._put()

    def shape_of_another_model(self) -> None:
        name = self._any_tensor()
        change_tensors(self.path, lambda t: t.update({name: torch.cat([t[name], t[name][:1]])}))

    def tensor_missing(self) -> None:
        change_tensors(self.path, lambda t: t.pop(self._any_tensor()))

    def not_a_number(self) -> None:
        name, number = self._any_tensor(), self.rng.choice(["nan", "inf", "-inf"])

        def spoil(tensors: dict[str, torch.Tensor]) -> None:
            flat = tensors[name].view(-1)
            flat[self.rng.randrange(len(flat))] = float(number)

        change_tensors(self.path, spoil)

    def gigabyte_claimed(self) -> None:
        size = 1 << 30
        self.header["W1"] = {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}
        self._put()
        claimed = self.rng.choice([None, size, (1 << 63) + 5])
        if claimed:
            content = self.path.read_bytes()
            self.path.write_bytes(claimed.to_bytes(8, "little") + content[8:])

    def gigabyte_of_nothing(self) -> None:
        os.truncate(self.path, 1 << 30)  # sparse: it takes no room on the disk

    def pickle_under_its_name(self) -> None:
        class Mark:
            def __reduce__(self):
                return os.mkdir, (marked,)

        marked = str(self.path.parent / "code was run")
        self.path.write_bytes(pickle.dumps(Mark(), self.rng.randrange(6)))

    def path_out_of_the_folder(self) -> None:
        up = "../" * self.rng.randrange(1, 9)
        if self.rng.random() < 0.5:
            self.record["dataset"]["path"] = f"{up}etc/hostname"
            self._put()
        else:
            change_tensors(self.path, lambda t: t.update({f"{up}W1": torch.zeros(3)}))

    def link_elsewhere(self) -> None:
        elsewhere = self.path.with_name("elsewhere")
        self.path.rename(elsewhere)
        self.path.symlink_to(elsewhere)

    def device_in_place_of_the_data(self) -> None:
        device = self.rng.choice(["/dev/zero", "/dev/random", "/dev/stdin"])
        self.record["dataset"]["path"] = device
        self._put()

    def pipe_in_place_of_the_file(self) -> None:
        self.path.unlink()
        os.mkfifo(self.path)

    def _any_tensor(self) -> str:
        return self.rng.choice(["C", "W1", "b1", "W2", "b2"])

    def _put(self) -> None:
        put(self.path, self.header, self.record, self.data)


_NEEDED = (
    *("format", "versions", "dataset", "unique", "fingerprint", "seed", "steps", "model", "train"),
    *("first", "journal", "tensors_sha256", "dropout_version", "history", "width", "points"),
    *("dev_losses", "named", "threads", "step", "changes", "saved", "report"),
)
_OPTIONAL = ("points",)  # may be left out
KINDS = [name for name in vars(Damage) if not name.startswith("_")]


def _places(value: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Every key in a record, with what holds it; settings, which may be left out, are not keys."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in _OPTIONAL:
                yield value, key
            if key not in ("model", "train", "changes", "versions", "report"):
                yield from _places(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _places(inner)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_run_is_refused_in_a_sentence(runs, many, tmp_path, kind):
    rng = random.Random(kind)
    for number in range(many(4, -(-500 // len(KINDS)))):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name in ("one", "two"):
            shutil.copy(runs / f"{name}.safetensors", folder)
        path = folder / "two.safetensors"
        damage: Callable[[], None] = getattr(Damage(path, rng), kind)
        damage()
        before, most = listing(folder), _peak()
        began = time.perf_counter()
        with pytest.raises(UserError) as refusal:
            read(path)
        print(f"{kind}: {time.perf_counter() - began:.3f} s")
        assert len(str(refusal.value).splitlines()) == 1
        assert str(refusal.value).isprintable()
        assert _peak() - most < MAX_BYTES
        assert listing(folder) == before


def listing(folder):
    """What a folder holds: each name, and when it was changed."""
    return {path: path.lstat().st_mtime_ns for path in folder.iterdir()}


def _peak():
    """The most bytes of memory that this process has ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
