"""A run as one page: settings, edits, losses, bigram table, embedding and names.

The page is one file that asks the network for nothing and runs no script.
"""

from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import torch
from markupsafe import Markup

from ..analysis.bigrams import BigramAnalysis
from ..analysis.embedding import EmbeddingMapper
from ..errors import UserError
from ..results import JUDGED, Baseline, Unavailable
from ..session.session import Session
from ..session.twins import Twins
from ..settings import setting_text
from . import figures
from .records import edits, final_losses
from .script import templates

_MAX_CHARACTERS = 40  # of a bigram table
_MAX_POINTS = 200  # of an embedding
_NUM_NAMES = 40
_MODELS = {
    "mlp": "An MLP",
    "ngram": "A table of n-gram counts",
    "neural-bigram": "A one-layer network",
}


def export_html(session: Session, stem: str = "run", twins: Twins | None = None) -> str:
    """The page; `stem` is the run's name, `twins` the pair of which it is A. What is put into the
    template is text, never markup; text of the data goes through `shown`."""
    baselines = figures.first_baselines(session.dataset)
    analysis = BigramAnalysis(session.dataset, session.mixing.model().context)
    page = templates(autoescape=True).get_template("report.html.j2")
    return page.render(
        name=stem,
        model=_MODELS[session.model_settings.kind],
        session=session,
        colors=[(name, light, dark) for light, (name, dark) in figures.DARK.items()],
        losses=_losses(session, baselines),
        picture=_loss_picture(session, baselines),
        settings=_settings(session),
        edits=edits(session),
        bigrams=_bigrams(session, analysis),
        embedding=_embedding(session, analysis),
        pair=twins and _pair(twins),
        names=session.sample(_NUM_NAMES, seed=session.seed),
        versions=f"makemore-tui {version('makemore-tui')}, torch {torch.__version__}",
    )


def _losses(session: Session, baselines: Sequence[Baseline]) -> list[tuple[str, str]]:
    """The run's losses and, to compare them with, the baselines'."""
    final = final_losses(session)
    losses = [("dev loss", final["dev"]), ("train loss", final["train"])]
    losses += [(f"{one.name}, on dev", one.loss) for one in baselines]
    return [(name, f"{loss:.3f}".replace("inf", "∞")) for name, loss in losses]


def _loss_picture(session: Session, baselines: Sequence[Baseline]) -> Markup:
    try:
        figure = figures.loss_figure(session, baselines)
    except UserError:
        return Markup("<p>There is no finite loss to draw.</p>")
    return figures.inline_svg(figure, "loss", "Loss by step")


def _settings(session: Session) -> list[dict[str, str]]:
    """The settings that concern the kind of model, with their first values where those differ."""
    first = asdict(session.first_settings[0]) | asdict(session.first_settings[1])
    now = asdict(session.model_settings) | asdict(session.train_settings)
    return [
        {
            "name": "planned steps" if name == "steps" else name.replace("_", " "),
            "value": setting_text(name, value),
            "first": setting_text(name, first[name]) if first[name] != value else "",
        }
        for name, value in now.items()
        if session.model_settings.is_relevant(name)
    ]


def _bigrams(session: Session, analysis: BigramAnalysis) -> dict[str, Any]:
    """P(next | previous) of the commonest characters, by the model and by the counts."""
    chosen = analysis.order("frequency")[:_MAX_CHARACTERS].sort().values
    labels = [session.dataset.vocabulary.label(i) for i in chosen.tolist()]
    counts = analysis.counts[chosen][:, chosen]
    tables = {
        "what the model has learnt": analysis.probabilities(session.mixing.model(), chosen),
        "what was counted": analysis.counted(chosen),
    }
    pictures = []
    for title, p in tables.items():
        figure = figures.bigram_figure(labels, p[:, chosen], counts)
        picture = figures.inline_svg(figure, "heat", f"P(next | previous), {title}")
        pictures.append((title, picture))
    is_all = len(analysis.counts) == len(labels)
    return {"shown": len(labels), "all": is_all, "tables": pictures}


def _embedding(session: Session, analysis: BigramAnalysis) -> dict[str, Any] | None:
    """The commonest characters as points of a plane; None where the model has no embedding."""
    found = EmbeddingMapper(session.dataset.vocabulary).draw(session.model)
    if isinstance(found, Unavailable):
        return None
    chosen = analysis.order("frequency")[:_MAX_POINTS].tolist()
    figure = figures.embedding_figure(found, chosen)
    picture = figures.inline_svg(figure, "map", "Characters by their embedding")
    return {"picture": picture, "map": found, "shown": len(chosen)}


def _pair(twins: Twins) -> dict[str, Any]:
    a, b = (
        vars(one.model_settings) | vars(one.train_settings) | {"seed": one.seed}
        for one in (twins.a, twins.b)
    )
    differ = [
        (name.replace("_", " "), *(setting_text(name, one[name]) for one in (a, b)))
        for name in a
        if a[name] != b[name]
    ]
    if twins.differences:
        newest = twins.differences[-1]
    else:  # of copies, which leaves both as they are
        newest = Twins(*(Session.from_state(one.state()) for one in (twins.a, twins.b))).evaluate()
    title = "The losses of A and B, and B - A"
    return {
        "settings": differ,
        "losses": (f"{newest.a:.4f}", f"{newest.b:.4f}"),
        "sentence": newest.sentence,
        "note": twins.unpaired or JUDGED,
        "picture": figures.inline_svg(figures.pair_figure(twins), "loss", title),
    }
