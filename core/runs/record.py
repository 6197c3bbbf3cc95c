"""The record of a saved run: everything but its tensors, checked when read. Torch-free."""

import json
import math
import os
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import msgspec
from msgspec import Meta, Struct, structs

from ..constants import BUILT_IN_DATASETS
from ..errors import UserError
from ..reading import PLAIN, Reading
from ..results import DevDifference, Resizing
from ..settings import ModelSettings, TrainSettings, plan_edit

FORMAT = 4
MAX_RECORD_BYTES = 3 << 20  # a journal of some 30,000 edits
MAX_BUCKETS = 1 << 14  # of the loss history
_MAX_BUCKET_WIDTH = 1 << 40  # steps
_MAX_MESSAGE_LENGTH = 300  # characters

Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
# A loss in nats: a little below 0 by rounding, up to the largest float32; None stands for NaN.
Loss = Annotated[float, Meta(ge=-1e-3, le=3.5e38)] | Literal["Infinity"] | None


class JournalEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """A change of settings, and the number of steps taken before it."""

    step: Count
    changes: dict[str, bool | int | float | str]


class DatasetRecord(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a run was trained on. reading: left out of the JSON where the file is plain lines."""

    name: str
    path: Annotated[str, Meta(max_length=4096)] | None  # absolute; None for a built-in dataset
    unique: bool
    fingerprint: str  # the SHA-256 of the items
    reading: Reading = PLAIN


class FirstSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings at step 0."""

    model: ModelSettings
    train: TrainSettings


class History(Struct, frozen=True, forbid_unknown_fields=True):
    """width: how many steps a bucket of the minibatch losses holds, a power of two."""

    width: Annotated[int, Meta(ge=1, le=_MAX_BUCKET_WIDTH)]


class DevRecord(Struct, frozen=True, forbid_unknown_fields=True):
    """The dev losses of a run, in nats."""

    points: tuple[tuple[Count, Loss], ...] = ()  # steps and losses
    best: Annotated[float, Meta(ge=-1e-3, le=3.5e38)] | None = None  # the lowest finite loss

    @property
    def last(self) -> float | None:
        """The newest loss; None without any, or if it is no number."""
        loss = self.points[-1][1] if self.points else None
        return None if loss is None else float(loss)


class TwinRecord(Struct, frozen=True, forbid_unknown_fields=True):
    """Of run A, which run B is trained beside it: the name of B's file in the same folder, A's step
    at the beginning of that, how often the two were compared, and what came of it."""

    file: str
    forked_at: Count = 0
    looks: Count = 0
    differences: tuple[DevDifference, ...] = ()


class RunRecord(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything but the tensors of a saved run."""

    format: int
    versions: dict[str, str]
    threads: Annotated[int, Meta(ge=1, le=2**31)]  # of torch, on which a replay's last bits depend
    named: bool  # True when a person gave the run its name; other runs may be pruned
    saved: datetime
    dataset: DatasetRecord
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
    steps: Count
    counted: Count  # the examples counted so far, of a table of counts
    model: ModelSettings
    train: TrainSettings
    first: FirstSettings
    journal: tuple[JournalEntry, ...]
    resized: Resizing | None
    diverged_at: Count | None  # the first step whose loss had exploded, or (later) was not finite
    history: History
    dev_losses: DevRecord
    report: dict[str, Any]
    tensors_sha256: str  # of the bytes of all tensors
    dropout_version: Literal[1, 2]
    init_version: Literal[1, 2] = 1  # absent from records written before there was another
    mixed_losses: DevRecord = DevRecord()  # of the network mixed with counts
    test_peeks: Count = 0  # how often the test split was evaluated
    twin: TwinRecord | None = None  # of run A of a pair

    @property
    def best_dev(self) -> float | None:
        """As `best_dev` of the run, in nats; None without any."""
        return best_dev(self.model, self.train, self.dev_losses, self.mixed_losses)

    @property
    def usable_threads(self) -> int:
        """As many threads as the run was trained with, as far as this machine has them."""
        return min(self.threads, os.cpu_count() or 1)

    @property
    def dataset_name(self) -> str:
        """What `Dataset.load` takes: a built-in dataset's name, or the path of a file."""
        return self.dataset.name if self.dataset.path is None else self.dataset.path


class _Losses(Protocol):
    """The lowest and the newest of some dev losses, in nats."""

    @property
    def best(self) -> float | None: ...

    @property
    def last(self) -> float | None: ...


def best_dev(
    model: ModelSettings, train: TrainSettings, alone: _Losses, mixed: _Losses
) -> float | None:
    """The lowest dev loss of what a run predicts with: a network alone, or mixed with counts. Of
    counts the newest, because an edit makes another table of them."""
    if not model.model_kind.is_network:
        return alone.last
    return mixed.best if train.mix and mixed.best is not None else alone.best


def check_format(path: Path, raw: Any) -> int:
    """The format that a decoded record names; raises UserError if that is none or a newer one."""
    number = raw.get("format") if isinstance(raw, dict) else None
    if type(number) is not int:
        raise UserError(f"{path} is not the record of a run: 'format' is missing")
    if number > FORMAT:
        raise UserError(
            f"{path} has format {number}, made by a newer makemore-tui; "
            f"this one reads up to format {FORMAT}"
        )
    return number


def record_of(raw: Any, path: Path) -> RunRecord:
    """The record in a decoded JSON value. Raises UserError if a value is missing, unknown, of the
    wrong type or out of bounds."""
    try:
        record = msgspec.convert(raw, RunRecord)
    except msgspec.ValidationError as error:
        raise UserError(f"{path} is damaged: {_explained(error)}") from None
    # `replace`, because msgspec leaves default values out of a dataclass's __dict__.
    first = FirstSettings(replace(record.first.model), replace(record.first.train))
    model, train = replace(record.model), replace(record.train)
    record = structs.replace(record, first=first, model=model, train=train)
    if problem := _problem(record, raw):
        raise UserError(f"{path} is damaged: {problem}")
    return record


def check_journal(record: RunRecord, path: Path) -> None:
    """Raises UserError unless the journal leads from the first settings to the present ones."""
    model, train = record.first.model, record.first.train
    for entry in record.journal:
        try:
            plan = plan_edit(model, train, entry.changes)
        except UserError as error:
            raise UserError(f"{path} is damaged: in its journal {error}") from None
        if plan.effect == "restart":
            raise UserError(f"{path} is damaged: an edit in its journal starts another run")
        model, train = plan.model, plan.train
    if (model, train) != (record.model, record.train):
        raise UserError(f"{path} is damaged: its journal does not lead to its settings")


def record_json(record: RunRecord) -> bytes:
    """The JSON of a record. Raises UserError if its journal is too long to be saved."""
    content = to_json(msgspec.to_builtins(record)).encode()
    if len(content) > MAX_RECORD_BYTES:
        edits = len(record.journal)
        raise UserError(f"a run of {edits:,} edits has too long a journal to be saved")
    return content


def to_json(value: Any, indent: int | None = None) -> str:
    """Valid JSON of plain values: an infinite number becomes "Infinity", NaN becomes null."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def _explained(error: msgspec.ValidationError) -> str:
    """A sentence for a value that is not as it should be: its name, and what would be right."""
    message, _, where = str(error).partition(" - at `$")
    name = where.strip("`.") or "the record"
    words = {"int": "a whole number", "float": "a number", "str": "text", "bool": "true or false",
             "array": "a list", "object": "an object", "null": "nothing"}  # fmt: skip
    message = re.sub(r"`(\w+)`", lambda found: words.get(found[1], f"'{found[1]}'"), message)
    if message.startswith("Expected "):
        return f"{name} must be {message[9:].replace(', got ', ', not ')}"
    return f"{name}: {message[:_MAX_MESSAGE_LENGTH]}"


def _problem(record: RunRecord, raw: dict[str, Any]) -> str | None:
    """What its types don't say of a record that is wrong; None when nothing is."""
    for settings, given in ((record, raw), (record.first, raw["first"])):
        unknown = given["model"].keys() - vars(settings.model)
        unknown |= given["train"].keys() - vars(settings.train)
        if unknown:  # msgspec ignores it, because settings are dataclasses
            return f"there is no setting {min(unknown)[:_MAX_MESSAGE_LENGTH]!r}"
    dataset, steps, width = record.dataset, record.steps, record.history.width
    if dataset.path is None and dataset.name not in BUILT_IN_DATASETS:
        return f"there is no built-in dataset {dataset.name[:_MAX_MESSAGE_LENGTH]!r}"
    if dataset.path is not None and (not os.path.isabs(dataset.path) or "\0" in dataset.path):
        return f"the path of its dataset must be absolute, not {dataset.path!r}"
    edited = [entry.step for entry in record.journal]
    if edited != sorted(edited) or any(step > steps for step in edited):
        return "the steps in its journal must rise, up to the steps taken"
    if width & (width - 1) or steps // width > MAX_BUCKETS:
        return f"history.width can't be {width} after {steps} steps"
    if any(step > steps for step, _ in (*record.dev_losses.points, *record.mixed_losses.points)):
        return "it has a dev loss of a step that was not taken"
    return None
