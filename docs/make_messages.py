"""Write docs/messages.md: every notice of the explorer and every error, so that they can be read as
one text."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

from tables import ROOT, write

from makemore_tui.tui import messages
from makemore_tui.tui.keymap import LABELS

PAGE = "docs/messages.md"
_ERRORS = ("UserError", "Unavailable", "Refused")


def notices() -> list[str]:
    """The sentences of `messages`, in their order, with the default keys."""
    found = [text for name, text in vars(messages).items() if name.isupper()]
    return [_with_keys(text) for text in found]


def errors() -> list[str]:
    """Every sentence with which an error is made in core and tui, by file."""
    files = sorted(path for part in ("core", "tui") for path in (ROOT / part).rglob("*.py"))
    return list(dict.fromkeys(text for path in files for text in _sentences(path)))


def _with_keys(text: str) -> str:
    """A sentence with the keys that it names, and without formats."""
    parts = []
    for before, field, _, _ in string.Formatter().parse(text):
        key = (field or "").removeprefix("key[").rstrip("]")
        shown = LABELS.get(key) if f"key[{key}]" == field else field and f"{{{field}}}"
        parts += [before, shown or ""]
    return "".join(parts)


def _sentences(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            text = _text(node.args[0]) if node.func.id in _ERRORS else ""
            if len(text.replace("…", "").split()) > 1:
                yield text


def _text(node: ast.expr) -> str:
    """A literal with … for what is filled in; "" for anything else."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(value) or "…" for value in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def lists() -> dict[str, str]:
    """The list of each pair of markers, by its name."""
    return {
        name: "\n".join(f"- {text.strip(' ·')}" for text in found)
        for name, found in (("notices", notices()), ("errors", errors()))
    }


if __name__ == "__main__":
    for name, text in lists().items():
        write(PAGE, name, text)
