"""Every form by name, and the files that it is written to."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..errors import UserError
from ..session import Session
from ..state_line import state_line
from .figures import export_csv, export_json
from .picture import export_svg
from .script import data_name, export_notebook, export_script


def export_state(session: Session, stem: str = "run") -> str:
    """The line that begins the run anew, from its first settings."""
    dataset = session.dataset
    name = dataset.name if dataset.built_in else str(dataset.path.resolve())
    return state_line(name, dataset.unique, *session.first_settings, session.seed) + "\n"


FORMATS: dict[str, tuple[str, Callable[[Session, str], str]]] = {
    "script": (".py", export_script),
    "notebook": (".ipynb", export_notebook),
    "csv": (".csv", lambda session, _: export_csv(session)),
    "json": (".json", lambda session, _: export_json(session)),
    "svg": (".svg", lambda session, _: export_svg(session)),
    "state": (".txt", export_state),
}


def write_export(session: Session, form: str, out: Path) -> list[Path]:
    """Write a run in one of the forms, and the words beside it where it reads them; the files.

    Raises:
        UserError: a file exists already, or can't be written.
    """
    contents = {out: FORMATS[form][1](session, out.stem).encode()}
    if form in ("script", "notebook"):
        words, beside = session.dataset.path.read_bytes(), out.parent / data_name(session)
        if not (beside.is_file() and beside.read_bytes() == words):
            contents = {beside: words} | contents
    for path in contents:
        if os.path.lexists(path):
            raise UserError(f"{path} already exists; name another file with --out")
    for path, content in contents.items():
        _write(path, content)
    return list(contents)


def _write(path: Path, content: bytes) -> None:
    """A file, whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            partial = Path(file.name)
            try:
                file.write(content)
                file.flush()
                partial.chmod(0o644)
                os.replace(partial, path)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise UserError(f"{path} can't be written: {error.strerror}") from None
