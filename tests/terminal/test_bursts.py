"""Keys that arrive at once, while it trains: each reaches what it was typed for, in order."""

import pytest

BACKSPACE, ESCAPE, LEFT, HOME, END, CTRL_S, CTRL_P = (
    "\x7f", "\x1b", "\x1b[D", "\x1b[H", "\x1b[F", "\x13", "\x10"
)  # fmt: skip


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
