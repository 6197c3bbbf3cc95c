"""What the README says of keys, files and commands is so."""

import re
import runpy
from pathlib import Path

import typer

from makemore_tui.tui.cli.main import app
from makemore_tui.tui.config import _CHECKS, read_config
from makemore_tui.tui.keymap import KEYS
from makemore_tui.tui.style import themes

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_table_of_keys_is_that_of_their_declaration():
    made = runpy.run_path(str(ROOT / "docs" / "make_keys.py"))
    table = README.split(made["BEGIN"])[1].split(made["END"])[0]
    assert table.strip() == made["table"]()


def test_every_file_of_the_engine_and_the_explorer_is_named_and_there():
    tree = README.split("## What is where")[1].split("```")[1]
    for folder in ("core", "tui"):
        part = re.split(r"(?m)^(?=\S)", tree.split(f"\n{folder}/")[1])[0]
        named, within = set(), folder
        for indent, name in re.findall(r"(?m)^( {2}| {4})(\S+)", part):
            within = folder if len(indent) == 2 else within
            if name.endswith("/"):
                within = f"{folder}/{name[:-1]}"
            else:
                named.add(f"{within}/{name}")
        files = (ROOT / folder).rglob("*.py")
        there = {str(path.relative_to(ROOT)) for path in files if path.name[:2] != "__"}
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
