"""How a file of items is read, where that is not as plain UTF-8 lines. Torch-free."""

from msgspec import Struct


class Reading(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a file of items is read.

    encoding: "" for UTF-8, or what the byte order mark says. column: of a CSV or TSV file, by its
    heading, or by its number, from 1, where there are no headings; "" for whole lines. skip_long:
    True to leave out too long items.
    """

    encoding: str = ""
    column: str = ""
    skip_long: bool = False


PLAIN = Reading()
