"""The engine: datasets, models, training, evaluation, sampling. It imports no screen library.

What a notebook needs is had from here (docs/library.md). A name's module is loaded when the name
is asked for, so that importing this package, or a module of it that needs no torch, loads no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "BUILT_IN_DATASETS",
    "MLP",
    "PRESETS",
    "Baseline",
    "BigramTable",
    "Dataset",
    "EmbeddingMap",
    "Evaluation",
    "Health",
    "JournalEntry",
    "Model",
    "ModelSettings",
    "NeuralBigram",
    "NgramCounts",
    "Preset",
    "RateSearch",
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
    "WordSurprisal",
    "baseline_losses",
    "bigram_counts",
    "bigram_table",
    "embedding_map",
    "evaluate",
    "export_spec",
    "find_lr",
    "health",
    "load_run",
    "parse_state",
    "preset_named",
    "probe",
    "replay_run",
    "runs_directory",
    "sample",
    "saved_runs",
    "word_surprisal",
    "write_export",
]

if TYPE_CHECKING:  # where each name is from
    from .analysis.baselines import baseline_losses
    from .analysis.bigrams import bigram_table
    from .analysis.embedding import embedding_map
    from .analysis.evaluation import Evaluation, WordSurprisal, evaluate, word_surprisal
    from .analysis.health import health
    from .analysis.lr_finder import find_lr
    from .analysis.probe import probe
    from .analysis.sampling import sample
    from .constants import BUILT_IN_DATASETS
    from .datasets.dataset import Dataset
    from .datasets.splits import Split
    from .datasets.stats import bigram_counts
    from .datasets.vocabulary import Vocabulary
    from .errors import UserError
    from .export.files import export_spec, write_export
    from .models.mlp import MLP
    from .models.model import Model
    from .models.neural_bigram import NeuralBigram
    from .models.ngram import NgramCounts
    from .presets import PRESETS, Preset, preset_named
    from .results import (
        Baseline,
        BigramTable,
        EmbeddingMap,
        Health,
        RateSearch,
        Sample,
        Unavailable,
    )
    from .run_spec import parse_state
    from .runs.catalog import SavedRun, runs_directory, saved_runs
    from .runs.checkpoint import Run, load_run
    from .runs.state import JournalEntry
    from .session.replay import Replay, replay_run
    from .session.session import Session
    from .settings import ModelSettings, TrainSettings
else:
    _MODULE_OF = {
        "BUILT_IN_DATASETS": "constants",
        "BigramTable": "results",
        "Dataset": "datasets.dataset",
        "EmbeddingMap": "results",
        "Evaluation": "analysis.evaluation",
        "Health": "results",
        "JournalEntry": "runs.state",
        "MLP": "models.mlp",
        "Model": "models.model",
        "ModelSettings": "settings",
        "NeuralBigram": "models.neural_bigram",
        "NgramCounts": "models.ngram",
        "PRESETS": "presets",
        "Preset": "presets",
        "RateSearch": "results",
        "Baseline": "results",
        "Replay": "session.replay",
        "Run": "runs.checkpoint",
        "Sample": "results",
        "SavedRun": "runs.catalog",
        "Session": "session.session",
        "Split": "datasets.splits",
        "TrainSettings": "settings",
        "Unavailable": "results",
        "UserError": "errors",
        "Vocabulary": "datasets.vocabulary",
        "WordSurprisal": "analysis.evaluation",
        "bigram_counts": "datasets.stats",
        "bigram_table": "analysis.bigrams",
        "embedding_map": "analysis.embedding",
        "find_lr": "analysis.lr_finder",
        "health": "analysis.health",
        "probe": "analysis.probe",
        "evaluate": "analysis.evaluation",
        "export_spec": "export.files",
        "load_run": "runs.checkpoint",
        "parse_state": "run_spec",
        "preset_named": "presets",
        "baseline_losses": "analysis.baselines",
        "replay_run": "session.replay",
        "runs_directory": "runs.catalog",
        "sample": "analysis.sampling",
        "saved_runs": "runs.catalog",
        "word_surprisal": "analysis.evaluation",
        "write_export": "export.files",
    }

    def __getattr__(name: str) -> Any:
        """A name that hasn't been asked for before."""
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = import_module(f"{__name__}.{_MODULE_OF[name]}")
        globals()[name] = found = getattr(module, name)
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
