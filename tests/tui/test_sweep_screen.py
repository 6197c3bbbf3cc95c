"""The sweep screen: what it shows of a study's file, what it asks for, and what it leaves alone."""

import random
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from makemore_tui.core.errors import UserError
from makemore_tui.core.run_spec import RunSpec
from makemore_tui.core.sweep.files import StudyFiles
from makemore_tui.core.sweep.messages import Prune, Snapshot, Start, State, Stop, Trial
from makemore_tui.core.sweep.ranges import Range
from makemore_tui.core.worker.protocol import Begin, Fork, OpenRun
from makemore_tui.tui.screens import sweep
from makemore_tui.tui.screens.main import MainScreen
from makemore_tui.tui.screens.sweep_start import SweepStart

pytestmark = pytest.mark.asyncio


def study(count=12, state: State = "stopped", name="night", running=1):
    """A study of made-up trials: number 0 is saved as a run, the last ones run."""
    chance, rows, best = random.Random(1), [], []
    for i in range(count):
        settings = {"hidden": chance.choice((64, 128)), "learning_rate": 0.01 + 0.01 * (i % 20)}
        kind = "running" if i >= count - running else "pruned" if i % 3 == 1 else "done"
        value = 2.1 + (i * 7 % count) / count
        if kind == "done" and (not best or value < best[-1][1]):
            best.append((i + 1, value))
        curve = tuple((2**k, value + (9 - k) / 9) for k in range(4, 10))
        spec = f"names/seed=1/hidden={settings['hidden']}"
        shown = curve if kind == "running" or i < 5 else ()
        steps = 512 if kind == "done" else 64
        why = "behind at step 64" if kind == "pruned" else ""
        rows.append(Trial(i, kind, settings, spec, value, steps, 512, "", 1.5, why, shown, shown))
    over = (
        Range("hidden", choices=(64, 128)),
        Range("learning_rate", low=0.001, high=0.3, log=True),
    )
    return Snapshot(
        study=name, state=state, spec="names/seed=1", over=over, trials=count + 5, seconds=75,
        rows=tuple(rows), best_so_far=tuple(best),
        importances={"hidden": 0.25, "learning_rate": 0.75},
    )  # fmt: skip


@pytest.fixture
def sweeps(tmp_path, monkeypatch):
    monkeypatch.setenv("MAKEMORE_TUI_SWEEPS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def running(sweeps):
    """A study that runs, as its lock says."""
    files = StudyFiles(sweeps, "night")
    files.lock()
    files.write(study(state="running"))
    yield files
    files.unlock()


def with_saved_run(sweeps):
    """Write a study whose first trial is saved as a run; return the run's file."""
    run, found = sweeps / "night-trial-0.safetensors", study()
    run.touch()
    rows = (replace(found.rows[0], run=str(run)), *found.rows[1:])
    StudyFiles(sweeps, "night").write(replace(found, rows=rows))
    return run


async def opened(it):
    await it.press("S")
    await it.until(
        lambda: isinstance(it.app.screen, sweep.SweepScreen) and it.app.screen.is_mounted
    )
    await it.until(lambda: it.app.screen.board.region.height)
    return it.app.screen


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (20, 5)])
async def test_it_shows_the_newest_study_in_any_size(sweeps, explorer, size):
    StudyFiles(sweeps, "night").write(study())
    async with explorer(size=size) as it:
        await opened(it)
        if size[0] >= 80:
            said = "Best so far", "└", "11 of 17 trials", "learning rate", "pruned", "trial 0: "
            await it.until(lambda: all(one in it.painted() for one in said))
        assert ("Dev by hidden" in it.painted()) == (size[0] >= 120)
        assert ("tab plot" in it.painted()) == (size == (80, 24))
        if size[0] >= 120:  # what the curves and the shares are of
            assert "dev, or minibatches before the first" in it.painted()
            assert "for being among the best" in it.painted()
        if size == (80, 24):
            await it.press("tab", "tab", "v")
            await it.until(lambda: "Dev by learning rate" in it.painted())
        await it.press("escape")
        await it.until(lambda: isinstance(it.app.screen, MainScreen))


