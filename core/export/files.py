"""Every form that a run can be exported as, and the files that it is written to."""

import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..atomic import cannot_write, write_atomically
from ..constants import EXPORT_FORMS
from ..errors import UserError
from ..run_spec import RunSpec
from ..session.session import Session
from ..session.twins import Twins
from ..text import shown
from .records import export_csv, export_json, write_events
from .script import data_name, export_notebook, export_script

logging.getLogger("matplotlib").setLevel(logging.ERROR)  # else it reports of its font cache
_FIGURES, _NO_TEXT = ("svg", "png", "pdf"), ("tensorboard", "png", "pdf")


def export_spec(session: Session, stem: str = "run") -> str:
    """The line that begins a run with this one's dataset, settings and seed."""
    dataset, settings = session.dataset, (session.model_settings, session.train_settings)
    return f"{RunSpec(dataset.source, dataset.unique, *settings, session.seed, dataset.reading)}\n"


def export_figure(session: Session, form: str, stem: str) -> bytes:
    """The loss figure as svg, png or pdf. Raises UserError if the run has no finite loss."""
    from .figures import file_bytes, first_baselines, loss_figure, svg_file

    figure = loss_figure(session, first_baselines(session.dataset), heading=stem)
    return svg_file(figure, shown(stem)).encode() if form == "svg" else file_bytes(figure, form)


# The forms that are a text and no figure, each from the run and its name.
_TEXTS: dict[str, Callable[[Session, str], str]] = {
    "script": export_script,
    "notebook": export_notebook,
    "csv": lambda session, _: export_csv(session),
    "json": lambda session, _: export_json(session),
    "spec": export_spec,
}


def check_form(form: str) -> None:
    """Raises UserError if a run can't be exported in this form."""
    if form not in EXPORT_FORMS:
        raise UserError(f"there is no form {form!r}; the forms are {', '.join(EXPORT_FORMS)}")


def export_bytes(session: Session, form: str, stem: str, twins: Twins | None = None) -> bytes:
    """A run in one of the forms that are a file; `stem` is the run's name."""
    if form == "html":
        from .report import export_html

        return export_html(session, stem, twins).encode()
    if form in _FIGURES:
        return export_figure(session, form, stem)
    return _TEXTS[form](session, stem).encode()


def export_text(session: Session, form: str, stem: str, twins: Twins | None = None) -> str:
    """A run in one of the forms that are text; `stem` is the run's name. Raises UserError if
    there is no such form, or it is a folder or a binary file."""
    check_form(form)
    if form in _NO_TEXT:
        kind = "a folder" if form == "tensorboard" else "a binary file"
        raise UserError(f"{form} is {kind}, which can't be printed; name one with --out")
    return export_bytes(session, form, stem, twins).decode()


def write_export(session: Session, form: str, out: Path, twins: Twins | None = None) -> list[Path]:
    """Write a run in one of the forms, and beside a script the items that it reads; the files. Of a
    pair of which the run is A, `twins`, the page shows both. Raises UserError if there is no
    such form, or a file exists already, or can't be written."""
    check_form(form)
    if os.path.lexists(out):
        raise UserError(f"{out} already exists; name another with --out")
    if form == "tensorboard":
        _write_events_folder(session, out)
        return [out]
    contents = {out: export_bytes(session, form, out.stem, twins)}
    if form in ("script", "notebook"):
        dataset, beside = session.dataset, out.parent / data_name(session)
        items = (
            dataset.path.read_bytes() if dataset.is_plain else dataset.encoded.decoded().encode()
        )
        if not _holds(beside, items):
            contents = {beside: items} | contents
    for path, content in contents.items():
        write_atomically(path, content)
    return list(contents)


def _holds(path: Path, items: bytes) -> bool:
    """True if a file holds these items, False if there is none. Raises UserError if it has others,
    or can't be read."""
    try:
        if path.is_file() and path.read_bytes() == items:
            return True
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from None
    if os.path.lexists(path):
        raise UserError(
            f"{path} already exists with other contents; name another folder with --out"
        )
    return False


def _write_events_folder(session: Session, path: Path) -> None:
    """Write a folder of an event file, whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as beside:
            folder = Path(beside) / path.name
            folder.mkdir()
            write_events(session, folder)
            folder.rename(path)
    except OSError as error:
        raise cannot_write(path, error) from None
