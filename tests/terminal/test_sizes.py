"""Small terminals, and terminals without colour."""

import re

PANELS = (
    *("Loss", "Settings", "Bigrams", "Names", "Splits"),
    *("Embedding", "Probe", "Health", "Runs", "Trace"),
)


def panels(text):
    return [title for title in PANELS if re.search(rf"╭─ \d {title}", text)]


def test_at_20x5_it_opens_and_is_left_and_at_80x24_the_panels_stand_in_tabs(open_terminal):
    terminal = open_terminal(size=(20, 5), has_worker=False, NO_COLOR="1")
    terminal.wait_for(lambda: "training" in terminal.text or "step" in terminal.text)
    terminal.resize(80, 24)
    terminal.wait_for_training()
    terminal.wait_for_text("Loss", "Settings", "Bigrams", "Names", "Splits")
    for title in (*PANELS, PANELS[0]):
        terminal.wait_for(lambda title=title: panels(terminal.text) == [title])
        terminal.send("\t")
    terminal.resize(20, 5)
    terminal.send("\tz\t[m\t")
    terminal.resize(60, 10)
    terminal.wait_for(lambda: terminal.step > 0)
    terminal.resize(20, 5)
    terminal.send("q")
    assert terminal.exit_code() == 0
    assert terminal.is_restored
    colours = set(re.findall(rb"[34]8;2;(\d+);(\d+);(\d+)", terminal.written))
    assert colours
    assert all(red == green == blue for red, green, blue in colours)
