"""The library as a notebook has it: its names, its page of examples, its types."""

import ast
import inspect
import re
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

import makemore_tui.core as core

PAGE = Path(__file__).parents[2] / "docs" / "library.md"
MODULES = [one.name for one in iter_modules(core.__path__)]


def test_every_name_is_there_and_none_is_also_a_module():
    for name in core.__all__:
        assert getattr(core, name) is not None
    assert not set(core.__all__) & set(MODULES)  # importing the module would hide the name
    assert set(core.__all__) <= set(dir(core))


def test_type_checkers_are_told_the_same():
    lines = Path(inspect.getfile(core)).read_text()
    told = next(part for part in ast.parse(lines).body if isinstance(part, ast.If)).body
    names = []
    for line in told:
        assert isinstance(line, ast.ImportFrom)
        module = import_module(f"makemore_tui.core.{line.module}")
        for one in line.names:
            assert getattr(core, one.name) is getattr(module, one.name)
            names.append(one.name)
    assert sorted(names) == sorted(core.__all__)


def test_another_name_is_refused_as_of_any_module():
    with pytest.raises(
        AttributeError, match=r"module 'makemore_tui\.core' has no attribute 'Sess'"
    ):
        core.Sess  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue]


def test_the_page_names_them_all():
    table = PAGE.read_text().split("## Public names")[1]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(core.__all__)


def test_the_page_of_examples_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAKEMORE_TUI_RUNS", raising=False)
    blocks = re.findall(r"(?ms)^```python\n(.*?)^```", PAGE.read_text())
    assert len(blocks) > 10
    names: dict[str, object] = {"__name__": "notebook"}
    for number, block in enumerate(blocks):
        exec(compile(block, f"{PAGE.name}, block {number}", "exec"), names)
        out = capsys.readouterr().out
        for said in re.findall(r'(?m)^ *print\(.*\)  # "([^"]+)"', block):
            assert said in out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs", "towns.txt"]


def functions_of(found):
    """The public functions of a name of the library: itself, or its methods."""
    if inspect.isfunction(found):
        yield found
    elif inspect.isclass(found):
        for name, member in vars(found).items():
            member = getattr(member, "__func__", getattr(member, "fget", member))
            is_public = not name.startswith("_") or (name == "__init__" and not is_dataclass(found))
            if inspect.isfunction(member) and is_public and member.__module__ == found.__module__:
                yield member


@pytest.mark.parametrize("name", core.__all__)
def test_every_parameter_and_every_result_has_a_type(name):
    for function in functions_of(getattr(core, name)):
        signature = inspect.signature(function)
        parameters = [
            one for one in signature.parameters.values() if one.name not in ("self", "cls")
        ]
        untyped = [one.name for one in parameters if one.annotation is inspect.Parameter.empty]
        assert not untyped, f"{function.__qualname__}: {untyped}"
        is_made = function.__name__ == "__init__"
        assert is_made or signature.return_annotation is not inspect.Signature.empty
