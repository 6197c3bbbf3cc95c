"""The two kinds of trainer as one type."""

from .counting import CountingTrainer
from .trainer import GradientTrainer

AnyTrainer = GradientTrainer | CountingTrainer
