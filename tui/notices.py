"""What to say of a change, in a sentence: the keys early, because the end may be cut off."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import NamedTuple

from makemore_tui.core.constants import RUN_SUFFIX
from makemore_tui.core.errors import UserError
from makemore_tui.core.results import Divergence
from makemore_tui.core.settings import TrainSettings, extended_plan, setting_text
from makemore_tui.core.text import shown
from makemore_tui.core.worker import protocol
from makemore_tui.core.worker.protocol import Request, Snapshot

from . import messages as say
from .setting_steps import name_of
from .style.text_rows import number

Labels = Mapping[str, str]  # how keys are shown, by their ids
_MAX_LABEL_LENGTH = 36  # with which a sentence's keys are within 80 columns
_MAX_NEW_RUN_LENGTH = 55  # the same of what a new run differs in
_CALLED = {"mlp": "the MLP", "ngram": "the counts", "neural-bigram": "the neural bigram"}


class Notice(NamedTuple):
    """A sentence to show, and whether it is a warning."""

    text: str
    is_warning: bool = False


def notice(asked: Request | None, before: Snapshot, now: Snapshot, labels: Labels) -> Notice | None:
    """What to say of the change from one snapshot to the next, and whether it is a warning. asked:
    the command that the newer one answers, if it answers any. labels: of the keys, by id."""
    if now.state == "diverged" != before.state:
        return Notice(_diverged(now, labels), is_warning=True)
    if isinstance(asked, protocol.Resume | protocol.Step) and now.train.steps > before.train.steps:
        schedule = _stretched(before.train, now.train, before.step)
        planned = now.train.steps
        return Notice(say.GOING_ON.format(planned=planned, schedule=schedule, key=labels))
    said = _answer(asked, before, now, labels)
    if (
        isinstance(asked, protocol.Undo | protocol.Redo | protocol.ReturnTo)
        and now.state == "paused"
    ):
        said += say.TO_RESUME.format(key=labels)
    if not said and now.runs != before.runs:
        said = _new_run(before, now, labels)
    if said:
        return Notice(said)
    if asked is None and now.state == "paused" and before.state == "training":
        return Notice(say.PAUSED.format(step=now.step, key=labels))
    if now.state == "finished" != before.state:
        return Notice(_finished(now, labels))
    if (now.model, now.train) != (before.model, before.train):
        if now.state == "diverged" and now.divergence and not now.divergence.is_finite:
            return Notice(_diverged(now, labels), is_warning=True)  # which no edit has changed
        return Notice(_edited(before, now, labels))
    if now.test and (now.test, now.test_asked) != (before.test, before.test_asked):
        test, times = now.test, times_asked(now.test_asked)
        loss = number(test.loss if test.mixed is None else test.mixed)
        return Notice(say.TESTED.format(loss=loss, step=test.step, times=times))
    return None


def times_asked(times: int) -> str:
    """How often the test split was evaluated."""
    return "asked once" if times == 1 else f"asked {times} times"


def _answer(asked: Request | None, before: Snapshot, now: Snapshot, labels: Labels) -> str:
    """What a command has done; "" if the settings or the state say it."""
    match asked:
        case protocol.Undo():
            what = _cut(before.can_undo or "")
            said = say.UNDONE.format(what=what, step=now.step, key=labels)
        case protocol.Redo():
            what = _cut(before.can_redo or "")
            said = say.REDONE.format(what=what, step=now.step, key=labels)
        case protocol.ReturnTo(index) if index < len(before.previous):
            name = _cut(before.previous[index].settings)
            said = say.RETURNED.format(name=name, step=now.step, key=labels)
        case protocol.PinRun(index) if index < len(now.previous):
            run = now.previous[index]
            pinned = say.PINNED if run.is_pinned else say.UNPINNED
            said = pinned.format(name=_cut(run.settings), key=labels)
        case protocol.OpenRun():
            said = opened(now, labels)
        case protocol.Begin(_, label):
            said = say.NEW_RUN.format(what=label, key=labels)
        case protocol.LimitSpeed(None):
            said = say.NO_SPEED_LIMIT
        case protocol.LimitSpeed(limit):
            said = say.SPEED_LIMIT.format(limit=limit, key=labels)
        case protocol.Step(count) if count > 1:
            said = say.TRAINING_STEPS.format(count=count, key=labels)
        case _:
            said = ""
    return _answer_of_pair(asked, before, now, labels) or said


def _answer_of_pair(asked: Request | None, before: Snapshot, now: Snapshot, labels: Labels) -> str:
    """What a command has done with a pair of runs; "" if nothing."""
    match asked:
        case protocol.Fork(previous, folder, from_start) if (
            previous is not None or folder or from_start
        ):
            name = shown(PurePath(folder).name.removesuffix(RUN_SUFFIX)) or "its fork"
            if previous is not None:
                name = f"“{_cut(before.previous[previous].settings)}”"
            start = ", both from step 0" if from_start else ""
            return say.COMPARED.format(name=_cut(name), start=start, key=labels)
        case protocol.Fork() | protocol.ChooseSide() if now.pair:
            side, other = ("A", "B") if now.pair.side == "a" else ("B", "A")
            sentence = say.FORKED if isinstance(asked, protocol.Fork) else say.SIDE
            return sentence.format(side=side, other=other, step=now.step, key=labels)
        case protocol.Keep(side):
            other = "B" if side == "a" else "A"
            return say.KEPT.format(side=side.upper(), other=other, key=labels)
        case protocol.Undo() if before.pair and not now.pair:
            return say.PAIR_ENDED.format(key=labels)
        case protocol.Undo() if now.pair and not before.pair:
            return say.PAIR_AGAIN.format(step=now.step, key=labels)
    return ""


def taking_data(now: Snapshot, labels: Labels) -> str:
    """What taking another dataset does, before it is done."""
    return (say.NEW_DATA if now.step else say.NEW_DATA_AT_START).format(step=now.step, key=labels)


def at_limit(limit: str, shown: str) -> str:
    """That a setting goes no further, behind what shrinking cost if that is shown."""
    resized = shown.removesuffix(limit).removesuffix(" · ")
    return f"{resized} · {limit}" if ", weights kept · " in resized else limit


def opened(now: Snapshot, labels: Labels) -> str:
    """That a saved run has been opened, paused."""
    if not now.step:
        return say.PAUSED_AT_START.format(key=labels)
    name = now.saving.note or now.saving.name if now.saving else ""
    return say.OPENED.format(name=name or "the run", step=now.step, key=labels)


def saving_notice(before: Snapshot, now: Snapshot) -> Notice | None:
    """What to say of how the run is saved, where that has changed, and whether it is a warning."""
    then, saving = before.saving, now.saving
    if then is None or saving is None:
        return None
    if saving.problem and saving.problem != then.problem:
        return Notice(say.NOT_SAVED.format(problem=saving.problem), is_warning=True)
    if then.problem and not saving.problem:
        return Notice(say.SAVED_AGAIN.format(step=saving.step))
    if saving.note and saving.note != then.note:
        return Notice(saving.note)
    return None


def _cut(label: str, most: int = _MAX_LABEL_LENGTH) -> str:
    """A label that leaves room for what follows it."""
    return label if len(label) <= most else f"{label[: most - 1]}…"


def _new_run(before: Snapshot, now: Snapshot, labels: Labels) -> str:
    """That a run has begun, and in what it differs from the one before."""
    if now.dataset.name != before.dataset.name:
        return say.NEW_RUN.format(what=_cut(f"dataset {now.dataset.name}"), key=labels)
    if (kind := now.model.model_kind) is not before.model.model_kind:
        called = _CALLED[before.model.kind]
        return say.NEW_MODEL.format(what=kind.label, before=called, key=labels)
    differing = [f"{name_of(name)} {value}" for name, _, value in _differing(before, now)]
    if differing:
        return say.NEW_RUN.format(what=_cut(", ".join(differing), _MAX_NEW_RUN_LENGTH), key=labels)
    said = say.RESTARTED if now.seed == before.seed else say.NEW_SEED
    return said.format(seed=now.seed, key=labels)


def _finished(now: Snapshot, labels: Labels) -> str:
    """That a run has come to its end, and what going on would do."""
    if not now.model.model_kind.is_network:
        said = say.COUNTED_UNDO if now.can_undo else say.COUNTED
        return said.format(what=now.can_undo, key=labels)
    try:
        longer = replace(now.train, steps=extended_plan(now.step))
    except UserError:
        return say.FINISHED.format(step=now.step)
    schedule = _stretched(now.train, longer, now.step)
    return say.FINISHED_LONGER.format(
        step=now.step, planned=longer.steps, schedule=schedule, key=labels
    )


def _stretched(before: TrainSettings, after: TrainSettings, step: int) -> str:
    """What a longer plan does to the learning rate of the next step; "" if it has no schedule."""
    if after.schedule == "constant":
        return ""
    rates = [
        setting_text("learning_rate", float(f"{one.learning_rate_at(step):.2g}"))
        for one in (before, after)
    ]
    change = (
        "" if rates[0] == rates[1] else say.STRETCHED_RATE.format(before=rates[0], after=rates[1])
    )
    return say.STRETCHED.format(schedule=after.schedule) + change


def _diverged(now: Snapshot, labels: Labels) -> str:
    """That the loss has exploded or is not finite, since when, and the way out."""
    since = now.divergence or Divergence(now.step, None)
    way_out = say.DIVERGED_RESTART.format(key=labels)
    if since.way_back is not None:
        way_out = say.DIVERGED_UNDO.format(what=_cut(since.way_back), key=labels)
    edit = since.after
    after = say.DIVERGED_AFTER.format(what=edit.label, step=edit.step) if edit else ""
    what = "exploded" if since.is_finite else "not finite"
    return say.DIVERGED.format(what=what, step=since.step, remedy=way_out, last_edit=after)


def _edited(before: Snapshot, now: Snapshot, labels: Labels) -> str:
    """Which settings of a run have changed, and what that did to the loss."""
    differing = _differing(before, now)
    changes = ", ".join(f"{name_of(name)} {old} → {new}" for name, old, new in differing)
    changes, resized = changes[:1].upper() + changes[1:], now.resized
    if resized and resized != before.resized:
        if resized.before is None or resized.after is None:
            return say.RESIZED.format(changes=changes)
        about = "≈ " if resized.dev_share < 1 else ""
        losses = (f"{about}{loss:.3f}" for loss in (resized.before, resized.after))
        return say.RESIZED_LOSS.format(changes=changes, before=next(losses), after=next(losses))
    if not now.model.model_kind.is_network:
        return changes  # of all that is counted
    said = say.EDITED_RESUME if now.state == "diverged" else say.EDITED
    return said.format(changes=changes, step=now.step, key=labels)


def _differing(before: Snapshot, now: Snapshot) -> list[tuple[str, str, str]]:
    """The settings that differ, with their old and new values in words."""
    old, new = (vars(one.model) | vars(one.train) for one in (before, now))
    return [
        (name, setting_text(name, old[name]), setting_text(name, value))
        for name, value in new.items()
        if value != old[name]
    ]
