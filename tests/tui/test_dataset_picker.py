"""The dataset picker: built-in data, recent files, and a path that is completed."""

import pytest
import pytest_asyncio
from textual.containers import Vertical
from textual.events import Key
from textual.widgets import Checkbox, Input, OptionList

from makemore_tui.core.reading import Reading
from makemore_tui.core.text import shown
from makemore_tui.core.worker.protocol import ChangeDataset, DescribeDataset
from makemore_tui.tui.screens.dataset import DatasetScreen, PathSuggester, cropped
from makemore_tui.tui.screens.main import MainScreen
from makemore_tui.tui.style.cells import cell_len

completed = PathSuggester().get_suggestion
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def towns(tmp_path_factory):
    """A file that is there."""
    path = tmp_path_factory.mktemp("data") / "towns.txt"
    path.touch()
    return str(path)


@pytest_asyncio.fixture(loop_scope="module")
async def picker(it, towns):
    """The picker, open; closed after the test."""
    it.app.recent = ["/data/gone.txt", towns]
    await it.press("d")
    await it.until(lambda: isinstance(it.app.screen, DatasetScreen) and it.app.screen._chooser)
    yield it.app.screen
    if isinstance(it.app.screen, DatasetScreen):
        await it.press("escape")
        await closed(it)


async def closed(it):
    await it.until(lambda: isinstance(it.app.screen, MainScreen))


async def type_path(it, picker, text):
    line = picker.query_one(Input)
    line.focus()
    await it.until(lambda: line.has_focus)
    line.value = text
    await it.press("enter")


async def test_enter_shows_the_numbers_and_enter_again_takes_it(it, picker):
    await it.press("down", "enter")
    await it.until(lambda: "1,000 items, 990 distinct" in it.painted())
    assert it.engine.commands == [DescribeDataset("surnames", False)]
    await it.press("enter")
    await closed(it)
    assert it.engine.commands[1:] == [ChangeDataset("surnames", False)]
    await it.until(lambda: "surnames" in it.status)
    assert "surnames" not in it.app.recent


async def test_of_built_in_data_the_path_is_not_shown(it, picker):
    await it.press("down", "enter")
    await it.until(lambda: "surnames, built-in" in it.painted())


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (80, 16), (60, 24)])
@pytest.mark.parametrize("path", ["surnames", f"/data/{'long/' * 60}rivers.txt"])
async def test_what_enter_does_and_what_it_loses_is_always_in_view(
    explorer, monkeypatch, size, path
):
    monkeypatch.setattr("os.path.isfile", lambda path: True)
    async with explorer(size=size) as it:
        it.app.recent = [f"/data/{'more/' * 60}{i}.txt" for i in range(8)]
        await it.press("d")
        await it.until(lambda: isinstance(it.app.screen, DatasetScreen))
        await it.until(lambda: isinstance(it.app.focused, OptionList))
        await type_path(it, it.app.screen, path)
        box = it.app.screen.query_one(Vertical)
        said = ["enter new run · u", "u brings this one back, at step 1,200"]
        said += ["…", "rivers.txt"] if path != "surnames" else []
        shown = lambda: " ".join(it.painted(box.content_region).split())  # noqa: E731
        await it.until(lambda: all(one in shown() for one in said))


async def test_where_nothing_is_lost_it_says_only_what_enter_does(it, snapshot, picker):
    await it.show(snapshot(step=0))
    await it.press("down", "enter")
    await it.until(lambda: "enter new run" in it.painted())
    assert "back, at step" not in it.painted()


async def test_numbers_are_shown_only_with_what_they_belong_to(it, picker):
    await it.press("down", "enter")
    await it.until(lambda: "990 distinct" in it.painted())
    await it.press("up")
    await it.until(lambda: "990 distinct" not in it.painted())
    assert "enter new run" not in it.painted()
    await it.press("down")
    await it.until(lambda: "990 distinct" in it.painted())
    await it.press("/")
    await it.until(lambda: "990 distinct" not in it.painted())
    assert "enter new run" not in it.painted()


