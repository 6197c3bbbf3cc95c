"""What the library's objects look like in a notebook."""

import torch

from makemore_tui.core import MLP, ModelSettings, NeuralBigram, NgramCounts, TrainSettings
from makemore_tui.core.training.history import DevLosses, LossHistory
from makemore_tui.core.training.trainer import make_trainer


def test_data(names, name_splits):
    assert repr(names) == "Dataset('names', 32,178 items, 27 characters)"
    examples = sum(len(item) + 1 for item in name_splits["dev"])
    assert repr(names.split("dev")) == f"Split('dev', 3,218 items, {examples:,} examples)"
    assert repr(names.split("first-5")) == "Split('first-5', 5 items, 32 examples)"
    assert repr(names.vocabulary) == "Vocabulary('abcdefghijklmnopqrstuvwxyz')"


def test_models():
    mlp = MLP(ModelSettings(), 27)
    assert repr(mlp) == "MLP(context 3, embedding 10, hidden 200, 11,897 parameters)"
    counts = NgramCounts(ModelSettings(kind="ngram", order=3), 27)
    assert repr(counts) == "NgramCounts(order 3, 0 counts)"
    bigram = NeuralBigram(ModelSettings(kind="neural-bigram"), 27)
    assert repr(bigram) == "NeuralBigram(729 parameters)"


def test_training(small):
    trainer = make_trainer(MLP(ModelSettings(hidden=1000), 7), small, TrainSettings(), 1)
    trainer.train(2)
    model = "MLP(context 3, embedding 10, hidden 1,000, 38,077 parameters)"
    assert repr(trainer) == f"GradientTrainer({model}, step 2)"
    history, dev = LossHistory(), DevLosses()
    history.append(torch.full((2500,), 2.5))
    assert repr(history) == "LossHistory(2,500 steps)"
    assert repr(dev) == "DevLosses(none)"
    dev.append(1000, 2.34567)
    dev.append(2000, 2.5)
    assert repr(dev) == "DevLosses(2 losses, last 2.500, best 2.346)"
