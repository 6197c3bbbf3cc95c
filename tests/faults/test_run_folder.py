"""A run's folder whose writer is killed, and one whose files are damaged in every way."""

import json
import os
import pickle
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.errors import UserError
from makemore_tui.core.runs import record as run_record
from makemore_tui.core.runs.checkpoint import read
from makemore_tui.core.runs.reading import sha256
from makemore_tui.core.runs.tensors import parsed, serialized
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings

MAX_BYTES = 200e6  # that reading a damaged run may take
SAVING = """
import os
import sys
from pathlib import Path
from makemore_tui.core.runs.checkpoint import read, run_snapshot, write_run
folder, *sources = map(Path, sys.argv[1:])
runs = [run_snapshot(read(source)) for source in sources]
for _ in sys.stdin:
    print("saving", flush=True)
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        while True:
            for run in runs:
                write_run(run, folder)
    os.wait()
    print("killed", flush=True)
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two states of one run, `one` and `two`, and `run`, which begins as a copy of `one`."""
    folder = tmp_path_factory.mktemp("runs")
    words = folder / "words.txt"
    words.write_text("\n".join(["emma", "olivia", "ava", "isabella", "mia", "zoe"] * 5))
    session = Session(Dataset.load(words), ModelSettings(context=3, embedding=4, hidden=10))
    for name in ("one", "two"):
        session.train(5)
        session.edit(learning_rate=0.05)
        session.save(folder / name)
    shutil.copytree(folder / "one", folder / "run")
    return folder


def weights(folder):
    session = read(folder)
    return session.step, [tensor.tolist() for tensor in session.model.tensors.values()]


def test_a_run_is_the_old_or_the_new_one_whenever_its_writer_is_killed(runs, many):
    whole = [weights(runs / name) for name in ("one", "two")]
    rng = random.Random(1)
    words = [sys.executable, "-c", SAVING, *(str(runs / name) for name in ("run", "one", "two"))]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdin
        assert writer.stdout
        for _ in range(many(10, 200)):
            writer.stdin.write("again\n")
            writer.stdin.flush()
            assert writer.stdout.readline() == "saving\n"
            child = int(writer.stdout.readline())
            try:
                time.sleep(rng.uniform(0, 0.03))
            finally:
                os.kill(child, signal.SIGKILL)
            assert writer.stdout.readline() == "killed\n"
            assert weights(runs / "run") in whole
        writer.stdin.close()


# Damage. A checksum finds most of it; so after the kinds that it would hide, the sums are right.


