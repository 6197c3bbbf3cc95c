"""Write the tables of keys into docs/keys.md, from their one declaration."""

from tables import table, write

from makemore_tui.tui.keymap import KEYS, PANEL_KEYS, SWEEP_KEYS

PAGE = "docs/keys.md"
_HEADER = ("key", "what it does", "id")
_PALETTE = ("`ctrl+p`", "Every action and theme, by name or by what it does", "")


def tables() -> dict[str, str]:
    """The table of each pair of markers, by its name."""
    rows = {
        name: [(f"`{key.shown}`", key.help, f"`{key.id}`") for key in keys]
        for name, keys in (("keys", KEYS), ("panel keys", PANEL_KEYS), ("sweep keys", SWEEP_KEYS))
    }
    rows["keys"].append(_PALETTE)
    return {name: table(_HEADER, found) for name, found in rows.items()}


if __name__ == "__main__":
    for name, text in tables().items():
        write(PAGE, name, text)