async def test_a_refusal_goes_with_the_path_that_was_refused(it, picker):
    await type_path(it, picker, "/data/none")
    await it.until(lambda: "no such file" in it.painted())
    await it.press("x")
    await it.until(lambda: "no such file" not in it.painted())
    assert not picker.query_one("#numbers").has_class("warning")
    await it.press("backspace")
    await it.until(lambda: "no such file" in it.painted())


@pytest.mark.parametrize("width", [1, 2, 9, 10, 20])
@pytest.mark.parametrize("path", ["/data/towns.txt", "/数据/城镇/城镇城镇.txt"])
async def test_a_path_that_is_cut_keeps_its_ends(path, width):
    cut = cropped(path, width)
    assert cell_len(cut) <= width
    assert cut == path or "…" in cut
    assert width < 9 or (cut[0], cut[-4:]) == ("/", ".txt")


async def test_a_recent_file_is_offered_unless_it_is_gone(it, picker, towns):
    await it.until(lambda: towns in it.painted())
    assert "gone.txt" not in it.painted()
    await it.press("down", "down", "down", "enter")
    await it.until(lambda: it.engine.commands)
    assert it.engine.commands == [DescribeDataset(towns, False)]


async def test_the_name_of_built_in_data_may_be_typed(it, picker):
    await type_path(it, picker, "words")
    await it.until(lambda: it.engine.commands)
    assert it.engine.commands == [DescribeDataset("words", False)]


async def test_tab_completes_a_path_and_leaves_one_that_is_whole(it, picker, towns):
    line = picker.query_one(Input)
    line.focus()
    await it.until(lambda: line.has_focus)
    line.value = towns[:-4]
    line.action_end()
    await it.until(lambda: line._suggestion == towns)
    await it.press("tab")
    await it.until(lambda: line.value == towns)
    await it.press("tab")
    await it.until(lambda: not line.has_focus)


async def test_a_file_that_is_taken_becomes_a_recent_one(it, picker):
    await type_path(it, picker, "/data/rivers.txt")
    await it.until(lambda: "1,000 items" in it.painted())
    await it.press("enter")
    await closed(it)
    assert it.app.recent[0] == "/data/rivers.txt"
    await it.until(lambda: "rivers.txt" in it.status)


async def test_a_path_may_be_typed_at_once(it, picker):
    await it.press(*"/data/none", "enter")
    await it.until(lambda: "no such file" in it.painted())
    assert it.engine.commands == [DescribeDataset("/data/none", False)]


async def test_the_home_of_nobody_is_an_ordinary_path(it, picker):
    await type_path(it, picker, "~no-such-user/none")
    await it.until(lambda: "no such file" in it.painted())
    assert it.engine.commands[0].name.endswith("/~no-such-user/none")


async def test_a_refused_file_changes_nothing(it, picker):
    await type_path(it, picker, "/data/none")
    await it.until(lambda: "no such file" in it.painted())
    assert it.engine.commands == [DescribeDataset("/data/none", False)]
    assert isinstance(it.app.screen, DatasetScreen)


async def test_while_it_is_read_the_screen_says_so(it, picker):
    it.engine.answers = False
    await it.press("down", "enter")
    await it.until(lambda: "Reading" in it.painted())
    await it.press("enter", "escape")
    await closed(it)
    assert len(it.engine.commands) == 1


async def test_dropping_repeated_items_asks_anew(it, picker):
    await it.press("down", "enter")
    await it.until(lambda: "990 distinct" in it.painted())
    assert "▐ ▌ drop repeated items" in it.painted()
    picker.query_one(Checkbox).value = True
    await it.until(lambda: "990 distinct" not in it.painted())
    await it.until(lambda: "▐✓▌ drop repeated items" in it.painted())
    await it.press("enter")
    await it.until(lambda: DescribeDataset("surnames", True) in it.engine.commands)


