"""What README and the pages of docs say of keys, settings, files and commands is so."""

import ast
import importlib
import re
import shlex
from pathlib import Path

import pytest
import typer

from makemore_tui.core.presets import PRESETS
from makemore_tui.tui import messages
from makemore_tui.tui.cli.app import app
from makemore_tui.tui.config import _CHECKS, read_config
from makemore_tui.tui.keymap import KEYS, LABELS
from makemore_tui.tui.style import themes

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {
    path: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *DOCS.glob("*.md"))
}
ALL_PAGES = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)


@pytest.fixture
def script(monkeypatch):
    """Import a script of docs by its name."""
    monkeypatch.syspath_prepend(str(DOCS))
    return importlib.import_module


def commands(page: str) -> list[list[str]]:
    """The words of each call of the program that a page shows in a block of its own."""
    blocks = "\n".join(re.findall(r"(?ms)^```\n(.*?)^```", page))
    blocks = blocks.replace("\\\n", " ")  # a command on several lines
    lines = re.findall(r"(?m)^makemore-tui\b *(.*)$", blocks)
    return [shlex.split(line, comments=True) for line in lines]


def test_the_readme_fits_on_a_few_screens():
    assert len(README.splitlines()) < 150


def test_the_tables_of_keys_are_those_of_their_declaration(script):
    keys, tables = script("make_keys"), script("tables")
    made = keys.tables()
    assert made.keys() == {"keys", "panel keys", "sweep keys"}
    for name, table in made.items():
        assert tables.written(keys.PAGE, name) == table
    assert len("\n".join(made.values()).splitlines()) == len(LABELS) + 1 + 3 * 2


def test_the_tables_of_settings_diagnoses_and_presets_are_those_of_their_declarations(script):
    tables = script("tables")
    for (page, name), made in script("make_settings").TABLES.items():
        assert tables.written(page, name) == made()
    assert all(f"| `{name}` |" in README for name in PRESETS)


def test_the_page_of_messages_lists_every_notice_and_error(script):
    page, tables = script("make_messages"), script("tables")
    for name, text in page.lists().items():
        assert tables.written(page.PAGE, name) == text
        assert len(text.splitlines()) > 50


def test_every_notice_is_in_the_table_of_messages_and_used():
    """So that the page lists them all: none is written where it is said."""
    code = {path: path.read_text(encoding="utf-8") for path in (ROOT / "tui").rglob("*.py")}
    loose = {
        f"{path.name}:{node.lineno}"
        for path, text in code.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", "")) in ("say", "Said", "Notice")
        and isinstance(node.args[0], ast.JoinedStr | ast.Constant)
        and ast.unparse(node.args[0]) != "''"
    }
    assert not loose
    everything = "\n".join(code.values())
    unused = {name for name in vars(messages) if name.isupper() and f".{name}" not in everything}
    assert not unused


def test_the_tree_has_a_line_for_every_folder():
    tree = PAGES[DOCS / "structure.md"].split("```")[1]
    for package in ("core", "tui"):
        part = re.split(r"(?m)^(?=\S)", tree.split(f"\n{package}/")[1])[0]
        named = set(re.findall(r"(?m)^  (\S+)/", part))
        there = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
        assert named == there


def test_every_command_and_option_that_a_page_shows_exists():
    root = typer.main.get_command(app)
    shown = [words for page in PAGES.values() for words in commands(page)]
    assert len(shown) > 30
    for words in shown:
        command, rest = root, words
        while rest and rest[0] in (known := getattr(command, "commands", {})):
            command, rest = known[rest[0]], rest[1:]
        named = {word for word in rest if re.fullmatch(r"-n|--[a-z-]+", word)}
        options = {name for one in command.params for name in one.opts} | {"--help"}
        assert named <= options, words
        assert command is not root or all(word.startswith("-") for word in rest[:1]), words


@ALL_PAGES
def test_every_file_that_a_page_links_to_exists(page):
    for link in re.findall(r"\]\(([^)]+)\)", PAGES[page]):
        assert link.startswith("https://") or (page.parent / link).is_file(), link
    for target in re.findall(r"`make ([a-z]+)`", PAGES[page]):
        assert f"\n{target}:" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_page_is_linked_from_the_readme():
    pages = {str(page.relative_to(ROOT)) for page in PAGES} - {"README.md"}
    assert pages <= set(re.findall(r"\]\(([^)]+)\)", README))


def test_the_keys_that_the_readme_names_do_what_it_says():
    actions = {key.shown: key.id for key in KEYS}
    said = {
        "}": "rate-tenfold", "u": "undo", "=": "hidden-up", "-": "hidden-down", "/": "probe",
        "v": "bigram-mode", "0": "trace-panel", "P": "presets", "8": "health-panel", "?": "help",
    }  # fmt: skip
    for key, id in said.items():
        assert f"`{key}`" in README
        assert actions[key] == id


def test_the_configuration_that_is_shown_is_taken_and_has_every_entry(tmp_path):
    page = PAGES[DOCS / "configuration.md"]
    shown = page.split("```toml\n")[1].split("```")[0]
    (tmp_path / "config.toml").write_text(shown)
    config = read_config(tmp_path / "config.toml", themes.NAMES, {key.id: key.keys for key in KEYS})
    assert {*config.values} == {"theme", *_CHECKS}
    assert config.keys == {"pause": "p"}


def test_the_library_example_runs(monkeypatch, capsys):
    code = README.split("```python\n")[1].split("```")[0]
    exec(compile(code.replace("5000", "20"), "README.md", "exec"), {})
    dev, names = capsys.readouterr().out.splitlines()
    assert 2.0 < float(dev) < 3.4
    assert len(eval(names)) == 5