async def test_without_a_study_it_says_how_to_start_one(sweeps, explorer, monkeypatch):
    started = []

    class FakeProcess:
        def __init__(self, start):
            self.study, self.is_detached, self.problem = start.study, start.detached, ""
            started.append(start)
            StudyFiles(sweeps, start.study).write(study(name=start.study))

        def wait_until_open(self):
            pass

    monkeypatch.setattr(sweep, "SweepProcess", FakeProcess)
    async with explorer() as it:
        await opened(it)
        await it.until(lambda: "No sweep yet · n to start one" in it.painted())
        assert " n new · esc close" in it.painted()
        assert "No trial has been trained to its end yet" in it.painted()
        await it.press("n")
        await it.until(lambda: isinstance(it.app.screen, SweepStart))
        await it.until(lambda: "hidden=50..800:log dropout=0..0.5" in it.painted())
        await it.press("enter")
        await it.until(lambda: "11 of 17 trials" in it.painted())
        (start,) = started
        assert isinstance(start, Start)
        assert [one.setting for one in start.over] == ["learning_rate", "hidden", "dropout"]
        assert (start.trials, start.seconds, start.detached) == (50, 600.0, False)
        assert RunSpec.parse(start.spec).model == it.snapshot.model
        assert len(it.app.sweeps) == 1


async def test_a_wrong_range_is_refused_in_place_and_detaching_is_chosen(sweeps, explorer):
    async with explorer() as it:
        await opened(it)
        await it.press("n")
        await it.until(lambda: isinstance(it.app.screen, SweepStart))
        await it.press("ctrl+u", *"dropout=0.4..0.1", "enter")
        await it.until(lambda: "the range of dropout must rise" in it.painted())
        await it.press("ctrl+u", "enter")
        await it.until(lambda: "list of settings says which setting to try" in it.painted())
        await it.press(*"dropout", "tab", "tab", *"soon", "enter")
        await it.until(lambda: "time must be a time such as 90s" in it.painted())
        assert "--" not in it.painted()
        await it.press("tab", "space")
        await it.until(lambda: "✓" in it.painted())
        await it.press("escape")
        await it.until(lambda: isinstance(it.app.screen, sweep.SweepScreen))


async def test_no_setting_is_offered_that_does_nothing(sweeps, explorer, snapshot):
    counts = snapshot(kind="ngram", smoothing_method="kneser-ney")
    async with explorer(first=counts) as it:
        await opened(it)
        await it.press("n")
        await it.until(lambda: isinstance(it.app.screen, SweepStart))
        await it.until(lambda: "order=1..5 " in it.painted())
        assert "smoothing=" not in it.painted()


async def test_stop_and_prune_are_asked_of_a_study_that_runs(running, explorer):
    async with explorer() as it:
        screen = await opened(it)
        assert "x stop · p prune · enter open" in it.painted()
        assert "Trials around names/seed=1" in it.painted()
        await it.press("p")
        await it.until(lambda: "Trial 0 is not running" in it.painted())
        await it.press("F", *"running", "enter")
        await it.until(lambda: screen.board.chosen.number == 11)
        await it.press("p", "x")
        await it.until(lambda: "Stopping" in it.painted())
        assert running.new_commands() == [Prune(11), Stop()]


async def test_it_follows_a_study_until_that_ends_and_then_reads_nothing(running, explorer):
    async with explorer() as it:
        screen = await opened(it)
        running.write(study(20, "running"))
        await it.until(lambda: "19 of 25 trials" in it.painted())
        running.write(study(20, "finished", running=0))
        await it.until(lambda: "finished · last ran for 1:15" in it.painted())
        assert not screen._timer._active.is_set()
        await it.press("x")
        await it.until(lambda: "not running · n to start one" in it.painted())
        assert running.new_commands() == []


async def test_why_its_process_ended_is_said_where_its_snapshot_is_not(running, explorer):
    async with explorer() as it:
        await opened(it)
        others = SimpleNamespace(study="other", problem="not this")
        it.app.sweeps += [others, SimpleNamespace(study="night", problem="the disk is full")]
        running.unlock()
        await it.until(lambda: "the disk is full" in it.painted())


