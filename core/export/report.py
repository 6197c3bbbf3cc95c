"""A run as one page: its settings, edits, losses, bigram table, embedding and names.

The page is one file that asks the network for nothing and runs no script.
"""

from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import torch
from markupsafe import Markup
from torch import Tensor

from ..analysis.bigrams import BigramAnalysis
from ..analysis.embedding import EmbeddingMapper
from ..analysis.evaluation import evaluate
from ..errors import UserError
from ..results import Baseline, Unavailable
from ..session.session import Session
from ..settings import SETTINGS
from .axis import Axis
from .markup import filled
from .picture import first_baselines, loss_picture
from .timeline import edits, of

_MAX_CHARACTERS = 40  # of a bigram table
_MAX_POINTS = 200  # of a map
_MAP_ENDS = (24, 376), (376, 24)
_NAMES = 40
_OF_COUNTS = ("kind", "order", "batch_size", "smoothing", "train_on")
_OF_OTHERS = {"mlp": ("ngram",), "neural-bigram": ("ngram", "mlp")}


def export_html(session: Session, stem: str = "run") -> str:
    """The page; `stem` is the run's name."""
    baselines = first_baselines(session.dataset)
    insight = BigramAnalysis(session.dataset, session.model.context)
    page = filled(
        "report.html.j2",
        name=stem,
        what=_what(session),
        dataset=session.dataset,
        seed=session.seed,
        figures=_figures(session, baselines),
        picture=_picture(session, baselines),
        settings=_settings(session),
        edits=[
            {"step": of(edit.step), "changes": edit.label.replace("_", " ")}
            for edit in edits(session)
        ],
        bigrams=_bigrams(session, insight),
        map=_map(session, insight),
        names=session.sample(_NAMES, seed=session.seed),
        versions=f"makemore-tui {version('makemore-tui')}, torch {torch.__version__}",
    )
    return str(page)


def _what(session: Session) -> str:
    """The run in a line."""
    kinds = {
        "mlp": "An MLP",
        "ngram": "A table of n-gram counts",
        "neural-bigram": "A one-layer network",
    }
    parameters, steps = of(session.model.num_parameters), session.step
    return (
        f"{kinds[session.model_settings.kind]} with {parameters} parameters "
        f"after {of(steps)} {'step' if steps == 1 else 'steps'}"
    )


def _figures(session: Session, baselines: tuple[Baseline, ...]) -> list[tuple[str, str]]:
    """The losses, and what they are to be held against."""
    # Not by session.evaluate, which would write the dev loss down.
    losses = [
        (f"{split} loss", evaluate(session.model, session.dataset, split).loss)
        for split in ("dev", "train")
    ]
    losses += [(f"{one.name}, on dev", one.loss) for one in baselines]
    return [(name, f"{loss:.3f}".replace("inf", "∞")) for name, loss in losses]


def _picture(session: Session, baselines: tuple[Baseline, ...]) -> Markup:
    try:
        return loss_picture(session, baselines, alone=False)
    except UserError:
        return Markup("<p>There is no finite loss to draw.</p>")


def _settings(session: Session) -> list[dict[str, str]]:
    """The settings that concern the kind of model: the present value, and the first where it was
    another."""
    first = asdict(session.first_settings[0]) | asdict(session.first_settings[1])
    now = asdict(session.model_settings) | asdict(session.train_settings)
    return [
        {
            "name": "planned steps" if name == "steps" else name.replace("_", " "),
            "value": _value(name, value),
            "first": _value(name, first[name]) if first[name] != value else "",
        }
        for name, value in now.items()
        if _concerns(name, session.model_settings.kind)
    ]


def _concerns(name: str, kind: str) -> bool:
    if kind == "ngram":
        return name in _OF_COUNTS
    of_kinds = SETTINGS[name].metadata["about"].partition(":")[0]
    return of_kinds not in _OF_OTHERS[kind]


def _value(name: str, value: Any) -> str:
    return "all" if name == "batch_size" and value == 0 else of(value)


def _bigrams(session: Session, insight: BigramAnalysis) -> dict[str, Any]:
    """P(next | previous) of the commonest characters, by the model and by the counts."""
    chosen = insight.order("frequency")[:_MAX_CHARACTERS].sort().values
    labels = [session.dataset.vocabulary.label(i) for i in chosen.tolist()]
    counts = insight.counts[chosen][:, chosen].tolist()
    tables = {
        "what the model makes of it": insight.probabilities(session.model, chosen),
        "what was counted": insight.counted(chosen),
    }
    return {
        "labels": labels,
        "all": len(insight.counts) == len(labels),
        "tables": [(title, _cells(rows[:, chosen], counts)) for title, rows in tables.items()],
    }


def _cells(probabilities: Tensor, counts: list[list[int]]) -> list[list[dict[str, str]]]:
    """Of each cell how dark it is, by the root so that rare pairs show, and what it stands for."""
    shades, rows = probabilities.sqrt().tolist(), probabilities.tolist()
    return [
        [
            {"shade": f"{shade:.2f}", "probability": f"{100 * p:.2g} %", "count": of(count)}
            for shade, p, count in zip(*row, strict=True)
        ]
        for row in zip(shades, rows, counts, strict=True)
    ]


def _map(session: Session, insight: BigramAnalysis) -> dict[str, Any] | None:
    """The commonest characters as points of a plane; None where the model has no embedding."""
    found = EmbeddingMapper(session.dataset.vocabulary).draw(session.model)
    if isinstance(found, Unavailable):
        return None
    chosen = insight.order("frequency")[:_MAX_POINTS].tolist()
    xs, ys = zip(*(found.points[i] for i in chosen), strict=True)
    reach = max(max(xs) - min(xs), max(ys) - min(ys), 1e-9) / 2  # one scale for both
    x, y = (
        Axis((min(v) + max(v)) / 2 - reach, (min(v) + max(v)) / 2 + reach, *ends)
        for v, ends in zip((xs, ys), _MAP_ENDS, strict=True)
    )
    return {
        "points": [
            {
                "x": x.place(found.points[i][0]),
                "y": y.place(found.points[i][1]),
                "label": found.labels[i],
                "vowel": found.vowels[i],
            }
            for i in chosen
        ],
        "dimensions": found.dimensions,
        "share": f"{100 * sum(found.shares):.0f} %",
        "all": len(chosen) == len(found.labels),
    }
