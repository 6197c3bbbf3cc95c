"""The explorer as a person sees it: it opens, trains, and follows the keys; of keys that arrive at
once, each reaches what it was typed for, in order."""

import re
from pathlib import Path

import pytest

BACKSPACE, ESCAPE, LEFT, HOME, END, CTRL_S, CTRL_P = (
    "\x7f", "\x1b", "\x1b[D", "\x1b[H", "\x1b[F", "\x13", "\x10"
)  # fmt: skip
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


# Keys that arrive at once


def leave(terminal):
    """Leave whatever was typed into; a key right behind an escape would be part of a sequence."""
    terminal.send(ESCAPE)


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("emma", "emma"),
        (f"abc{BACKSPACE}{BACKSPACE}d", "ad"),
        (f"bc{HOME}a{END}d{LEFT}{BACKSPACE}", "abd"),
    ],
)
def test_the_probe_takes_what_follows_its_key(terminal, keys, text):
    terminal.send(f"/{keys}")
    terminal.wait_for_text(f"│ {text} ")
    terminal.send(END + BACKSPACE * 9 + "\r")
    terminal.wait_for_text("the empty text")
    assert terminal.value("model").startswith("MLP")


def test_the_key_after_an_entry_is_the_explorers(terminal):
    terminal.wait_for_training()
    terminal.send("/xy\r ")
    terminal.wait_for_text("│ xy ", "paused")
    terminal.send(f"/{BACKSPACE}{BACKSPACE}\r ")
    terminal.wait_for_training()


@pytest.mark.parametrize(("keys", "value"), [("123", "123"), (f"99{BACKSPACE * 3}124", "124")])
def test_a_value_replaces_the_one_before_and_enter_takes_it(terminal, keys, value):
    terminal.send("2" + "\x1b[A" * 9)
    terminal.wait_for(lambda: "enter to edit" in terminal.text)
    terminal.send("\x1b[B" * 6 + f"\r{keys}\r1")
    terminal.wait_for(lambda: terminal.value("hidden").startswith(f"{value} "))
    terminal.send("u")
    terminal.wait_for(lambda: terminal.value("hidden").startswith("200 "))


@pytest.mark.parametrize(
    ("opening", "title"),
    [(CTRL_S, "Name this run"), ("d", "enter shows its numbers"), (CTRL_P, "Search for commands")],
)
def test_a_screen_that_opens_takes_what_follows_its_key(terminal, opening, title):
    terminal.send(f"{opening}abc{BACKSPACE}{BACKSPACE}d")
    terminal.wait_for_text(" ad ")
    leave(terminal)
    terminal.wait_for(lambda: " ad " not in terminal.text and title not in terminal.text)
