"""What to say of a change, in a sentence: the keys first, for the end may be cut off."""

from collections.abc import Mapping

from makemore_tui.core.results import Divergence, Resizing
from makemore_tui.core.worker.protocol import OpenRun, Redo, Request, ReturnTo, Snapshot, Undo

from .setting_steps import in_words, name_of

NOTHING_TO_UNDO = "there is nothing to undo"
NOTHING_TO_REDO = "there is nothing to redo: nothing has been undone since the last edit"
_MAX_LABEL_LENGTH = 36  # with which a sentence's keys are within 80 columns


def awaited(asked: Request) -> str:
    """What to say while the answer to a command has not come for a second."""
    if isinstance(asked, Undo | Redo):
        return "going there: training again from an earlier state, which may take a minute …"
    return "the engine is still at what was asked for …"


def notice(
    asked: Request | None, before: Snapshot, now: Snapshot, signs: Mapping[str, str]
) -> tuple[str, bool] | None:
    """What to say of the change from one snapshot to the next, and whether it is a warning.

    asked: the command that the newer one answers, if it answers any. signs: of the keys, by id.
    """
    if now.state == "diverged" != before.state:
        return _diverged(now, signs), True
    way_back = _way_back(now, signs)
    way_on = f", {signs['pause']} trains on" if now.state == "paused" else ""
    at = f"at step {now.step:,}{way_on}"
    match asked:
        case Undo():
            undone = _cut(before.can_undo or "")
            return f"undone: {undone}; {signs['redo']} does it again; {at}", False
        case Redo():
            return f"done again: {_cut(before.can_redo or '')}{way_back}; {at}", False
        case ReturnTo(index) if index < len(before.previous):
            return f"back in the run “{_cut(before.previous[index].name)}”{way_back}; {at}", False
        case OpenRun():
            return opened(now, signs), False
    if now.runs != before.runs:
        what = _difference(before, now)
        return f"a new run from step 0, seed {now.seed}{way_back}: {what}", False
    if now.state == "finished" != before.state:
        return _finished(now, signs), False
    if now.resized and now.resized != before.resized:
        return _resized(now.resized), False
    if (now.model, now.train) != (before.model, before.train):
        if now.state == "diverged":
            return _diverged(now, signs), True  # which no edit has changed
        return f"from step {now.step:,}: {_difference(before, now)}", False
    return None


def restart_to_come(now: Snapshot, setting: str, signs: Mapping[str, str]) -> str:
    """That a change begins a new run, before it does."""
    what = f"once more takes another {name_of(setting)}: a new run"
    return f"{what}; {signs['undo']} undoes it; now at step {now.step:,}"


def taking_data(now: Snapshot, signs: Mapping[str, str]) -> str:
    """What taking another dataset does, before it is done."""
    taking = "enter takes it: a new run from step 0"
    if not is_precious(now):
        return taking
    return f"{taking}; this one is at step {now.step:,}, and {signs['undo']} undoes it"


def is_precious(now: Snapshot) -> bool:
    """Whether a new run would put away what was learnt: counts are soon there again."""
    return now.step > 0 and now.model.kind != "ngram" and now.state != "diverged"


def no_further(limit: str, now: Snapshot, shown: str) -> str:
    """That a setting goes no further; what its last change did stays, where that is shown."""
    said = _resized(now.resized) if now.resized else ""
    return f"{said}; {limit}" if said and shown.startswith(said) else limit


def opened(now: Snapshot, signs: Mapping[str, str]) -> str:
    """That a saved run has been opened, paused."""
    saving = now.saving
    what = (saving.note or saving.name) if saving else ""
    at = f"at step {now.step:,}, {signs['pause']} trains on"
    return f"{what or 'the run'}{_way_back(now, signs)}; {at}"


def saving_notice(before: Snapshot, now: Snapshot) -> tuple[str, bool] | None:
    """What to say of how the run is saved, where that has changed, and whether it is a warning."""
    then, saving = before.saving, now.saving
    if then is None or saving is None:
        return None
    if saving.problem and saving.problem != then.problem:
        return f"not saved, but it will be tried again: {saving.problem}", True
    if then.problem and not saving.problem:
        return f"the run is saved again, at step {saving.step:,}", False
    if saving.note and saving.note != then.note:
        return saving.note, False
    return None


def _way_back(now: Snapshot, signs: Mapping[str, str]) -> str:
    return f"; {signs['undo']} undoes it" if now.can_undo else ""


def _cut(label: str) -> str:
    """A label that leaves room for what follows it."""
    return label if len(label) <= _MAX_LABEL_LENGTH else f"{label[: _MAX_LABEL_LENGTH - 1]}…"


def _diverged(now: Snapshot, signs: Mapping[str, str]) -> str:
    """That the loss is not finite, since when, and the way out."""
    since = now.divergence or Divergence(now.step, None)
    edit = since.after
    after = f"; it was after {edit.label} at step {edit.step:,}" if edit else ""
    way_out = f"lower the learning rate, then {signs['restart']} restarts"
    if since.way_back is not None:
        way_out = f"{signs['undo']} takes back {_cut(since.way_back)}"
    return f"loss not finite at step {since.step:,}; {way_out}{after}"


def _resized(resizing: Resizing) -> str:
    """That the model has another size, and what that did to the loss."""
    words = f"from step {resizing.step:,}: {resizing.label}, in place"
    if resizing.before is None or resizing.after is None:
        return f"{words}; the loss stays as it was"
    about = "≈ " if resizing.dev_share < 1 else ""
    return f"{words}; dev loss {about}{resizing.before:.3f} → {about}{resizing.after:.3f}"


def _finished(now: Snapshot, signs: Mapping[str, str]) -> str:
    if now.model.kind != "ngram":
        return f"finished: all planned steps; {signs['pause']} trains on"
    undo = f"{signs['undo']} undoes {now.can_undo}" if now.can_undo else ""
    return f"finished: every example is counted; {undo or signs['model'] + ' takes another model'}"


def _difference(before: Snapshot, now: Snapshot) -> str:
    """The settings that differ, with their new values."""
    differing = [
        f"{name_of(name)} {in_words(name, value)}"
        for old, new in ((before.model, now.model), (before.train, now.train))
        for name, value in vars(new).items()
        if value != getattr(old, name)
    ]
    if now.dataset.name != before.dataset.name:
        differing.insert(0, f"dataset {now.dataset.name}")
    return ", ".join(differing) or "the settings as they were"