class Damage:
    """Damages the run in a folder; every kind is one method, named for what it does."""

    def __init__(self, folder: Path, outside: Path, rng: random.Random):
        self.folder, self.outside, self.rng = folder, outside, rng
        self.record = json.loads((folder / "run.json").read_text())

    def cut_short(self) -> None:
        path = self._any_file()
        path.write_bytes(path.read_bytes()[: self.rng.randrange(path.stat().st_size)])

    def bit_flipped(self) -> None:
        path = self._any_file()
        content = bytearray(path.read_bytes())
        content[self.rng.randrange(len(content))] ^= 1 << self.rng.randrange(8)
        path.write_bytes(content)

    def bytes_replaced(self) -> None:
        path = self._any_file()
        content = bytearray(path.read_bytes())
        first = self.rng.randrange(len(content))
        content[first : first + self.rng.randrange(1, 99)] = self.rng.randbytes(50)
        path.write_bytes(content)

    def file_missing(self) -> None:
        self._any_file().unlink()

    def key_missing(self) -> None:
        holder, key = self.rng.choice([p for p in _places(self.record) if p[1] in _NEEDED])
        del holder[key]
        self._sign()

    def value_of_another_kind(self) -> None:
        holder, key = self.rng.choice([p for p in _places(self.record) if p[1] in _NEEDED])
        others = [[], {}, "\x1b[31m../..", -(2**70), 2**70, 1e308, True, None, [[["x"]]]]
        holder[key] = self.rng.choice([o for o in others if type(o) is not type(holder[key])])
        if key == "fingerprint":
            holder[key] = "0" * 64
        self._sign()

    def shape_of_another_model(self) -> None:
        name, tensor = self._any_tensor()
        self._write_weights({name: torch.cat([tensor, tensor[:1]])})

    def tensor_missing(self) -> None:
        name, _ = self._any_tensor()
        self._write_weights({}, without=name)

    def not_a_number(self) -> None:
        name, tensor = self._any_tensor()
        tensor.view(-1)[self.rng.randrange(tensor.numel())] = self.rng.choice(
            [float("nan"), float("inf"), -float("inf")]
        )
        self._write_weights({name: tensor})

    def gigabyte_claimed(self) -> None:
        size = 1 << 30
        begin = {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}
        header = json.dumps({"W1": begin}).encode()
        claimed = self.rng.choice([len(header), size, (1 << 63) + 5])
        self._write("weights.safetensors", struct.pack("<Q", claimed) + header + bytes(100))

    def gigabyte_of_nothing(self) -> None:
        with self._any_file().open("r+b") as file:
            file.truncate(1 << 30)  # sparse: it takes no room on the disk

    def pickle_under_its_name(self) -> None:
        class Mark:
            def __reduce__(self):
                return os.mkdir, (marked,)

        marked = str(self.outside / "code was run")
        self._write("weights.safetensors", pickle.dumps(Mark(), self.rng.randrange(6)))

    def path_out_of_the_folder(self) -> None:
        up = "../" * self.rng.randrange(1, 9)
        if self.rng.random() < 0.5:
            self.record["dataset"]["path"] = f"{up}etc/hostname"
            self._sign()
        else:
            self._write_weights({f"{up}W1": torch.zeros(3)})

    def link_out_of_the_folder(self) -> None:
        path = self._any_file()
        elsewhere = self.outside / path.name
        shutil.copy(path, elsewhere)
        path.unlink()
        path.symlink_to(elsewhere)

    def device_in_place_of_the_data(self) -> None:
        device = self.rng.choice(["/dev/zero", "/dev/random", "/dev/stdin"])
        self.record["dataset"]["path"] = device
        self._sign()

    def pipe_in_place_of_a_file(self) -> None:
        path = self._any_file()
        path.unlink()
        os.mkfifo(path)

    def _any_file(self) -> Path:
        names = ("run.json", "weights.safetensors", "metrics.csv")
        return self.folder / self.rng.choice(names)

    def _any_tensor(self) -> tuple[str, torch.Tensor]:
        names = ["C", "W1", "b1", "W2", "b2"]
        name = self.rng.choice(names)
        return name, self._tensors()[name].clone()

    def _tensors(self) -> dict[str, torch.Tensor]:
        path = self.folder / "weights.safetensors"
        return parsed(path, path.read_bytes())

    def _write_weights(self, changes: dict[str, torch.Tensor], without: str = "") -> None:
        tensors = {k: v for k, v in self._tensors().items() if k != without}
        self._write("weights.safetensors", serialized(tensors | changes))

    def _write(self, name: str, content: bytes) -> None:
        (self.folder / name).write_bytes(content)
        self.record["weights_sha256"] = sha256(content)
        self._sign()

    def _sign(self) -> None:
        unsigned = {k: v for k, v in self.record.items() if k != "record_sha256"}
        (self.folder / "run.json").write_bytes(run_record.written(unsigned))


_NEEDED = (
    *("format", "versions", "dataset", "unique", "fingerprint", "seed", "steps", "model", "train"),
    *("first", "journal", "weights_sha256", "metrics_sha256", "history", "width", "dev_losses"),
    *("points", "named", "threads", "step", "changes"),
)
KINDS = [name for name in vars(Damage) if not name.startswith("_")]


def _places(value) -> Iterator[tuple[dict, str]]:
    """Every key in a record, with what holds it; settings, which may be left out, are not keys."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield value, key
            if key not in ("model", "train", "changes", "versions"):
                yield from _places(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _places(inner)


def everything(folder):
    """What a folder holds, by name: each file's content, or where a link leads."""
    return {
        path: path.readlink() if path.is_symlink() else path.is_file() and path.read_bytes()
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_run_is_refused_in_a_sentence(runs, many, tmp_path, kind):
    rng = random.Random(kind)
    for number in range(many(4, -(-500 // len(KINDS)))):
        folder, outside = tmp_path / str(number) / "run", tmp_path / str(number)
        shutil.copytree(runs / "two", folder)
        damage: Callable[[], None] = getattr(Damage(folder, outside, rng), kind)
        damage()
        before, most = everything(runs) | _outside(outside), _peak()
        began = time.perf_counter()
        with pytest.raises(UserError) as refusal:
            read(folder)
        print(f"{kind}: {time.perf_counter() - began:.3f} s")
        assert len(str(refusal.value).splitlines()) == 1
        assert str(refusal.value).isprintable()
        assert _peak() - most < MAX_BYTES
        assert everything(runs) | _outside(outside) == before


def _outside(folder):
    return {path: path.stat().st_mtime_ns for path in folder.iterdir() if path.name != "run"}


def _peak():
    """The most bytes of memory that this process has ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