async def test_a_path_is_completed(tmp_path, monkeypatch):
    (tmp_path / "towns.txt").touch()
    (tmp_path / "more").mkdir()
    assert await completed(f"{tmp_path}/to") == f"{tmp_path}/towns.txt"
    assert await completed(f"{tmp_path}/m") == f"{tmp_path}/more/"
    assert await completed(f"{tmp_path}/x") is None
    assert await completed(f"{tmp_path}/none/x") is None
    assert await completed("") is None
    monkeypatch.chdir(tmp_path)
    assert await completed("to") == "towns.txt"


@pytest.mark.parametrize("size", [(80, 24), (40, 10), (20, 5)])
async def test_no_size_does_harm(explorer, size):
    async with explorer(size=size) as it:
        await it.press("d")
        await it.until(lambda: isinstance(it.app.screen, DatasetScreen))
        await it.press("escape")
        await closed(it)


HOSTILE = ["a\x1b]0;taken\x07.txt", "a\u202etxt.", "a\x9b31m"]


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_name_that_a_terminal_would_act_on_is_never_offered(tmp_path, name):
    (tmp_path / name).write_text("anna\n")
    assert await completed(f"{tmp_path}/a") is None
    (tmp_path / "ab.txt").write_text("anna\n")
    assert await completed(f"{tmp_path}/a") == f"{tmp_path}/ab.txt"


@pytest.mark.parametrize("name", HOSTILE)
async def test_recent_files_and_what_is_pasted_are_only_shown(it, tmp_path, name):
    (tmp_path / name).write_text("anna\n")
    it.app.recent = [str(tmp_path / name)]
    await it.press("d")
    await it.until(lambda: isinstance(it.app.screen, DatasetScreen))
    await it.until(lambda: it.app.screen.query(Input))
    line = it.app.screen.query_one(Input)
    line.insert_text_at_cursor(name)
    assert line.value == name
    await it.until(lambda: shown(name) in it.painted())
    assert all(row.isprintable() for row in it.painted().split("\n"))
    await it.press("escape")
    await it.until(lambda: it.app.screen is it.screen)


async def test_pages_do_no_harm_where_there_is_no_room_for_the_list(explorer):
    async with explorer(size=(1, 1)) as it:
        await it.press("d")
        await it.until(lambda: isinstance(it.app.screen, DatasetScreen))
        await it.press("down", "pagedown", "pageup", "pagedown", "escape")
        await it.until(lambda: it.app.screen is it.screen)


async def test_a_file_is_read_as_the_options_say(it, picker, towns):
    await type_path(it, picker, towns)
    await it.until(lambda: it.engine.commands == [DescribeDataset(towns)])
    _unique, skip_long = picker.query(Checkbox)
    encoding, column = list(picker.query(Input))[1:]
    encoding.value, column.value, skip_long.value = "windows-1252", "prénom", True
    await it.until(lambda: "No dataset read yet" in it.painted())
    column.focus()
    await it.until(lambda: column.has_focus)
    await it.press("enter")
    reading = Reading("windows-1252", "prénom", skip_long=True)
    await it.until(lambda: it.engine.commands[1:] == [DescribeDataset(towns, False, reading)])
    await it.until(lambda: "990 distinct" in it.painted())
    await it.press("enter")
    await closed(it)
    assert it.engine.commands[2:] == [ChangeDataset(towns, False, reading)]


async def test_what_is_typed_is_the_exact_text_marks_and_joiners_too(it, picker):
    text = "e\u0301 கி می\u200cشود 👩\u200d👧"
    line = picker.query_one(Input)
    line.focus()
    await it.until(lambda: line.has_focus)
    for character in text:
        line.post_message(Key(character, character))
    line.insert_text_at_cursor("\x1b")
    await it.until(lambda: line.value == f"\x1b{text}" or line.value == f"{text}\x1b")
    await it.until(lambda: "␛" in it.painted() and "👩\u200d👧" in it.painted())
