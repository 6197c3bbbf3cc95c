"""What the README says of keys, files and commands is so."""

import re
import runpy
from pathlib import Path

import typer

from makemore_tui.tui.cli.app import app
from makemore_tui.tui.config import _CHECKS, read_config
from makemore_tui.tui.keymap import KEYS
from makemore_tui.tui.style import themes

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_table_of_keys_is_that_of_their_declaration():
    made = runpy.run_path(str(ROOT / "docs" / "make_keys.py"))
    table = README.split(made["BEGIN"])[1].split(made["END"])[0]
    assert table.strip() == made["table"]()


def test_the_tree_has_a_line_for_every_folder():
    tree = README.split("## What is where")[1].split("```")[1]
    for package in ("core", "tui"):
        part = re.split(r"(?m)^(?=\S)", tree.split(f"\n{package}/")[1])[0]
        named = set(re.findall(r"(?m)^  (\S+)/", part))
        there = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
        assert named == there


def test_every_command_that_it_shows_exists():
    commands = vars(typer.main.get_command(app))["commands"]
    shown = re.findall(r"(?m)^makemore-tui +([a-z][a-z-]*)", README)
    assert shown
    assert set(shown) <= set(commands)


def test_the_configuration_that_it_shows_is_taken_and_has_every_entry(tmp_path):
    shown = README.split("```toml\n")[1].split("```")[0]
    (tmp_path / "config.toml").write_text(shown)
    config = read_config(tmp_path / "config.toml", themes.NAMES, {key.id: key.keys for key in KEYS})
    assert {*config.values} == {"theme", *_CHECKS}
    assert config.keys == {"pause": "p"}
