"""What to say of a change, in a sentence: the keys first, for the end may be cut off."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from makemore_tui.core.errors import UserError
from makemore_tui.core.results import Divergence, Resizing
from makemore_tui.core.settings import TrainSettings, extended_plan, setting_text
from makemore_tui.core.worker.protocol import (
    Begin,
    LimitSpeed,
    OpenRun,
    Redo,
    Request,
    Resume,
    ReturnTo,
    Snapshot,
    Step,
    Undo,
)

from .setting_steps import name_of

Labels = Mapping[str, str]  # how keys are shown, by their ids
_MAX_LABEL_LENGTH = 36  # with which a sentence's keys are within 80 columns


class Notice(NamedTuple):
    """A sentence to show, and whether it is a warning."""

    text: str
    is_warning: bool = False


def awaited(asked: Request) -> str:
    """What to say while the answer to a command has not come for a second."""
    if isinstance(asked, Undo | Redo):
        return "going there: training again from an earlier state, which may take a minute …"
    return "the engine is still at what was asked for …"


def notice(asked: Request | None, before: Snapshot, now: Snapshot, labels: Labels) -> Notice | None:
    """What to say of the change from one snapshot to the next, and whether it is a warning. asked:
    the command that the newer one answers, if it answers any. labels: of the keys, by id."""
    if now.state == "diverged" != before.state:
        return Notice(_diverged(now, labels), is_warning=True)
    if isinstance(asked, Resume | Step) and now.train.steps > before.train.steps:
        return Notice(_extended(before, now, labels))
    way_back, at = _way_back(now, labels), f"at step {now.step:,}"
    if now.state == "paused":
        at += f", {labels['pause']} trains on"
    match asked:
        case Undo():
            undone = _cut(before.can_undo or "")
            return Notice(f"undone: {undone}; {labels['redo']} does it again; {at}")
        case Redo():
            return Notice(f"done again: {_cut(before.can_redo or '')}{way_back}; {at}")
        case ReturnTo(index) if index < len(before.previous):
            return Notice(f"back in the run “{_cut(before.previous[index].name)}”{way_back}; {at}")
        case OpenRun():
            return Notice(opened(now, labels))
        case Begin(_, label):
            return Notice(f"New run: {label} · {labels['undo']} to undo")
        case LimitSpeed(limit):
            if limit is None:
                return Notice("No speed limit")
            return Notice(f"At most {limit:,} steps a second · {labels['faster']} for more")
        case Step(count) if count > 1:
            return Notice(f"Training {count:,} steps · {labels['pause']} to pause")
    if now.runs != before.runs:
        what = _difference(before, now)
        return Notice(f"a new run from step 0, seed {now.seed}{way_back}: {what}")
    if asked is None and now.state == "paused" and before.state == "training":
        more = f"{labels['steps']} for more steps · {labels['pause']} to train on"
        return Notice(f"Paused at step {now.step:,} · {more}")
    if now.state == "finished" != before.state:
        return Notice(_finished(now, labels))
    if now.resized and now.resized != before.resized:
        return Notice(_resized(now.resized))
    if (now.model, now.train) != (before.model, before.train):
        said = f"from step {now.step:,}: {_difference(before, now)}"
        if now.state == "diverged" and now.divergence and now.divergence.is_finite:
            return Notice(f"{said} · {labels['pause']} to resume")
        if now.state == "diverged":  # which no edit has changed
            return Notice(_diverged(now, labels), is_warning=True)
        return Notice(said)
    return None


def taking_data(now: Snapshot, labels: Labels) -> str:
    """What taking another dataset does, before it is done."""
    back = f"; this one is at step {now.step:,}, and {labels['undo']} undoes it"
    return f"enter takes it: a new run from step 0{back if now.step else ''}"


def at_limit(limit: str, now: Snapshot, shown: str) -> str:
    """That a setting goes no further, behind what its last change did if that is shown."""
    said = _resized(now.resized) if now.resized else ""
    return f"{said}; {limit}" if said and shown.startswith(said) else limit


def opened(now: Snapshot, labels: Labels) -> str:
    """That a saved run has been opened, paused."""
    if not now.step:
        return f"Paused at step 0 · {labels['pause']} to start"
    what = (now.saving.note or now.saving.name) if now.saving else ""
    at = f"at step {now.step:,}, {labels['pause']} trains on"
    return f"{what or 'the run'}{_way_back(now, labels)}; {at}"


def saving_notice(before: Snapshot, now: Snapshot) -> Notice | None:
    """What to say of how the run is saved, where that has changed, and whether it is a warning."""
    then, saving = before.saving, now.saving
    if then is None or saving is None:
        return None
    if saving.problem and saving.problem != then.problem:
        return Notice(f"not saved, but it will be tried again: {saving.problem}", is_warning=True)
    if then.problem and not saving.problem:
        return Notice(f"the run is saved again, at step {saving.step:,}")
    if saving.note and saving.note != then.note:
        return Notice(saving.note)
    return None


def _way_back(now: Snapshot, labels: Labels) -> str:
    return f"; {labels['undo']} undoes it" if now.can_undo else ""


def _cut(label: str) -> str:
    """A label that leaves room for what follows it."""
    return label if len(label) <= _MAX_LABEL_LENGTH else f"{label[: _MAX_LABEL_LENGTH - 1]}…"


def _finished(now: Snapshot, labels: Labels) -> str:
    """That a run has come to its end, and what going on would do."""
    if not now.model.model_kind.is_network:
        undo = f"{labels['undo']} to undo {now.can_undo}" if now.can_undo else ""
        return f"Done: all examples counted · {undo or labels['model'] + ' for another model'}"
    try:
        longer = replace(now.train, steps=extended_plan(now.step))
    except UserError:
        return f"Finished {now.step:,} steps"
    said = f"Finished {now.step:,} steps · {labels['pause']} to go on to {longer.steps:,}"
    return said + _stretched(now.train, longer, now.step)


def _extended(before: Snapshot, now: Snapshot, labels: Labels) -> str:
    """That a finished run goes on with a longer plan."""
    said = f"Going on to step {now.train.steps:,} · {labels['undo']} to undo"
    return said + _stretched(before.train, now.train, before.step)


def _stretched(before: TrainSettings, after: TrainSettings, step: int) -> str:
    """What a longer plan does to the learning rate of the next step; "" if it has no schedule."""
    if after.schedule == "constant":
        return ""
    rates = (
        setting_text("learning_rate", float(f"{one.learning_rate_at(step):.2g}"))
        for one in (before, after)
    )
    return f" · {after.schedule} schedule stretched, lr {' → '.join(rates)}"


def _diverged(now: Snapshot, labels: Labels) -> str:
    """That the loss has exploded or is not finite, since when, and the way out."""
    since = now.divergence or Divergence(now.step, None)
    edit = since.after
    after = f"; it was after {edit.label} at step {edit.step:,}" if edit else ""
    way_out = f"lower the learning rate, then {labels['restart']} restarts"
    if since.way_back is not None:
        way_out = f"{labels['undo']} takes back {_cut(since.way_back)}"
    what = "exploded" if since.is_finite else "not finite"
    return f"loss {what} at step {since.step:,}; {way_out}{after}"


def _resized(resizing: Resizing) -> str:
    """That the model has another size, and what that did to the loss."""
    words = f"from step {resizing.step:,}: {resizing.label}, in place"
    if resizing.before is None or resizing.after is None:
        return f"{words}; the loss stays as it was"
    about = "≈ " if resizing.dev_share < 1 else ""
    return f"{words}; dev loss {about}{resizing.before:.3f} → {about}{resizing.after:.3f}"


def _difference(before: Snapshot, now: Snapshot) -> str:
    """The settings that differ, with their new values."""
    old, new = (vars(one.model) | vars(one.train) for one in (before, now))
    is_same = now.dataset.name == before.dataset.name
    differing = [] if is_same else [f"dataset {now.dataset.name}"]
    for name, value in new.items():
        if value != old[name]:
            differing.append(f"{name_of(name)} {setting_text(name, value)}")
    return ", ".join(differing) or "the settings as they were"
