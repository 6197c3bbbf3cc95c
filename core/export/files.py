"""Every form by name, and the files that it is written to."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..atomic import cannot_write
from ..errors import UserError
from ..run_spec import RunSpec
from ..session.session import Session
from .events import write_events
from .figures import export_csv, export_json
from .picture import export_svg
from .report import export_html
from .script import data_name, export_notebook, export_script


def export_state(session: Session, stem: str = "run") -> str:
    """The line that begins a run with this one's dataset, settings and seed."""
    dataset, settings = session.dataset, (session.model_settings, session.train_settings)
    name = dataset.name if dataset.built_in else str(dataset.path.resolve())
    return f"{RunSpec(name, dataset.unique, *settings, session.seed)}\n"


_TEXTS: dict[str, tuple[str, Callable[[Session, str], str]]] = {
    "script": (".py", export_script),
    "notebook": (".ipynb", export_notebook),
    "csv": (".csv", lambda session, _: export_csv(session)),
    "json": (".json", lambda session, _: export_json(session)),
    "svg": (".svg", lambda session, _: export_svg(session)),
    "html": (".html", export_html),
    "state": (".txt", export_state),
}


def export_text(session: Session, form: str, stem: str) -> str:
    """A run in one of the forms that are text; `stem` is its name.

    Raises:
        UserError: the form is a folder.
    """
    if form == "tensorboard":
        raise UserError("tensorboard is a folder, which can't be printed; name one with --out")
    return _TEXTS[form][1](session, stem)


def write_export(session: Session, form: str, out: Path) -> list[Path]:
    """Write a run in one of the forms, and the words beside it where it reads them; the files.

    Raises:
        UserError: a file exists already, or can't be written.
    """
    if form == "tensorboard":
        _write_folder(out, lambda folder: write_events(session, folder))
        return [out]
    contents = {out: export_text(session, form, out.stem).encode()}
    if form in ("script", "notebook"):
        words, beside = session.dataset.path.read_bytes(), out.parent / data_name(session)
        if not _holds(beside, words):
            if os.path.lexists(beside):
                raise UserError(
                    f"{beside} has other words than the run, which would go there; "
                    "name another folder with --out"
                )
            contents = {beside: words} | contents
    for path in contents:
        _check_new(path)
    for path, content in contents.items():
        _write(path, content)
    return list(contents)


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.is_file() and path.read_bytes() == content
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from None


def _check_new(path: Path) -> None:
    if os.path.lexists(path):
        raise UserError(f"{path} already exists; name another with --out")


def _write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """A folder that `fill` puts files into, whole or not at all."""
    _check_new(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as beside:
            folder = Path(beside) / path.name
            folder.mkdir()
            fill(folder)
            folder.rename(path)
    except OSError as error:
        raise cannot_write(path, error) from None


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
        raise cannot_write(path, error) from None
