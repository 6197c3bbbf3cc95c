"""The engine: datasets, models, training, evaluation, sampling. It imports no screen library.

What a notebook needs is had from here (docs/library.md). A name's module is loaded when the name
is asked for, so that importing this package, or a module of it that needs no torch, loads no torch.
"""

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

# Torch warns on import when NumPy is absent; nothing here uses NumPy.
warnings.filterwarnings("ignore", message="Failed to initialize NumPy")

__all__ = [
    "BUILT_IN",
    "MLP",
    "PRESETS",
    "BigramInsight",
    "ContextTables",
    "Dataset",
    "EmbeddingMap",
    "EmbeddingMapper",
    "Evaluation",
    "Health",
    "HealthCheck",
    "JournalEntry",
    "LearningRateFinder",
    "Model",
    "ModelSettings",
    "NeuralBigram",
    "NgramCounts",
    "Preset",
    "RateSearch",
    "Reference",
    "Replay",
    "Run",
    "Sample",
    "SavedRun",
    "Session",
    "Split",
    "TrainSettings",
    "Unavailable",
    "UserError",
    "Vocabulary",
    "WordSurprise",
    "bigram_counts",
    "evaluate",
    "export_state",
    "load_run",
    "parse_state",
    "preset_named",
    "reference_losses",
    "replay_run",
    "runs_directory",
    "sample",
    "saved_runs",
    "word_surprise",
    "write_export",
]

if TYPE_CHECKING:  # where each name is from
    from .contexts import ContextTables
    from .dataset import BUILT_IN, Dataset, Split
    from .embedding_map import EmbeddingMapper
    from .errors import UserError
    from .evaluation import Evaluation, WordSurprise, evaluate, word_surprise
    from .export.files import export_state, write_export
    from .health import HealthCheck
    from .insight import BigramInsight, bigram_counts
    from .learning_rate import LearningRateFinder
    from .messages import EmbeddingMap, Health, RateSearch, Reference, Unavailable
    from .models import MLP, Model, NeuralBigram, NgramCounts
    from .presets import PRESETS, Preset, preset_named
    from .references import reference_losses
    from .replay import Replay, replay_run
    from .run_list import SavedRun, runs_directory, saved_runs
    from .run_state import JournalEntry
    from .runs import Run, load_run
    from .sampling import Sample, sample
    from .session import Session
    from .settings import ModelSettings, TrainSettings
    from .state_line import parse_state
    from .vocabulary import Vocabulary
else:
    # Searched in this order; the first need no torch.
    _MODULES = (
        "errors", "settings", "presets", "messages", "vocabulary", "state_line", "run_list",
        "dataset", "contexts", "models", "evaluation", "sampling", "references", "insight",
        "embedding_map", "run_state", "session", "health", "learning_rate", "runs", "replay",
        "export.files",
    )  # fmt: skip

    def __getattr__(name: str) -> Any:
        """A name that hasn't been asked for before."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        modules = (vars(import_module(f"{__name__}.{one}")) for one in _MODULES)
        globals()[name] = found = next(module[name] for module in modules if name in module)
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
