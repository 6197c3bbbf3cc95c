from collections import Counter

import pytest
import torch
import torch.nn.functional as F

from makemore_tui.core.analysis.evaluation import evaluate
from makemore_tui.core.analysis.sampling import sample
from makemore_tui.core.errors import UserError
from makemore_tui.core.models.factory import make_model
from makemore_tui.core.models.mlp import MLP
from makemore_tui.core.models.neural_bigram import NeuralBigram
from makemore_tui.core.models.ngram import NgramCounts
from makemore_tui.core.settings import ModelSettings, TrainSettings
from makemore_tui.core.training import trainer as trainer_module
from makemore_tui.core.training.batches import RandomStream
from makemore_tui.core.training.counting import CountingTrainer
from makemore_tui.core.training.dropout import Dropout
from makemore_tui.core.training.optimizers import AdamW
from makemore_tui.core.training.trainer import GradientTrainer, make_trainer
from tests.support.streams import take

SEED = 3
MLP_SETTINGS = ModelSettings(context=3, embedding=4, hidden=8, direct=True)
PLAIN_MLP_SETTINGS = ModelSettings(context=3, embedding=4, hidden=8)
WIDE_MLP_SETTINGS = ModelSettings(context=8, embedding=16, hidden=100)
BIGRAM_SETTINGS = ModelSettings(kind="neural-bigram", init="lecture")


def gradient_trainer(dataset, train, model=MLP_SETTINGS, double=True):
    generator = torch.Generator().manual_seed(SEED)
    network = make_model(model, dataset.vocabulary.size, generator)
    assert isinstance(network, MLP | NeuralBigram)
    if double:
        network.to(torch.float64)
    return GradientTrainer(network, dataset, train, SEED)


def counting_trainer(dataset, train, order=2):
    model = NgramCounts(ModelSettings(kind="ngram", order=order), dataset.vocabulary.size)
    return CountingTrainer(model, dataset, train)


def formula(model, flat, contexts, masks: torch.Tensor | float = 1.0):
    """The logits, differentiable in `flat`."""
    p = model.views(flat)
    if isinstance(model, NeuralBigram):
        return p["W"][contexts[:, -1]]
    x = p["C"][contexts].flatten(1)
    logits = torch.tanh(x @ p["W1"] + p["b1"]) * masks @ p["W2"] + p["b2"]
    return logits + x @ p["W3"] if "W3" in p else logits


class Baseline:
    """The same training with autograd and torch.optim."""

    def __init__(self, trainer, examples):
        self.model = trainer.model
        self.flat = trainer.model.flat.clone().requires_grad_()
        self.contexts, self.targets = examples
        self.random = RandomStream(SEED)
        self.step = 0
        self.settings = None

    def train(self, steps, settings):
        if self.settings is None or settings.optimizer != self.settings.optimizer:
            kind = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}[settings.optimizer]
            self.optimizer = kind([self.flat], lr=1.0)
        self.settings = settings
        group = self.optimizer.param_groups[0]
        losses = []
        for _ in range(steps):
            group["lr"] = settings.learning_rate_at(self.step)
            penalty = settings.weight_decay * (self.flat**2).mean()
            if not isinstance(self.model, NeuralBigram):
                penalty, group["weight_decay"] = 0, settings.weight_decay
            else:
                group["weight_decay"] = 0
            chosen = torch.arange(len(self.targets))
            if settings.batch_size:
                chosen = take(self.random, settings.batch_size) % len(self.targets)
            contexts = self.contexts[chosen]
            logits = formula(self.model, self.flat, contexts, self.masks(contexts))
            loss = F.cross_entropy(logits, self.targets[chosen])
            self.optimizer.zero_grad()
            (loss + penalty).backward()
            self.optimizer.step()
            losses.append(loss.item())
            self.step += 1
        return losses

    def masks(self, contexts):
        """The dropout mask of each example: from 64 examples on, equal contexts share theirs."""
        assert self.settings
        if not self.settings.dropout:
            return 1.0
        rows = torch.arange(len(contexts))
        if self.settings.batch_size == 0 or self.settings.batch_size >= 64:
            rows = torch.unique(contexts, dim=0, return_inverse=True)[1]
        dropout = Dropout(self.settings.dropout, self.model.settings.hidden, SEED, self.flat)
        return dropout.mask(self.step, int(rows.max()) + 1)[rows]


