"""What is installed is what is in the repository."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
FOLDERS = sorted(
    init.parent.relative_to(ROOT)
    for package in ("core", "data", "tui")
    for init in (ROOT / package).rglob("__init__.py")
)


def package_of(folder):
    return ".".join(("makemore_tui", *folder.parts))


def test_every_package_is_installed():
    assert sorted(SETUPTOOLS["packages"]) == sorted(map(package_of, FOLDERS))


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_every_file_of_a_package_is_installed(folder):
    patterns = ["*.py", *SETUPTOOLS["package-data"].get(package_of(folder), [])]
    installed = {path for pattern in patterns for path in (ROOT / folder).glob(pattern)}
    inner = {ROOT / other for other in FOLDERS}
    files = {
        path
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
        and path.suffix != ".pyc"
        and next(parent for parent in path.parents if parent in inner) == ROOT / folder
    }
    assert files - installed == set()
