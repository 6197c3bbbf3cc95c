"""Write the table of keys into README.md, from their one declaration."""

from pathlib import Path

from makemore_tui.tui.keymap import KEYS

BEGIN, END = "<!-- keys -->", "<!-- end of keys -->"


def table() -> str:
    """The keys as a Markdown table."""
    rows = [f"| `{key.shown}` | {key.help} |" for key in KEYS]
    return "\n".join(
        [
            "| key | what it does |",
            "| --- | --- |",
            *rows,
            "| `ctrl+p` | Every action and theme, by name or by what it does |",
        ]
    )


if __name__ == "__main__":
    readme = Path(__file__).parents[1] / "README.md"
    before, rest = readme.read_text().split(BEGIN)
    after = rest.split(END)[1]
    readme.write_text(f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}")
