"""The explorer as a person sees it: it opens, trains, and follows the keys."""

import re
from pathlib import Path

TITLES = ("Loss", "Settings", "Bigrams", "Names", "Splits")


def test_it_opens_on_the_names(terminal):
    terminal.wait_for_text("makemore-tui", "names · 32,178 items · 27 characters", "seed 1")
    terminal.wait_for_text(*TITLES)


def test_it_trains(terminal):
    step = terminal.step
    terminal.wait_for(lambda: terminal.step > step)
    terminal.wait_for(lambda: re.search(r"minibatch \d\.\d{3}", terminal.text))
    terminal.wait_for(lambda: re.search(r"╍ dev \d\.\d{3}", terminal.text))
    terminal.wait_for(lambda: re.search(r"[\d,]+/s ", terminal.text))


def test_every_panel_is_filled(terminal):
    terminal.wait_for(lambda: re.search(r"│ [a-z]+ +(new|in data) +│", terminal.text))
    terminal.wait_for(lambda: re.search(r"│ train +≈? ?\d\.\d{3}", terminal.text))
    terminal.wait_for_text(". a b c d e f g", "model 0.", "rank", "└", "11,897")


def test_the_learning_rate_goes_down_and_up_a_quarter_decade(terminal):
    terminal.wait_for(lambda: terminal.value("learning rate").startswith("0.1 "))
    terminal.send("[")
    terminal.wait_for(lambda: terminal.value("learning rate").startswith("0.0562 "))
    terminal.wait_for_text("Learning rate 0.1 → 0.0562")
    terminal.send("]")
    terminal.wait_for(lambda: terminal.value("learning rate").startswith("0.1 "))


def test_another_size_is_taken_in_place_and_undone(terminal):
    terminal.wait_for(lambda: terminal.value("hidden").startswith("200 "))
    terminal.send("=")
    terminal.wait_for(lambda: terminal.value("hidden").startswith("250 "))
    terminal.wait_for_text("Hidden 200 → 250, weights kept", "14,797")
    terminal.send("u")
    terminal.wait_for_text("Undid hidden 250")
    terminal.wait_for(lambda: terminal.value("hidden").startswith("200 "))


def test_space_pauses_and_goes_on(terminal):
    terminal.wait_for_training()
    terminal.send(" ")
    terminal.wait_for_text("paused")
    step = terminal.step
    terminal.send("sss")  # three steps; all that came between would be seen too
    terminal.wait_for(lambda: terminal.step >= step + 3)
    assert terminal.step == step + 3
    terminal.send(" ")
    terminal.wait_for(lambda: terminal.step > step + 3)
    assert "training" in terminal.text


def test_the_model_changes(terminal):
    for name, presses in (("counts", "m"), ("neural bigram", "m"), ("MLP", "m")):
        terminal.wait_for(lambda: terminal.step > 0)
        terminal.send(presses)
        terminal.wait_for(lambda name=name: terminal.value("model").startswith(name))
    terminal.wait_for_training()


def test_the_test_loss_comes_when_asked_for(terminal):
    terminal.send("rt")
    terminal.wait_for(lambda: re.search(r"│ test +\d\.\d{3}", terminal.text))
    terminal.wait_for_text("asked")


def test_the_cursor_moves_over_the_bigrams(terminal):
    terminal.wait_for_text("│ .a ")
    terminal.send("3")  # the bigrams, whose cursor the arrows then move
    terminal.send("\x1b[B\x1b[C")
    terminal.wait_for_text("│ ab ")
    terminal.send("\x1b[A\x1b[D")
    terminal.wait_for_text("│ .a ")
    terminal.send("1")


def test_the_axis_changes(terminal):
    terminal.send("l")
    terminal.wait_for_text("log loss")
    terminal.send("l")
    terminal.wait_for_text("linear")


def test_help_opens_and_closes(terminal):
    terminal.send("?")
    terminal.wait_for_text("Pause training, or resume it", "esc close")
    terminal.send("?")
    terminal.wait_for(lambda: "esc close" not in terminal.text)


def test_another_size_of_the_terminal_arranges_the_panels_anew(terminal):
    terminal.resize(80, 24)
    terminal.wait_for(lambda: "╭─ 1 Loss" in terminal.text and "╭─ 4 Names" not in terminal.text)
    terminal.resize(120, 40)
    terminal.wait_for_text(*(f"╭─ {i} {title}" for i, title in enumerate(TITLES, 1)))


def test_only_the_worker_loads_torch(terminal):
    terminal.wait_for_training()
    maps = {pid: Path(f"/proc/{pid}/maps").read_text() for pid in (terminal.pid, terminal.worker())}
    assert "libtorch" not in maps[terminal.pid]
    assert "libtorch" in maps[terminal.worker()]
