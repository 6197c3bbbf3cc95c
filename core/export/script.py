"""A run as one plain PyTorch file, or as a notebook, that takes the same steps and imports nothing
of ours.

It draws the same weights, minibatches and dropout masks from generators of the same seeds, and lets
autograd find the gradients. So its losses are those of the run up to rounding.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ..models.resize import seed_of_edit
from ..session.session import Session
from ..settings import SIZES, first_n
from ..text import shown
from ..training.counting import CountingTrainer
from .timeline import Edit, edits, edits_by_step, of

_VARIABLES = {"learning_rate", "batch_size", "schedule", "steps", "weight_decay", "dropout"}
_VARIABLES |= {"train_on"}
_OF_MASKS = {"dropout", "hidden", "batch_size", "train_on"}  # on which they depend


@dataclass(frozen=True)
class Cell:
    """Some code, and the words before it."""

    words: list[str]
    code: list[str]


def export_script(session: Session, stem: str = "run") -> str:
    """The Python file; `stem` is its name without the ending. It reads `data_name(session)`."""
    parts = []
    for cell in _cells(session, stem, notebook=False):
        words = [f"# {line}".rstrip() for line in cell.words]
        # The words of functions stand by themselves.
        gap = "\n" * 3 if cell.code[:2] == ["", ""] else "\n"
        parts.append("\n".join(words) + (gap if words else "") + "\n".join(cell.code).strip("\n"))
    is_def = [bool(re.search(r"(^|\n)(def|@)", cell)) for cell in parts]
    text = parts[0]
    for part, ends_with_def in zip(parts[1:], is_def, strict=False):
        text += ("\n\n\n" if ends_with_def else "\n\n") + part
    return text + "\n"


def export_notebook(session: Session, stem: str = "run") -> str:
    """The notebook, of nbformat 4.5, as JSON."""
    found: list[dict[str, Any]] = []

    def add(kind: str, source: str, **more: Any) -> None:
        found.append(
            {
                "cell_type": kind,
                "id": f"cell-{len(found)}",
                "metadata": {},
                "source": source,
                **more,
            }
        )

    for cell in _cells(session, stem, notebook=True):
        add("markdown", "\n".join(cell.words))
        add("code", "\n".join(cell.code).strip("\n"), execution_count=None, outputs=[])
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook = {"cells": found, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def data_name(session: Session) -> str:
    """The name of the file of words that script and notebook read beside them."""
    return session.dataset.path.name


def _cells(session: Session, stem: str, notebook: bool) -> list[Cell]:
    environment = Environment(
        loader=PackageLoader(__package__ or "", "templates"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    environment.filters["quoted"] = environment.filters["literal"] = _literal
    text = environment.get_template("script.py.j2").render(
        _facts(session) | {"stem": shown(stem), "notebook": notebook}
    )
    cells: list[Cell] = []
    for line in text.split("\n"):
        if line.startswith("#%"):
            if not cells or cells[-1].code:
                cells.append(Cell([], []))
            cells[-1].words.append(line[3:])
        elif cells:
            cells[-1].code.append(line)
    return cells


def _facts(session: Session) -> dict[str, Any]:
    """What the template is filled with."""
    model, train = session.first_settings
    all_edits = edits(session)
    over_time = [train, *(edit.after[1] for edit in all_edits)]
    values = {name: {getattr(one, name) for one in over_time} for name in _VARIABLES}
    schedules = [s for s in ("step", "linear", "cosine", "constant") if s in values["schedule"]]
    optimizers = {one.optimizer for one in over_time}
    mlp, counts = model.kind == "mlp", model.kind == "ngram"
    sizes = [(name, edit) for edit in all_edits for name in SIZES if mlp and name in edit.changes]
    shrinks = {n for n, edit in sizes if edit.changes[n] < getattr(edit.model, n)}
    grows = {n for n, edit in sizes if edit.changes[n] > getattr(edit.model, n)}
    trainer = session.trainer
    counted = trainer.counted if isinstance(trainer, CountingTrainer) else 0
    drops = mlp and bool(values["dropout"] - {0})
    names = "C, W1, b1, W2, b2, W3" if model.direct else "C, W1, b1, W2, b2"
    unused = set() if drops else {"dropout"}
    unused |= set() if schedules != ["constant"] else {"schedule", "steps"}
    unused |= set() if len(schedules) > 1 else {"schedule"}
    unused |= set() if values["weight_decay"] - {0} else {"weight_decay"}
    dataset = session.dataset
    what = {"mlp": "A character-level MLP (Bengio et al. 2003)", "ngram": "Counts of n-grams"}
    steps = f"{of(session.step)} steps with seed {session.seed}, {of(len(all_edits))} edits"
    return {
        "heading": what.get(model.kind, "The bigram table as a one-layer network")
        + " on a file of words, exported from makemore-tui.",
        "facts": f"It does what the run did: {steps}.",
        "parts": not counts,
        "data_name": data_name(session),
        "shown_data_name": shown(data_name(session)),
        "kind": model.kind,
        "mlp": mlp,
        "model": model,
        "train": train,
        "seed": session.seed,
        "steps": session.step,
        "names": names,
        "plain_lines": dataset.built_in,
        "boundary": _boundary(session),
        "unique": dataset.unique,
        "first_items": sorted(n for n in map(first_n, values["train_on"]) if n),
        "trained_on": values["train_on"],
        "edits": edits_by_step(session),
        "schedules": schedules,
        "scheduled": schedules != ["constant"],
        "decays": bool(values["weight_decay"] - {0}),
        "drops": drops,
        "dropout_version": session.dropout_version,
        "both_optimizers": len(optimizers) > 1,
        "adamw": "adamw" in optimizers,
        "full_batches": 0 in values["batch_size"],
        "shrinks": bool(shrinks),
        "shrinks_embedding": "embedding" in shrinks,
        "shrinks_hidden": "hidden" in shrinks,
        "grows": bool(grows),
        "needs_math": "cosine" in schedules and not counts,
        "smoothing": session.train_settings.smoothing,
        "counted": counted,
        "all_counted": not counts or getattr(trainer, "finished", False),
        "lines_of": lambda some: _lines(session, some, _VARIABLES - unused, drops),
    }


def _lines(session: Session, some: list[Edit], variables: set[str], drops: bool) -> list[str]:
    """The lines of the script that are some edits of a network."""
    lines: list[str] = []
    for edit in some:
        model, train = edit.after
        for name in [name for name in edit.changes if name in variables]:
            variable = "n_steps" if name == "steps" else name
            lines.append(f"{variable} = {_literal(getattr(train, name))}")
        if train.optimizer != edit.train.optimizer:
            new = "torch.optim.AdamW(parameters)" if train.optimizer == "adamw" else "None"
            lines.append(f"optimizer = {new}")
        if "train_on" in edit.changes:
            lines.append("X, Y = data[train_on]")
        if model.kind == "mlp":
            lines += _size_lines(session, edit)
        if drops and train.dropout != 0 and edit.changes.keys() & _OF_MASKS:
            lines.append("masks = draw_masks()")
    return lines


def _size_lines(session: Session, edit: Edit) -> list[str]:
    model = edit.after[0]
    old = [getattr(edit.model, name) for name in SIZES]
    new = [getattr(model, name) for name in SIZES]
    between = [min(pair) for pair in zip(old, new, strict=True)]
    lines = []
    if between != old:
        lines.append(f"shrink({_sizes(between)})")
    if between != new:
        seed = seed_of_edit(session.seed, edit.step, edit.number)
        lines.append(f"grow({_sizes(new)}, seed={seed})")
    if old[0] != new[0]:
        lines.append("data = {name: build_dataset(split) for name, split in splits.items()}")
        lines.append("X, Y = data[train_on]")
    return lines


def _sizes(sizes: list[int]) -> str:
    return ", ".join(f"{name}={size}" for name, size in zip(SIZES, sizes, strict=True))


def _boundary(session: Session) -> str:
    """A sign for the boundary that isn't in the data; a newline never is."""
    vocabulary = session.dataset.vocabulary
    return "\n" if vocabulary.boundary_sign in vocabulary.characters else vocabulary.boundary_sign


def _literal(value: Any) -> str:
    """A value as Python code, strings in double quotes where ruff would have them."""
    text = repr(value)
    return f'"{text[1:-1]}"' if text.startswith("'") and '"' not in text else text
