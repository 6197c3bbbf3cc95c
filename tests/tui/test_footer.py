"""The footer: it offers what there is room for, help and leaving always; a click presses a key."""

import pytest

from makemore_tui.core.worker.protocol import Edit, Step
from makemore_tui.tui.keymap import FOOTER, KEYS
from makemore_tui.tui.widgets.footer import KeyFooter

pytestmark = pytest.mark.asyncio(loop_scope="module")

WIDTHS = [20, 40, 80, 100, 120, 200]


def footer(it):
    return it.painted().split("\n")[-1]


async def test_every_group_has_its_place():
    assert {key.group for key in KEYS if key.group} >= set(FOOTER)


@pytest.mark.parametrize("width", WIDTHS)
async def test_it_offers_as_much_as_there_is_room_for_and_always_help(explorer, width):
    async with explorer(size=(width, 24)) as it:
        await it.press("5")  # a panel without keys of its own
        bindings = lambda: it.screen.active_bindings["l"]  # noqa: E731
        await it.until(lambda: it.chosen == "splits" and bindings().node is it.screen)
        await it.ticks(2)  # in which the footer is painted with them
        offered = footer(it).split("  ")
        words = [offer.split()[-1] for offer in offered if offer.strip()]
        assert words[-2:] == ["help", "quit"]
        of_single_runs = [word for word in FOOTER if word not in ("side", "keep A/B")]
        assert words[:-2] == of_single_runs[: len(words) - 2]
        missing = of_single_runs[len(words) - 2]
        if missing != "help":
            assert width - len(footer(it).rstrip()) < len(f"  ; ' {missing}")


@pytest.mark.parametrize(
    ("panel", "first"),
    [
        ("1", "l L log axes  a all steps  ) ( magnify"),
        ("2", "enter type a value  C copy settings  space pause"),
        ("4", "g names  h H temperature  J K top-k"),
        ("5", "space pause  [ ] rate"),
    ],
)
async def test_the_keys_of_the_focused_panel_come_first(it, panel, first):
    await it.press(panel)
    await it.until(lambda: footer(it).strip().startswith(first))


@pytest.mark.parametrize(
    ("sign", "change"),
    [
        ("[", {"learning_rate": 0.0562}),
        ("]", {"learning_rate": 0.178}),
        ("rate", {"learning_rate": 0.178}),
        ("b", {"batch_size": 16}),
        ("B", {"batch_size": 64}),
        ("batch", {"batch_size": 64}),
    ],
)
async def test_a_click_presses_the_key_under_it(it, sign, change):
    for first in (True, False):
        await it.press("5")  # a panel without keys of its own
        await it.until(lambda: footer(it).startswith(" space pause"))
        place = footer(it).index(f" {sign} ") + 1
        it.engine.requests.clear()
        await it.pilot.click(KeyFooter, offset=(place if first else place + len(sign) - 1, 0))
        await it.until(lambda: it.engine.commands)
        assert it.engine.commands == [Edit(change)]
        await it.reset()


async def test_a_click_between_the_keys_does_nothing(it):
    await it.pilot.click(KeyFooter, offset=(footer(it).index("pause") + len("pause"), 0))
    await it.pilot.click(KeyFooter, offset=(it.screen.size.width - 1, 0))
    await it.press("s")  # which is answered after whatever the clicks did
    await it.until(lambda: it.engine.commands)
    assert it.engine.commands == [Step()]
