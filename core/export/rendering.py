"""The templates of the scripts and the page."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def templates(autoescape: bool = False) -> Environment:
    """The folder of templates, in which an unknown variable is an error."""
    return Environment(
        loader=PackageLoader(__package__ or "", "templates"),
        autoescape=autoescape,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
