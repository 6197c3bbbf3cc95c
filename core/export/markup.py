"""Templates of SVG and HTML, in which whatever is put in is text and never markup."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..text import shown

_ENVIRONMENT = Environment(
    loader=PackageLoader(__package__ or "", "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    undefined=StrictUndefined,
)
_ENVIRONMENT.filters["shown"] = shown


def filled(template: str, **facts: Any) -> Markup:
    """A template with these facts in it; text of the data goes through `shown` there."""
    return Markup(_ENVIRONMENT.get_template(template).render(facts))