@pytest.fixture(scope="session")
def train_examples(plain, small, small_splits):
    """Contexts and targets of the small dataset's train split, by context length."""
    return {
        context: plain.tensors(small_splits["train"], context, small.vocabulary.characters)
        for context in (1, 3)
    }


def assert_trains_like(trainer, baseline, plan):
    """`plan` is a list of (steps, settings), one after the other."""
    for steps, settings in plan:
        trainer.edit(settings)
        losses = trainer.train(steps)
        expected = baseline.train(steps, settings)
        assert losses.tolist() == pytest.approx(expected, rel=1e-6)
        torch.testing.assert_close(
            trainer.model.flat, baseline.flat.detach(), rtol=1e-9, atol=1e-11
        )


# The optimizers


@pytest.mark.parametrize("schedule", ["constant", "step", "linear", "cosine"])
@pytest.mark.parametrize("batch_size", [0, 7, 150])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_an_mlp_trains_as_torch_optim_does(small, train_examples, optimizer, batch_size, schedule):
    settings = TrainSettings(
        learning_rate=0.05,
        batch_size=batch_size,
        optimizer=optimizer,
        schedule=schedule,
        steps=20,
        weight_decay=0.1,
    )
    trainer = gradient_trainer(small, settings)
    assert_trains_like(trainer, Baseline(trainer, train_examples[3]), [(25, settings)])


