"""Reading files that may be damaged or malicious. Torch-free."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from ..errors import UserError


def open_plain_file(path: Path, missing: str) -> BinaryIO:
    """Open a file for reading: no link, pipe, device or folder.

    missing: what is said if there is none. Raises UserError if there is none, or it is something
    else, or can't be read.
    """
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise UserError(f"{path} is damaged: it is not a plain file")
        # The flags guard against something else that takes the file's place in between.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        return os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb")
    except FileNotFoundError:
        raise UserError(missing) from None
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from None


def read_bytes(path: Path, file: BinaryIO, most: int) -> bytes:
    """Up to `most` bytes of an open file. Raises UserError if it can't be read."""
    try:
        return file.read(most)
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from None


def read_whole(path: Path, file: BinaryIO, most: int, least: int = 0) -> bytes:
    """All bytes of an open file. Raises UserError unless there are `least` to `most` of them."""
    size = os.fstat(file.fileno()).st_size
    if size > most:
        raise UserError(f"{path} is damaged: it is larger than it can be")
    if size < least:
        raise UserError(f"{path} is damaged: it is cut short")
    file.seek(0)
    return read_bytes(path, file, most)
