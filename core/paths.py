"""Paths as they are typed, free ones, and those that can't be read like a file."""

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path


def expanded(path: Path | str) -> Path:
    """A path with ~ as the home folder. ~name of nobody stays as it is, so that it is said to be
    missing, where `Path.expanduser` raises a RuntimeError."""
    return Path(os.path.expanduser(path))


def numbered(folder: Path, name: str, ending: str) -> Iterator[Path]:
    """Paths for something whose name may be taken: NAME, NAME-2, NAME-3 and so on."""
    yield folder / f"{name}{ending}"
    yield from (folder / f"{name}-{number}{ending}" for number in count(2))


def could_block(path: Path) -> bool:
    """True for what is there but is no file or folder, such as a pipe: reading it may not end."""
    return path.exists() and not (path.is_file() or path.is_dir())