@pytest.mark.parametrize("model", [MLP_SETTINGS, PLAIN_MLP_SETTINGS], ids=["direct", "plain"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("batch_size", [0, 20, 63, 64, 300])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_an_mlp_trains_with_dropout_and_any_batch_as_torch_optim_does(
    small, train_examples, optimizer, batch_size, dropout, model
):
    settings = TrainSettings(
        learning_rate=0.05, batch_size=batch_size, optimizer=optimizer, dropout=dropout
    )
    trainer = gradient_trainer(small, settings, model)
    assert_trains_like(trainer, Baseline(trainer, train_examples[3]), [(20, settings)])


@pytest.mark.parametrize("batch_size", [0, 20, 100])
def test_dropout_may_be_switched_on_and_off(small, train_examples, batch_size):
    plan = [
        (n, TrainSettings(batch_size=batch_size, dropout=share))
        for n, share in [(5, 0.0), (5, 0.5), (4, 0.2), (3, 0.0), (6, 0.5)]
    ]
    trainer = gradient_trainer(small, plan[0][1], PLAIN_MLP_SETTINGS)
    assert_trains_like(trainer, Baseline(trainer, train_examples[3]), plan)


@pytest.mark.parametrize("batch_size", [0, 7, 150])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_the_neural_bigrams_decay_is_of_the_mean_square(
    small, train_examples, optimizer, batch_size
):
    settings = TrainSettings(
        learning_rate=0.5, batch_size=batch_size, optimizer=optimizer, weight_decay=3.0
    )
    trainer = gradient_trainer(small, settings, BIGRAM_SETTINGS)
    assert_trains_like(trainer, Baseline(trainer, train_examples[1]), [(20, settings)])


def test_the_loss_is_reported_without_weight_decay(small, train_examples):
    settings = TrainSettings(batch_size=0, weight_decay=50, learning_rate=1e-6)
    trainer = gradient_trainer(small, settings, BIGRAM_SETTINGS)
    contexts, targets = train_examples[1]
    expected = F.cross_entropy(formula(trainer.model, trainer.model.flat, contexts), targets)
    assert trainer.train(1).item() == pytest.approx(expected.item(), rel=1e-6)


def test_every_setting_may_be_edited_between_steps(small, train_examples):
    sgd = TrainSettings(learning_rate=0.1, batch_size=5, steps=30)
    plan = [
        (4, sgd),
        (3, TrainSettings(learning_rate=0.02, batch_size=5, steps=30)),
        (3, TrainSettings(learning_rate=0.02, batch_size=9, weight_decay=0.2)),
        (4, TrainSettings(learning_rate=0.01, batch_size=9, optimizer="adamw")),
        (4, TrainSettings(learning_rate=0.03, batch_size=0, optimizer="adamw", weight_decay=0.5)),
        (3, TrainSettings(learning_rate=0.03, batch_size=4, schedule="linear", steps=25)),
        (3, TrainSettings(learning_rate=0.02, batch_size=4, optimizer="adamw")),
        (3, TrainSettings(learning_rate=0.02, batch_size=90, optimizer="adamw", dropout=0.4)),
    ]
    trainer = gradient_trainer(small, sgd)
    assert_trains_like(trainer, Baseline(trainer, train_examples[3]), plan)
    assert trainer.step == 27


@pytest.mark.parametrize("train_on", ["all", "first-5"])
@pytest.mark.parametrize("batch_size", [0, 6, 80])
def test_other_examples_are_trained_on_after_an_edit(
    small, small_items, small_splits, plain, train_on, batch_size
):
    trainer = gradient_trainer(small, TrainSettings(batch_size=batch_size))
    trainer.train(3)
    items = small_splits["all"] if train_on == "all" else small_items[:5]
    settings = TrainSettings(batch_size=batch_size, train_on=train_on)
    examples = plain.tensors(items, 3, small.vocabulary.characters)
    baseline = Baseline(trainer, examples)
    baseline.step = 3
    take(baseline.random, 3 * batch_size)
    assert_trains_like(trainer, baseline, [(5, settings)])


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("is_fused", [True, False])
def test_adamw_takes_the_steps_of_torch_optim(monkeypatch, decay, is_fused):
    if not is_fused:
        monkeypatch.setattr(torch, "_fused_adamw_", None)
    generator = torch.Generator().manual_seed(1)
    ours = torch.randn(101, dtype=torch.float64, generator=generator)
    theirs = ours.clone().requires_grad_()
    adamw, optimizer = AdamW(ours), torch.optim.AdamW([theirs], lr=1.0)
    our_path, their_path = [], []
    for step in range(700):
        scale = 10.0 ** (step % 7 - 3)
        gradient = scale * torch.randn(101, dtype=torch.float64, generator=generator)
        gradient[step % 101] = 0
        rate = 0.1 / (1 + step % 10)
        group = optimizer.param_groups[0]
        group["lr"], group["weight_decay"] = rate, decay
        theirs.grad = gradient.clone()
        optimizer.step()
        adamw.update(ours, gradient, rate, decay)
        our_path.append(ours.clone())
        their_path.append(theirs.detach().clone())
    torch.testing.assert_close(
        torch.stack(our_path), torch.stack(their_path), rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("name", ["_fused_adamw_", "_log_softmax_backward_data"])
def test_training_needs_none_of_torchs_private_operations(small, monkeypatch, name):
    settings = TrainSettings(batch_size=16, optimizer="adamw", learning_rate=0.01, weight_decay=0.1)
    trainers = [gradient_trainer(small, settings) for _ in range(2)]
    usual = trainers[0].train(50)
    monkeypatch.delattr(torch, name)
    torch.testing.assert_close(trainers[1].train(50), usual, rtol=0, atol=1e-6)
    torch.testing.assert_close(trainers[1].model.flat, trainers[0].model.flat, rtol=0, atol=1e-6)


def test_a_full_batch_of_too_many_examples_is_refused_and_nothing_changes(many_characters):
    settings = TrainSettings(batch_size=4)
    trainer = gradient_trainer(many_characters, settings)
    refusal = "all 19,224 examples is too large: at most 16,773 are possible with 4,001 characters"
    with pytest.raises(UserError, match=refusal):
        trainer.edit(TrainSettings(batch_size=0))
    assert trainer.settings == settings
    with pytest.raises(UserError, match="too large"):
        gradient_trainer(many_characters, TrainSettings(batch_size=0))
    trainer.edit(TrainSettings(batch_size=0, train_on="first-1"))
    assert trainer.train(1).isfinite().all()


def test_a_full_batch_may_have_so_many_examples_times_characters(small, monkeypatch):
    numbers = small.split("train").num_examples * small.vocabulary.size
    monkeypatch.setattr(trainer_module, "MAX_FULL_BATCH", numbers)
    assert gradient_trainer(small, TrainSettings(batch_size=0)).train(1).isfinite().all()
    monkeypatch.setattr(trainer_module, "MAX_FULL_BATCH", numbers - 1)
    with pytest.raises(UserError, match="too large"):
        gradient_trainer(small, TrainSettings(batch_size=0))


def test_a_network_is_never_finished(small):
    trainer = gradient_trainer(small, TrainSettings(steps=1))
    trainer.train(5)
    assert not trainer.finished


# Determinism


@pytest.mark.parametrize(
    "model",
    [MLP_SETTINGS, PLAIN_MLP_SETTINGS, WIDE_MLP_SETTINGS, BIGRAM_SETTINGS],
    ids=["direct", "plain", "wide", "bigram"],
)
@pytest.mark.parametrize(
    "settings",
    [
        TrainSettings(batch_size=32),
        TrainSettings(batch_size=64, optimizer="adamw", dropout=0.2),
        TrainSettings(batch_size=128, learning_rate=0.2),
        TrainSettings(batch_size=300, learning_rate=0.3, schedule="step", steps=100, dropout=0.5),
        TrainSettings(batch_size=512, optimizer="adamw", weight_decay=0.1, schedule="cosine"),
        TrainSettings(batch_size=37, dropout=0.9, weight_decay=0.01),
        TrainSettings(batch_size=512, train_on="first-7", optimizer="adamw", dropout=0.3),
        TrainSettings(batch_size=32, train_on="first-1"),
        TrainSettings(batch_size=0, optimizer="adamw", train_on="first-40", dropout=0.1),
        TrainSettings(batch_size=90, optimizer="adamw", minibatches="contexts", dropout=0.3),
    ],
    ids=[
        "32",
        "64",
        "128",
        "300",
        "512",
        "odd batch",
        "few items",
        "one item",
        "full batch",
        "contexts",
    ],
)
def test_weights_do_not_depend_on_how_the_steps_are_divided(names, settings, model):
    whole = gradient_trainer(names, settings, model, double=False)
    losses = whole.train(140)
    for slices in ([1] * 140, [1, 7, 0, 32, 99, 1]):
        divided = gradient_trainer(names, settings, model, double=False)
        parts = [divided.train(steps) for steps in slices]
        assert torch.equal(divided.model.flat, whole.model.flat)
        assert torch.equal(torch.cat(parts), losses)
        assert divided.step == whole.step == 140


def test_a_run_on_distinct_contexts_goes_on_from_its_state_bit_for_bit(small):
    settings = TrainSettings(batch_size=40, minibatches="contexts", dropout=0.3)
    whole, first, second = (
        gradient_trainer(small, settings, PLAIN_MLP_SETTINGS, double=False) for _ in range(3)
    )
    losses = whole.train(50)
    first.train(13)
    second.load_state_dict(first.state_dict())
    assert torch.equal(second.train(37), losses[13:])
    assert torch.equal(second.model.flat, whole.model.flat)


def test_contexts_of_another_length_or_split_are_drawn_after_an_edit(small):
    settings = TrainSettings(batch_size=16, minibatches="contexts")
    trainer = gradient_trainer(small, settings, PLAIN_MLP_SETTINGS)
    trainer.train(3)
    longer = ModelSettings(context=5, embedding=4, hidden=8)
    trainer.resize(
        longer, small.split("train").contexts_at(torch.arange(1, 9), 5), torch.Generator()
    )
    assert trainer.train(3).isfinite().all()
    trainer.edit(TrainSettings(batch_size=16, minibatches="contexts", train_on="first-1"))
    few = small.split("first-1").num_examples
    assert trainer.train(2).isfinite().all()
    prepared = trainer._next_batches()
    assert (
        len(torch.cat([x.characters.view(-1, 5) for x, *_ in prepared.each]).unique(dim=0)) <= few
    )


def test_a_table_of_the_contexts_of_too_many_examples_is_refused(many_characters):
    trainer = gradient_trainer(many_characters, TrainSettings(batch_size=4))
    with pytest.raises(UserError, match=r"a table of the contexts of all 19,224 .*=examples"):
        trainer.edit(TrainSettings(batch_size=4, minibatches="contexts"))
    assert trainer.settings == TrainSettings(batch_size=4)


@pytest.mark.parametrize("batch_size", [32, 300])
def test_weights_after_edits_do_not_depend_on_how_the_steps_are_divided(names, batch_size):
    plan = [
        (20, TrainSettings(batch_size=batch_size)),
        (30, TrainSettings(batch_size=batch_size, dropout=0.5)),
        (20, TrainSettings(batch_size=64, dropout=0.2, optimizer="adamw", learning_rate=0.01)),
        (30, TrainSettings(batch_size=batch_size, train_on="first-9")),
    ]
    weights = []
    for at_once in (100, 1, 7):
        trainer = gradient_trainer(names, plan[0][1], WIDE_MLP_SETTINGS, double=False)
        for steps, settings in plan:
            trainer.edit(settings)
            for first in range(0, steps, at_once):
                trainer.train(min(at_once, steps - first))
        weights.append(trainer.model.flat)
    assert torch.equal(weights[0], weights[1])
    assert torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("batch_size", [32, 200])
def test_looking_in_between_never_changes_the_path(names, batch_size, dropout):
    settings = TrainSettings(batch_size=batch_size, learning_rate=0.1, dropout=dropout)
    undisturbed = gradient_trainer(names, settings, double=False)
    undisturbed.train(60)
    looked_at = gradient_trainer(names, settings, double=False)
    for _ in range(6):
        looked_at.train(10)
        evaluate(looked_at.model, names, "dev")
        sample(looked_at.model, names, 10, seed=1)
        torch.rand(7)
    assert torch.equal(looked_at.model.flat, undisturbed.model.flat)


def test_another_seed_takes_another_path(names):
    tables, settings = names, TrainSettings()
    model = MLP(MLP_SETTINGS, 27, torch.Generator().manual_seed(1))
    paths = []
    for seed in (1, 1, 2):
        copy = model.copy()
        GradientTrainer(copy, tables, settings, seed).train(10)
        paths.append(copy.flat)
    assert torch.equal(paths[0], paths[1])
    assert not torch.equal(paths[0], paths[2])


# Counting


def plain_pairs(items):
    return Counter(pair for item in items for pair in zip("\n" + item, item + "\n", strict=True))


def pairs_of(trainer, dataset):
    signs = "\n" + dataset.vocabulary.characters
    table = trainer.model.counts_after(torch.arange(len(signs))[:, None]).tolist()
    return +Counter({(a, b): table[i][j] for i, a in enumerate(signs) for j, b in enumerate(signs)})


@pytest.mark.parametrize("batch_size", [0, 500, 30_000])
@pytest.mark.parametrize("train_on", ["train", "all", "first-7"])
def test_counts_of_the_real_names_are_those_of_a_plain_loop(
    names, name_items, name_splits, train_on, batch_size
):
    items = name_items[:7] if train_on == "first-7" else name_splits[train_on]
    trainer = counting_trainer(names, TrainSettings(batch_size=batch_size, train_on=train_on))
    losses = trainer.train(10_000)
    examples = sum(len(item) + 1 for item in items)
    assert trainer.finished
    assert trainer.num_counted == examples
    assert len(losses) == trainer.step == -(-examples // (batch_size or examples))
    assert pairs_of(trainer, names) == plain_pairs(items)


def test_each_batchs_loss_has_its_own_counts_in(small, small_splits, plain):
    trainer = counting_trainer(small, TrainSettings(batch_size=9, smoothing=0.5))
    signs = "\n" + small.vocabulary.characters
    examples = plain.examples(small_splits["train"], 1)
    counts = torch.zeros(len(signs), len(signs), dtype=torch.float64)
    expected = []
    for first in range(0, len(examples), 9):
        batch = [(signs.index(a), signs.index(b)) for a, b in examples[first : first + 9]]
        for a, b in batch:
            counts[a, b] += 1
        smooth = (counts + 0.5) / (counts + 0.5).sum(1, keepdim=True)
        expected.append(-sum(smooth[a, b].log().item() for a, b in batch) / len(batch))
    assert trainer.train(10_000).tolist() == pytest.approx(expected, rel=1e-5)


def test_counting_goes_on_where_it_stopped(small, small_splits):
    trainer = counting_trainer(small, TrainSettings(batch_size=10))
    for steps in (1, 0, 3, 2):
        assert len(trainer.train(steps)) == steps
    assert trainer.num_counted == 60
    assert not trainer.finished
    trainer.train(1000)
    assert len(trainer.train(5)) == 0
    assert pairs_of(trainer, small) == plain_pairs(small_splits["train"])


def test_smoothing_and_batch_size_are_edited_without_a_new_count(small, small_splits):
    trainer = counting_trainer(small, TrainSettings(batch_size=10))
    trainer.train(2)
    trainer.edit(TrainSettings(batch_size=25, smoothing=4))
    trainer.train(1)
    assert trainer.num_counted == 45
    assert trainer.model.smoothing == 4
    trainer.train(1000)
    assert pairs_of(trainer, small) == plain_pairs(small_splits["train"])


def test_other_examples_mean_a_new_count(small, small_splits):
    trainer = counting_trainer(small, TrainSettings(batch_size=0))
    trainer.train(1)
    trainer.edit(TrainSettings(batch_size=0, train_on="all"))
    assert not trainer.finished
    trainer.train(1)
    assert pairs_of(trainer, small) == plain_pairs(small_splits["all"])


# The trainer for a model


@pytest.mark.parametrize(
    ("kind", "trainer"),
    [("ngram", CountingTrainer), ("mlp", GradientTrainer), ("neural-bigram", GradientTrainer)],
)
def test_each_model_has_its_trainer(small, kind, trainer):
    model = make_model(ModelSettings(kind=kind), small.vocabulary.size, torch.Generator())
    made = make_trainer(model, small, TrainSettings(), SEED)
    assert type(made) is trainer


def test_the_last_step_of_counts_is_that_at_which_all_are_counted(small):
    model = NgramCounts(ModelSettings(kind="ngram"), small.vocabulary.size)
    trainer = make_trainer(model, small, TrainSettings(batch_size=7), 1)
    last = trainer.last_step
    trainer.train(2)
    assert trainer.last_step == last
    trainer.edit(TrainSettings(batch_size=0))
    assert trainer.last_step == 3
    trainer.edit(TrainSettings(batch_size=7))
    trainer.train(last)
    assert (trainer.step, trainer.last_step, trainer.finished) == (last, last, True)
