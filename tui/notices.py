"""What to say of a change, in a sentence: the keys first, for the end may be cut off."""

from collections.abc import Mapping
from typing import NamedTuple

from makemore_tui.core.results import Divergence, Resizing
from makemore_tui.core.settings import setting_text
from makemore_tui.core.worker.protocol import OpenRun, Redo, Request, ReturnTo, Snapshot, Undo

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
    if now.runs != before.runs:
        what = _difference(before, now)
        return Notice(f"a new run from step 0, seed {now.seed}{way_back}: {what}")
    if now.state == "finished" != before.state:
        if now.model.model_kind.is_network:
            return Notice(f"finished: all planned steps; {labels['pause']} trains on")
        undo = f"{labels['undo']} undoes {now.can_undo}" if now.can_undo else ""
        way_out = undo or f"{labels['model']} takes another model"
        return Notice(f"finished: every example is counted; {way_out}")
    if now.resized and now.resized != before.resized:
        return Notice(_resized(now.resized))
    if (now.model, now.train) != (before.model, before.train):
        if now.state == "diverged":  # which no edit has changed
            return Notice(_diverged(now, labels), is_warning=True)
        return Notice(f"from step {now.step:,}: {_difference(before, now)}")
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


def _diverged(now: Snapshot, labels: Labels) -> str:
    """That the loss is not finite, since when, and the way out."""
    since = now.divergence or Divergence(now.step, None)
    edit = since.after
    after = f"; it was after {edit.label} at step {edit.step:,}" if edit else ""
    way_out = f"lower the learning rate, then {labels['restart']} restarts"
    if since.way_back is not None:
        way_out = f"{labels['undo']} takes back {_cut(since.way_back)}"
    return f"loss not finite at step {since.step:,}; {way_out}{after}"


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
