"""What the losses of the splits come from: contexts seen in training or not, and the penalty."""

from makemore_tui.core.results import ContextCoverage, Regularization

from ..style.colours import Palette
from ..style.text_rows import Row, number, row

_NAMES = 22  # cells


def coverage_rows(coverage: ContextCoverage, model: str, palette: Palette) -> list[Row]:
    """Contexts and losses of dev, those that training has beside those that it never had. model:
    its kind, in words."""
    one, trained_on = coverage, coverage.train_on.replace("-", " ")
    seen = one.dev_contexts - one.unseen_contexts, one.examples - one.unseen_examples
    about = "≈ " if one.dev_share < 1 else ""
    lines = [
        (f"contexts of {one.context}", f"in {trained_on}", "never seen", "dim"),
        ("distinct in dev", f"{about}{seen[0]:,}", f"{about}{one.unseen_contexts:,}", "text"),
        ("examples of dev", f"{about}{seen[1]:,}", f"{about}{one.unseen_examples:,}", "text"),
        (f"loss, {model}", number(one.model_seen), number(one.model_unseen), "dev"),
        (f"loss, counts + {one.k:.2g}", number(one.counts_seen), number(one.counts_unseen), "text"),
    ]
    rows = [
        row((f"{name:<{_NAMES}}{left:>10}{right:>12}", palette.style(colour)))
        for name, left, right, colour in lines
    ]
    total = f"{one.possible:,}" if one.possible < 10**15 else f"{one.possible:.1e}"
    has = f"{'≈ ' if one.train_share < 1 else ''}{one.train_contexts:,}"
    said = f"{trained_on} has {has} of {one.characters:,}^{one.context} = {total}"
    return [*rows, row((said, palette.style("dim")))]


def regularization_rows(one: Regularization, train: float | None, palette: Palette) -> list[Row]:
    """The penalty apart from the loss that it is added to, and the smoothed counts that the model
    resembles most. train: the loss without the penalty, if it is known."""
    line = f"penalty {one.penalty:.4f}"
    if train is not None:
        line = f"train {number(train)} + {line} = {number(train + one.penalty)}"
    lines = [line]
    if one.k is not None:
        lines.append(f"most like counts + {one.k:,.3g}: KL {number(one.divergence, 4)} nats")
    return [row((line, palette.style("text"))) for line in lines]
