"""A run as one plain PyTorch file, or as a notebook, that takes the same steps and imports nothing
of this project.

It draws the same weights, minibatches and dropout masks from generators with the same seeds, and
autograd finds the gradients; so its losses are those of the run up to rounding.
"""

import json
import re
from collections.abc import Collection
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ..datasets.contexts import NUMBERS_PER_BLOCK
from ..models.resize import seed_of_edit
from ..session.session import Session
from ..settings import SIZES, first_n
from ..text import shown
from .records import Edit, edits, edits_by_step

_SCHEDULES = ("step", "linear", "cosine", "constant")
# What distinct contexts depend on.
_DRAWN_FROM = {"minibatches", "batch_size", "train_on", "context"}
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
    """The name of the file of items that script and notebook read beside them: that of the
    dataset's file, or one like it where that is not plain lines."""
    dataset = session.dataset
    name = dataset.path.name
    return name if dataset.is_plain else f"{name.partition('.')[0] or 'items'}-items.txt"


def templates(autoescape: bool = False) -> Environment:
    """The templates of the scripts and the page, in which an unknown variable is an error."""
    environment = Environment(
        loader=PackageLoader(__package__ or "", "templates"),
        autoescape=autoescape,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"shown": shown, "quoted": _quoted}
    return environment


def _cells(session: Session, stem: str, notebook: bool) -> list[tuple[list[str], list[str]]]:
    """The template's cells, each its lines of text and of code. A line that begins with `#%` is
    text, and begins a cell after code."""
    template, variables = templates().get_template("script.py.j2"), _variables(session)
    cells: list[tuple[list[str], list[str]]] = []
    for line in template.render(variables, stem=shown(stem), notebook=notebook).split("\n"):
        if line.startswith("#%"):
            if not cells or cells[-1][1]:
                cells.append(([], []))
            cells[-1][0].append(line[3:])
        elif cells:
            cells[-1][1].append(line)
    return cells


def _variables(session: Session) -> dict[str, Any]:
    """What the template is filled with: the run, and which parts of a script it ever needed.

    values: of each training setting all that it had. schedules: those used, "constant" last.
    """
    model, train = session.first_settings
    all_edits, vocabulary = edits(session), session.dataset.vocabulary
    over_time = [train, *(edit.after[1] for edit in all_edits)]
    values = {name: {getattr(one, name) for one in over_time} for name in vars(train)}
    schedules = [one for one in _SCHEDULES if one in values["schedule"]]
    decays = values["weight_decay"] != {0}
    samples = "contexts" in values["minibatches"]
    drops = model.is_relevant("dropout") and values["dropout"] != {0}
    # Settings that are variables of the script, so that an edit is an assignment.
    variables = {"learning_rate": True, "batch_size": True, "schedule": len(schedules) > 1,
                 "steps": schedules != ["constant"], "weight_decay": decays, "dropout": drops,
                 "minibatches": samples, "train_on": True}  # fmt: skip
    assigned = [name for name, is_read in variables.items() if is_read]
    sign = vocabulary.boundary_sign
    return {
        "session": session,
        "model": model,
        "train": train,
        "mixture": session.mixing.mixture(),
        "heading": _HEADINGS[model.kind],
        "data_name": data_name(session),
        "boundary": "\n" if sign in vocabulary else sign,  # what isn't in the data: a newline never
        "first_items": sorted(n for n in map(first_n, values["train_on"]) if n),
        "values": values,
        "schedules": schedules,
        "decays": decays,
        "drops": drops,
        "samples": samples,
        "numbers_per_block": NUMBERS_PER_BLOCK,
        **_resize_variables(all_edits),
        "edits": edits_by_step(session),
        "lines_of": lambda some: _edit_lines(session, some, assigned),
    }


def _resize_variables(all_edits: list[Edit]) -> dict[str, bool]:
    """Whether an MLP ever grew, and of what it ever lost units or dimensions."""
    sizes = [
        (name, value - getattr(edit.model, name))
        for edit in all_edits
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


def _edit_lines(session: Session, some: list[Edit], assigned: Collection[str]) -> list[str]:
    """The lines that make some edits of a network; `assigned` settings are variables."""
    lines: list[str] = []
    for edit in some:
        train = edit.after[1]
        for name in (name for name in edit.changes if name in assigned):
            variable = "n_steps" if name == "steps" else name
            lines.append(f"{variable} = {_quoted(getattr(train, name))}")
        if train.optimizer != edit.train.optimizer:
            new = "torch.optim.AdamW(parameters)" if train.optimizer == "adamw" else "None"
            lines.append(f"optimizer = {new}")
        if "train_on" in edit.changes:
            lines.append("X, Y = data[train_on]")
        lines += _size_lines(session, edit)
        if train.minibatches == "contexts" and edit.changes.keys() & _DRAWN_FROM:
            lines.append("find_contexts()")
        if "dropout" in assigned and train.dropout and edit.changes.keys() & _MASK_SETTINGS:
            lines.append("masks = draw_masks()")
    return lines


def _size_lines(session: Session, edit: Edit) -> list[str]:
    """The lines that shrink and grow an MLP: what shrinks goes first."""
    old, new = ([getattr(one, name) for name in SIZES] for one in (edit.model, edit.after[0]))
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


def _quoted(value: Any) -> str:
    """A value as Python code, with strings in double quotes where ruff format wants them."""
    text = repr(value)
    return f'"{text[1:-1]}"' if text.startswith("'") and '"' not in text else text
