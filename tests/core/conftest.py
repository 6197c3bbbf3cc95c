"""One torch thread, the datasets that many tests share, and the engine's work as plain loops."""

import hashlib
import random
import unicodedata

import pytest
import torch

from makemore_tui.core.datasets.dataset import Dataset, built_in_path
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import TrainSettings
from makemore_tui.core.worker.autosave import Autosave
from tests.support.serving import MODEL, Client


class Plain:
    """What the engine does, the slow and obvious way. The boundary is "\\n", never in an item."""

    @staticmethod
    def items(raw):
        """The items of a file's bytes, in order."""
        text = raw.removeprefix(b"\xef\xbb\xbf").decode()
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        stripped = [unicodedata.normalize("NFC", line).strip() for line in lines]
        return [item for item in stripped if item]

    @staticmethod
    def splits(items):
        """The items of each split."""
        items = list(items)
        random.Random(42).shuffle(items)
        n1, n2 = int(0.8 * len(items)), int(0.9 * len(items))
        return {"train": items[:n1], "dev": items[n1:n2], "test": items[n2:], "all": items}

    @staticmethod
    def examples(items, context):
        """Every (context, next character) of some items."""
        examples = []
        for item in items:
            window = "\n" * context
            for character in item + "\n":
                examples.append((window, character))
                window = (window + character)[1:]
        return examples

    @staticmethod
    def tensors(items, context, characters):
        """Contexts (N, T) and targets (N,) of some items, as ids."""
        ids = {character: i for i, character in enumerate("\n" + characters)}
        examples = Plain.examples(items, context)
        contexts = [[ids[character] for character in window] for window, _ in examples]
        return torch.tensor(contexts), torch.tensor([ids[character] for _, character in examples])

    @staticmethod
    def batches(batches, size):
        """Of each of some `Batches`: contexts (M, T), and for each target its row and itself."""
        parts, first = [], 0
        for M, places in zip(batches.rows, batches.places, strict=True):
            places = places - first * size
            assert bool(((places >= 0) & (places < M * size)).all())
            parts.append((batches.contexts[first : first + M], places % M, places // M))
            first += M
        assert first == len(batches.contexts)
        return parts


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def plain():
    return Plain


@pytest.fixture(scope="session")
def names():
    """The built-in names."""
    return Dataset.load("names")


@pytest.fixture(scope="session")
def name_items():
    """The lines of the built-in names' file."""
    return built_in_path("names").read_text().split()


@pytest.fixture(scope="session")
def name_splits(name_items):
    return Plain.splits(name_items)


@pytest.fixture(scope="session")
def write(tmp_path_factory):
    """Writes text or bytes to a new file; its path."""

    def write(content, name="items.txt"):
        path = tmp_path_factory.mktemp("data") / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture(scope="session")
def small_items():
    """120 short items of six characters, some of them equal."""
    rng = random.Random(5)
    return ["".join(rng.choices("abcdeé", k=rng.randint(1, 5))) for _ in range(120)]


@pytest.fixture(scope="session")
def small(write, small_items):
    return Dataset(write("\n".join(small_items)))


@pytest.fixture(scope="session")
def small_splits(small_items):
    return Plain.splits(small_items)


@pytest.fixture(scope="session")
def many_characters(write):
    """A dataset of 4,001 characters, the boundary counted: too many for its examples at once."""
    characters = [chr(0x4E00 + i) for i in range(4000)]
    items = ["".join(characters[first : first + 800]) for first in range(0, 4000, 800)]
    return Dataset(write("\n".join(items * 6)))


@pytest.fixture(scope="session")
def state_hash():
    """A hash of all that the next steps of a session depend on: weights, optimizer, random state,
    step."""

    def state_hash(session):
        state = sorted(session.trainer.state_dict().items())
        plain = [(k, v.tolist() if isinstance(v, torch.Tensor) else v) for k, v in state]
        return hashlib.sha256(repr(plain).encode()).hexdigest()

    return state_hash


@pytest.fixture(scope="session")
def undisturbed():
    """A new session that takes the path that another's journal tells, and no other."""

    def undisturbed(session):
        again = Session(session.dataset, *session.first_settings, seed=session.seed)
        for entry in session.journal:
            again.train(entry.step - again.step)
            again.edit(**entry.changes)
        again.train(session.step - again.step)
        return again

    return undisturbed


@pytest.fixture
def serve(small):
    """Starts a server over a session; all are ended after the test."""
    clients = []

    def start(dataset=small, model=MODEL, seed=3, **train):
        settings = TrainSettings(**{"batch_size": 8, **train})
        clients.append(Client(Session(dataset, model, settings, seed=seed)))
        return clients[-1]

    yield start
    for client in clients:
        client.end()


@pytest.fixture
def serve_saving(small, tmp_path):
    """Serves a session whose runs are saved below a directory."""
    clients = []

    def serve_saving():
        session = Session(small, MODEL, TrainSettings(batch_size=8, steps=10**9))
        autosave = Autosave(tmp_path / "runs", 10**9)
        clients.append(Client(session, autosave=autosave))
        return clients[-1]

    yield serve_saving
    for client in clients:
        client.end()
