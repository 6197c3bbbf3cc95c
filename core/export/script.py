"""A run as one plain PyTorch file, or as a notebook, that takes the same steps and imports nothing
of this project.

It draws the same weights, minibatches and dropout masks from generators with the same seeds, and
autograd finds the gradients; so its losses are those of the run up to rounding.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from ..models.resize import seed_of_edit
from ..session.session import Session
from ..settings import SIZES, first_n
from ..text import shown
from .rendering import templates
from .timeline import Edit, edits, edits_by_step, value_text

_SCHEDULES = ("step", "linear", "cosine", "constant")
# Settings that are variables of the script, so that an edit is an assignment.
_VARIABLES = (
    "learning_rate", "batch_size", "schedule", "steps", "weight_decay", "dropout", "train_on"
)  # fmt: skip
_MASK_SETTINGS = {"dropout", "hidden", "batch_size", "train_on"}  # dropout masks depend on them
_HEADINGS = {
    "mlp": "A character-level MLP (Bengio et al. 2003)",
    "ngram": "Counts of n-grams",
    "neural-bigram": "The bigram table as a one-layer network",
}


def export_script(session: Session, stem: str = "run") -> str:
    """The Python file, which reads the items of `data_name(session)` beside it.

    stem: its name without the ending.
    """
    text, ends_with_def = "", False
    for words, code in _cells(session, stem, notebook=False):
        # Text before a function stands by itself.
        gap = ("\n" * 3 if code[:2] == ["", ""] else "\n") * bool(words)
        part = "\n".join(f"# {line}".rstrip() for line in words) + gap
        part += "\n".join(code).strip("\n")
        text += ("\n\n\n" if ends_with_def else "\n\n") * bool(text) + part
        ends_with_def = bool(re.search(r"(^|\n)(def|@)", part))
    return text + "\n"


def export_notebook(session: Session, stem: str = "run") -> str:
    """The notebook, of nbformat 4.5, as JSON."""
    cells: list[dict[str, Any]] = []

    def add(kind: str, source: str, **more: Any) -> None:
        cell = {"cell_type": kind, "id": f"cell-{len(cells)}", "metadata": {}, "source": source}
        cells.append(cell | more)

    for words, code in _cells(session, stem, notebook=True):
        add("markdown", "\n".join(words))
        add("code", "\n".join(code).strip("\n"), execution_count=None, outputs=[])
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def data_name(session: Session) -> str:
    """The name of the file of items that script and notebook read beside them."""
    return session.dataset.path.name


def _cells(session: Session, stem: str, notebook: bool) -> list[tuple[list[str], list[str]]]:
    """The template's cells, each its lines of text and of code.

    A line that begins with `#%` is text, and begins a cell after code.
    """
    environment = templates()
    environment.filters["quoted"] = environment.filters["literal"] = _literal
    text = environment.get_template("script.py.j2").render(
        _variables(session) | {"stem": shown(stem), "notebook": notebook}
    )
    cells: list[tuple[list[str], list[str]]] = []
    for line in text.split("\n"):
        if line.startswith("#%"):
            if not cells or cells[-1][1]:
                cells.append(([], []))
            cells[-1][0].append(line[3:])
        elif cells:
            cells[-1][1].append(line)
    return cells


def _variables(session: Session) -> dict[str, Any]:
    """What the template is filled with."""
    model, settings = _HEADINGS[session.model_settings.kind], session.model_settings.model_kind
    training = _training_variables(session)
    sign = session.dataset.vocabulary.boundary_sign
    return {
        "heading": f"{model} on a file of words, exported from makemore-tui.",
        "facts": f"It does what the run did: {value_text(session.step)} steps with seed "
        f"{session.seed}, {value_text(len(session.journal))} edits.",
        "data_name": data_name(session),
        "shown_data_name": shown(data_name(session)),
        "plain_lines": session.dataset.built_in,
        # a character that isn't in the data; a newline never is
        "boundary": "\n" if sign in session.dataset.vocabulary.characters else sign,
        "unique": session.dataset.unique,
        **training,
        "parts": settings.is_network,
        "smoothing": session.train_settings.smoothing,
        "counted": session.trainer.num_counted,
        "all_counted": session.trainer.finished or settings.is_network,
        **_resize_variables(session),
        "edits": edits_by_step(session),
        "lines_of": lambda some: _edit_lines(session, some, training),
    }


def _training_variables(session: Session) -> dict[str, Any]:
    """The first settings, and which parts of a training loop the run ever needed."""
    model, train = session.first_settings
    over_time = [train, *(edit.after[1] for edit in edits(session))]
    values = {name: {getattr(one, name) for one in over_time} for name in vars(train)}
    schedules = [one for one in _SCHEDULES if one in values["schedule"]]
    return {
        "first_items": sorted(n for n in map(first_n, values["train_on"]) if n),
        "trained_on": values["train_on"],
        "kind": model.kind,
        "mlp": model.kind == "mlp",
        "model": model,
        "train": train,
        "seed": session.seed,
        "steps": session.step,
        "schedules": schedules,
        "scheduled": schedules != ["constant"],
        "needs_math": "cosine" in schedules and model.kind != "ngram",
        "decays": values["weight_decay"] != {0},
        "drops": model.kind == "mlp" and values["dropout"] != {0},
        "dropout_version": session.dropout_version,
        "both_optimizers": len(values["optimizer"]) > 1,
        "adamw": "adamw" in values["optimizer"],
        "full_batches": 0 in values["batch_size"],
    }


def _resize_variables(session: Session) -> dict[str, bool]:
    """Whether an MLP ever grew, and of what it ever lost units or dimensions."""
    sizes = [
        (name, value - getattr(edit.model, name))
        for edit in edits(session)
        for name, value in edit.changes.items()
        if name in edit.model.model_kind.resizable
    ]
    shrunk = {name for name, change in sizes if change < 0}
    return {
        "shrinks": bool(shrunk),
        "shrinks_embedding": "embedding" in shrunk,
        "shrinks_hidden": "hidden" in shrunk,
        "grows": any(change > 0 for _, change in sizes),
    }


def _edit_lines(session: Session, some: list[Edit], training: Mapping[str, Any]) -> list[str]:
    """The lines that make some edits of a network; `training` is of `_training_variables`."""
    lines: list[str] = []
    for edit in some:
        model, train = edit.after
        for name in filter(_assigned(training).__contains__, edit.changes):
            variable = "n_steps" if name == "steps" else name
            lines.append(f"{variable} = {_literal(getattr(train, name))}")
        if train.optimizer != edit.train.optimizer:
            new = "torch.optim.AdamW(parameters)" if train.optimizer == "adamw" else "None"
            lines.append(f"optimizer = {new}")
        if "train_on" in edit.changes:
            lines.append("X, Y = data[train_on]")
        if model.kind == "mlp":
            lines += _size_lines(session, edit)
        if training["drops"] and train.dropout != 0 and edit.changes.keys() & _MASK_SETTINGS:
            lines.append("masks = draw_masks()")
    return lines


def _assigned(training: Mapping[str, Any]) -> set[str]:
    """The settings that are variables of this script: those that some step reads."""
    is_read = {
        "dropout": training["drops"],
        "steps": training["scheduled"],
        "schedule": len(training["schedules"]) > 1,
        "weight_decay": training["decays"],
    }
    return {name for name in _VARIABLES if is_read.get(name, True)}


def _size_lines(session: Session, edit: Edit) -> list[str]:
    """The lines that shrink and grow an MLP: what shrinks goes first."""
    model = edit.after[0]
    old = [getattr(edit.model, name) for name in SIZES]
    new = [getattr(model, name) for name in SIZES]
    between = [min(pair) for pair in zip(old, new, strict=True)]
    lines = []
    sizes = ", ".join(f"{name}={{}}" for name in SIZES).format
    if between != old:
        lines.append(f"shrink({sizes(*between)})")
    if between != new:
        seed = seed_of_edit(session.seed, edit.step, edit.number)
        lines.append(f"grow({sizes(*new)}, seed={seed})")
    if old[0] != new[0]:
        lines.append("data = {name: build_dataset(split) for name, split in splits.items()}")
        lines.append("X, Y = data[train_on]")
    return lines


def _literal(value: Any) -> str:
    """A value as Python code, with strings in double quotes where ruff format wants them."""
    text = repr(value)
    return f'"{text[1:-1]}"' if text.startswith("'") and '"' not in text else text
