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
    "BUILT_IN_DATASETS", "MLP", "PRESETS", "Dataset", "Model", "ModelSettings", "NeuralBigram",
    "NgramCounts", "RunSpec", "RunState", "Session", "TrainSettings", "Twins", "Unavailable",
    "UserError", "Vocabulary", "compare", "context_coverage", "draw_next", "evaluate",
    "loss_floor", "pairs_of", "preset_named", "regularization", "replay", "runs_directory",
    "sample", "saved_runs", "write_export",
]  # fmt: skip

if TYPE_CHECKING:  # where each name is from
    from .analysis.coverage import context_coverage, loss_floor
    from .analysis.evaluation import evaluate
    from .analysis.regularization import regularization
    from .analysis.sampling import draw_next, sample
    from .constants import BUILT_IN_DATASETS
    from .datasets.dataset import Dataset
    from .datasets.vocabulary import Vocabulary
    from .errors import UserError
    from .export.files import write_export
    from .models.mlp import MLP
    from .models.model import Model
    from .models.neural_bigram import NeuralBigram
    from .models.ngram import NgramCounts
    from .presets import PRESETS, preset_named
    from .results import Unavailable
    from .run_spec import RunSpec
    from .runs.catalog import saved_runs
    from .runs.directory import runs_directory
    from .runs.state import RunState
    from .session.comparison import compare, pairs_of
    from .session.replay import replay
    from .session.session import Session
    from .session.twins import Twins
    from .settings import ModelSettings, TrainSettings
else:
    _MODULE_OF = {
        "BUILT_IN_DATASETS": "constants", "MLP": "models.mlp", "PRESETS": "presets",
        "Dataset": "datasets.dataset", "Model": "models.model", "ModelSettings": "settings",
        "NeuralBigram": "models.neural_bigram", "NgramCounts": "models.ngram",
        "RunSpec": "run_spec", "RunState": "runs.state", "Session": "session.session",
        "TrainSettings": "settings", "Twins": "session.twins", "Unavailable": "results",
        "UserError": "errors", "Vocabulary": "datasets.vocabulary",
        "compare": "session.comparison", "context_coverage": "analysis.coverage",
        "draw_next": "analysis.sampling", "evaluate": "analysis.evaluation",
        "loss_floor": "analysis.coverage", "pairs_of": "session.comparison",
        "regularization": "analysis.regularization",
        "preset_named": "presets", "replay": "session.replay",
        "runs_directory": "runs.directory", "sample": "analysis.sampling",
        "saved_runs": "runs.catalog", "write_export": "export.files",
    }  # fmt: skip

    def __getattr__(name: str) -> Any:
        """A name that hasn't been asked for before."""
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = import_module(f"{__name__}.{_MODULE_OF[name]}")
        globals()[name] = found = getattr(module, name)
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
