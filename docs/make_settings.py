"""Write the tables of settings, diagnoses and presets, each from its one declaration."""

from tables import table, write

from makemore_tui.core.analysis.diagnosis import RULES
from makemore_tui.core.model_kinds import MODEL_KINDS
from makemore_tui.core.presets import PRESETS
from makemore_tui.core.settings import SETTINGS, allowed_values, effect_of
from makemore_tui.core.text import exact_text

_EFFECTS = {
    "next step": "the next step",
    "new optimizer": "the next step",
    "resized": "the next step, weights kept",
    "restart": "a new run",
}


def settings() -> str:
    """Each setting: its name for `--set`, default, values, meaning, and when a change applies."""
    return table(
        ("setting", "default", "values", "what it is", "a change applies from"),
        (
            (
                f"`{name}`",
                exact_text(setting.default),
                allowed_values(name),
                setting.metadata["about"],
                _EFFECTS[effect_of({name: None}, "mlp")],
            )
            for name, setting in SETTINGS.items()
        ),
    )


def diagnoses() -> str:
    """The sentences of the health panel, in the order in which they are tried."""
    return table(
        ("sentence", "when", "models"),
        ((rule.sentence, rule.help, _models(rule.kinds)) for rule in RULES),
    )


def presets() -> str:
    """The presets, with the dev losses that they reach."""
    return table(
        ("preset", "what it is", "dev loss"),
        ((f"`{one.name}`", one.about, one.dev_loss) for one in PRESETS.values()),
    )


def _models(kinds: tuple[str, ...]) -> str:
    if set(kinds) == set(MODEL_KINDS):
        return "all"
    return ", ".join(MODEL_KINDS[kind].label for kind in kinds)


TABLES = {  # the page and the name of the markers of each
    ("docs/settings.md", "settings"): settings,
    ("docs/diagnoses.md", "diagnoses"): diagnoses,
    ("README.md", "presets"): presets,
}

if __name__ == "__main__":
    for (page, name), made in TABLES.items():
        write(page, name, made())