async def test_trials_are_sorted_filtered_and_opened(sweeps, explorer):
    run = with_saved_run(sweeps)
    async with explorer() as it:
        screen = await opened(it)
        await it.press("enter")
        await it.until(lambda: it.engine.commands == [OpenRun(str(run))])
        screen = await opened(it)
        await it.press("o", "F", *"hidden=128", "enter", "down")
        await it.handled()
        hidden = lambda trial: trial and trial.settings["hidden"]  # noqa: E731
        await it.until(lambda: screen.board.sort == "hidden" and hidden(screen.board.chosen) == 128)
        trial = screen.board.chosen
        await it.press("T")
        await it.until(lambda: "is not saved as a run · enter to begin" in it.painted())
        begun = Begin(RunSpec.parse(trial.spec), f"trial {trial.number}")
        await it.press("enter")
        await it.until(lambda: it.engine.commands[-1] == begun)


async def test_the_table_and_a_picture_are_saved(sweeps, explorer):
    StudyFiles(sweeps, "night").write(study())
    StudyFiles(sweeps, "older").write(study(3, name="older"))
    async with explorer() as it:
        screen = await opened(it)
        await it.press("right" if screen.snapshot.study == "older" else "j")
        await it.until(lambda: screen.snapshot.study == "night")
        await it.press("e")
        await it.until(lambda: "Exported" in it.painted())
        await it.press("i")
        await it.until(lambda: "Saved screenshot" in it.painted())
    assert "night" in next(sweeps.glob("*.svg")).read_text()
    lines = (sweeps / "night.csv").read_text().splitlines()
    assert lines[0] == "trial,dev,hidden,learning_rate,steps,planned,state,seconds,why,spec,run"
    assert len(lines) == 13


async def test_a_study_that_has_stopped_is_resumed_where_trials_are_left(
    sweeps, explorer, monkeypatch
):
    started = []

    class FakeProcess:
        def __init__(self, start):
            self.study, self.is_detached, self.problem = start.study, start.detached, ""
            started.append(start)

        def wait_until_open(self):
            pass

    monkeypatch.setattr(sweep, "SweepProcess", FakeProcess)
    files, here = StudyFiles(sweeps, "night"), f"sqlite:///{sweeps}/night.sqlite3"
    files.write(replace(study(), storage="host/shared"))
    async with explorer() as it:
        await opened(it)
        await it.press("r")
        await it.until(lambda: "in PostgreSQL goes on with sweep --resume" in it.painted())
        files.write(replace(study(), trials=11, storage=here))
        await it.press("escape")
        await opened(it)
        await it.press("r")
        await it.until(lambda: "all 11 trials have ended" in it.painted())
        files.write(replace(study(), storage=here))
        await it.press("escape")
        await opened(it)
        await it.press("r")
        await it.until(
            lambda: "The sweep night runs, until the explorer is left · x to stop" in it.painted()
        )
    (start,) = started
    assert (start.study, start.trials, start.may_exist, start.over) == ("night", 17, True, ())
    assert start.seconds is None


async def test_a_study_that_another_explorer_has_resumed_is_followed(
    running, explorer, monkeypatch
):
    class FakeProcess:
        def __init__(self, start):
            self.study, self.is_detached, self.problem = start.study, start.detached, ""
            running.lock()
            running.write(study(state="running"))

        def wait_until_open(self):
            raise UserError("the sweep night is running already")

    monkeypatch.setattr(sweep, "SweepProcess", FakeProcess)
    running.unlock()
    running.write(replace(study(), storage=f"sqlite:///{running.snapshot.parent}/night.sqlite3"))
    async with explorer() as it:
        screen = await opened(it)
        assert screen.snapshot.state == "stopped"
        await it.press("r")
        await it.until(lambda: "No sweep: the sweep night is running already" in it.painted())
        assert (screen.snapshot.state, screen._timer._active.is_set()) == ("running", True)


async def test_a_trial_is_opened_as_twin(sweeps, explorer):
    run = with_saved_run(sweeps)
    async with explorer() as it:
        asked = []
        screen = await opened(it)
        screen.session.ask = asked.append
        await it.press("T")
        await it.until(lambda: asked == [Fork(folder=str(run))])
        await it.until(lambda: isinstance(it.app.screen, MainScreen))
