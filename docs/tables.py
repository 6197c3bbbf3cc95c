"""Markdown tables, and the place in a page where a script writes one."""

from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    names = list(header)
    lines = [names, ["---"] * len(names), *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def written(page: str, name: str) -> str:
    """What stands between the markers of that name in a page, a path from the project's root."""
    begin, end = _markers(name)
    return (ROOT / page).read_text(encoding="utf-8").split(begin)[1].split(end)[0].strip()


def write(page: str, name: str, text: str) -> None:
    """Put text between the markers of that name in a page."""
    begin, end = _markers(name)
    file = ROOT / page
    before, rest = file.read_text(encoding="utf-8").split(begin)
    after = rest.split(end)[1]
    file.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


def _markers(name: str) -> tuple[str, str]:
    return f"<!-- {name} -->", f"<!-- end of {name} -->"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
