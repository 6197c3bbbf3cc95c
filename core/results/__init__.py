"""The values that analyses and sessions return and screens draw: frozen and torch-free."""

from .bigrams import BigramMode, BigramOrder, BigramsView, BigramTable, Follower, PairFacts
from .data import DatasetFacts, DatasetStats, PairCount
from .losses import Baseline, LossCurve, MixedLosses, RateSearch, SavedCurve, SplitLosses, TestLoss
from .model import Diagnosis, EmbeddingMap, Health, TensorHealth, Unavailable
from .runs import Divergence, Mark, PreviousRun, Resizing, Saving
from .splits import ContextCoverage, Regularization, SplitDetails
from .texts import Candidate, Draw, DrawnPart, Probe, ProbedCharacter, Sample, SampledNames
from .trace import SoftmaxDrawing, TracedExample, TraceDrawing, TraceLine
from .twins import (
    JUDGED,
    KEEP_FIRST,
    DevDifference,
    Pair,
    SeedsDifference,
    Side,
    SideFacts,
    TwinLosses,
)

__all__ = [
    "JUDGED", "KEEP_FIRST", "Baseline", "BigramMode", "BigramOrder", "BigramTable",
    "BigramsView", "Candidate", "ContextCoverage", "DatasetFacts", "DatasetStats",
    "DevDifference", "Diagnosis", "Divergence", "Draw", "DrawnPart", "EmbeddingMap", "Follower",
    "Health", "LossCurve", "Mark", "MixedLosses", "Pair", "PairCount", "PairFacts",
    "PreviousRun", "Probe", "ProbedCharacter", "RateSearch", "Regularization", "Resizing",
    "Sample", "SampledNames", "SavedCurve", "Saving", "SeedsDifference", "Side", "SideFacts",
    "SoftmaxDrawing", "SplitDetails", "SplitLosses", "TensorHealth", "TestLoss", "TraceDrawing",
    "TraceLine", "TracedExample", "TwinLosses", "Unavailable",
]  # fmt: skip
