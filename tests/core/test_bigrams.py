import math
import random
from collections import Counter
from typing import Any

import pytest
import torch

from makemore_tui.core.analysis import bigrams as bigrams_module
from makemore_tui.core.analysis.bigrams import BigramAnalysis
from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.datasets.stats import bigram_counts
from makemore_tui.core.models.mlp import MLP
from makemore_tui.core.results import BigramMode, BigramOrder, BigramsView
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings


def pair_counts(items):
    return Counter(pair for item in items for pair in zip("\n" + item, item + "\n", strict=True))


def counted(dataset, order=2, **train) -> Any:
    settings = TrainSettings(batch_size=0, **train)
    session = Session(dataset, ModelSettings(kind="ngram", order=order), settings)
    session.train(1)
    return session.model


@pytest.fixture(scope="module")
def rare_items():
    """Few items of many characters, so that no character is frequent; one is not in train."""
    rng = random.Random(8)
    items = ["".join(rng.choices("abcdefghijklmnopqrst", k=rng.randint(1, 6))) for _ in range(40)]
    order = list(range(40))
    random.Random(42).shuffle(order)
    items[order[-1]] = "zz"
    return items


@pytest.fixture(scope="module")
def rare(write, rare_items):
    return Dataset(write("\n".join(rare_items)))


# Counts


def test_pairs_of_the_real_names_are_counted_as_a_plain_loop_counts(names, name_items):
    pairs = pair_counts(name_items)
    signs = "\n" + names.vocabulary.characters
    assert bigram_counts(names).tolist() == [[pairs[a, b] for b in signs] for a in signs]


def test_pairs_beyond_the_ascii_are_counted_too(write):
    items = [chr(0x4E00 + i % 300) + chr(0x4E00 + i * i % 300) for i in range(900)]
    dataset = Dataset(write("\n".join(items)))
    signs, pairs = "\n" + dataset.vocabulary.characters, pair_counts(items)
    assert bigram_counts(dataset).tolist() == [[pairs[a, b] for b in signs] for a in signs]


# The table as a model sees it


def bigram_table(
    model, dataset, mode: BigramMode = "model", order: BigramOrder = "id", cursor=(0, 0)
):
    """The whole table, and the pair at the cursor."""
    size = dataset.vocabulary.size
    view = BigramsView(0, 0, size, size, cursor, mode, order)
    return BigramAnalysis(dataset, model.context, is_exact=True).table(model, view)


def rows(analysis, model, ids=None):
    """The model's rows of some characters, of all by default."""
    return analysis.probabilities(
        model, torch.arange(model.vocabulary_size) if ids is None else ids
    )


def test_a_bigram_models_table_is_its_own(names):
    model = counted(names)
    own = torch.softmax(model.logits(torch.arange(27)[:, None]), 1).double()
    torch.testing.assert_close(rows(BigramAnalysis(names, 1), model), own)


def mean_predictions(model, contexts):
    """The mean prediction over the contexts that end in a character, for each that does."""
    each = torch.softmax(model.logits(contexts).double(), 1)
    last = contexts[:, -1]
    return {int(character): each[last == character].mean(0) for character in last.unique()}


def test_a_longer_contexts_predictions_are_averaged_over_the_training_contexts(
    rare, rare_items, plain
):
    size = rare.vocabulary.size
    settings = ModelSettings(context=3, embedding=4, hidden=6, init="lecture")
    model = MLP(settings, size, torch.Generator().manual_seed(3))
    contexts, _ = plain.tensors(plain.splits(rare_items)["train"], 3, rare.vocabulary.characters)
    table = rows(BigramAnalysis(rare, 3), model)
    for character, mean in mean_predictions(model, contexts).items():
        torch.testing.assert_close(table[character], mean)


@pytest.fixture(scope="module")
def trained(names):
    session = Session(names, ModelSettings(context=5, embedding=4, hidden=20))
    session.train(500)
    return session.model


def test_all_the_real_contexts_are_averaged(names, name_splits, plain, trained):
    contexts, _ = plain.tensors(name_splits["train"], 5, names.vocabulary.characters)
    table = rows(BigramAnalysis(names, 5), trained)
    for character, mean in mean_predictions(trained, contexts).items():
        torch.testing.assert_close(table[character], mean)


def test_a_fixed_sample_comes_near(names, trained):
    analysis, ids = BigramAnalysis(names, 5), torch.arange(27)
    exact, near = rows(analysis, trained), analysis.probabilities(trained, ids, max_contexts=100)
    assert 0.001 < float((near - exact).abs().max()) < 0.03
    assert float((exact * (exact / near).log()).sum(1).max()) < 0.005
    assert torch.equal(analysis.probabilities(trained, ids, max_contexts=100), near)


def test_a_table_that_moves_is_estimated_and_one_that_is_still_is_exact(
    names, trained, monkeypatch
):
    most = trained.multiplications * 27 * 100
    monkeypatch.setattr(bigrams_module, "_MULTIPLICATIONS", most)
    monkeypatch.setattr(bigrams_module, "_AT_REST", 1000)
    analysis, exact = BigramAnalysis(names, 5), rows(BigramAnalysis(names, 5), trained)
    window = BigramsView(0, 0, 27, 27, cursor=(1, 2))
    looks = [analysis.table(trained, window, moment) for moment in (1, 2, 2, 2, 3, None, None)]
    assert [one.is_estimate for one in looks] == [True, True, False, False, True, True, True]
    for one in looks:
        far = (torch.tensor(one.values) - exact).abs().max()
        assert (far > 0.001) if one.is_estimate else (far < 1e-6)


def test_the_whole_table_is_exact_in_one_call(names, trained, monkeypatch):
    monkeypatch.setattr(bigrams_module, "_MULTIPLICATIONS", 1)
    table = bigram_table(trained, names, cursor=(1, 2))
    assert not table.is_estimate
    exact = rows(BigramAnalysis(names, 5), trained)
    torch.testing.assert_close(torch.tensor(table.values), exact.float())
    counts = bigram_table(trained, names, "counts", "frequency")
    assert counts.values[0][0] == bigram_counts(names)[counts.order[0], counts.order[0]]


def test_of_much_data_a_part_is_looked_at_and_said_to_be(names, trained, monkeypatch):
    monkeypatch.setattr(bigrams_module, "_MAX_TRAIN_EXAMPLES", 1000)
    analysis = BigramAnalysis(names, 5)
    window = BigramsView(0, 0, 9, 9, cursor=(1, 2))
    assert all(analysis.table(trained, window, 1).is_estimate for _ in range(3))


def test_a_character_that_train_lacks_is_taken_to_begin_an_item(rare):
    unseen = rare.vocabulary.encode("z")[0]
    model = counted(rare)
    table = rows(BigramAnalysis(rare, 1), model)
    alone = torch.softmax(model.logits(torch.tensor([[unseen]])), 1)[0].double()
    torch.testing.assert_close(table[unseen], alone)
    assert table.sum(1).tolist() == pytest.approx([1.0] * len(table))


def test_every_row_of_a_trained_mlp_adds_up_to_one(names):
    session = Session(names, ModelSettings(context=8, hidden=20))
    session.train(5)
    table = rows(BigramAnalysis(names, 8), session.model)
    assert table.sum(1).tolist() == pytest.approx([1] * 27, rel=1e-5)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_any_order_of_counts_has_a_table(small, order):
    model = counted(small, order)
    table = rows(BigramAnalysis(small, model.context), model)
    assert table.sum(1).tolist() == pytest.approx([1] * small.vocabulary.size, rel=1e-5)


def test_rows_in_part_and_in_any_order_are_rows_of_the_whole(names):
    model, analysis = counted(names, 3), BigramAnalysis(names, 2)
    ids = torch.tensor([26, 3, 0, 9])
    torch.testing.assert_close(rows(analysis, model, ids), rows(analysis, model)[ids])


def test_the_longest_contexts_of_many_characters_have_a_table(write):
    items = [chr(0x4E00 + i % 300) + chr(0x4E00 + i * i % 300) for i in range(900)]
    dataset = Dataset(write("\n".join(items)))
    size = dataset.vocabulary.size
    model = MLP(ModelSettings(context=16, embedding=2, hidden=3), size)
    table = rows(BigramAnalysis(dataset, 16), model)
    assert table.sum(1).tolist() == pytest.approx([1] * size, rel=1e-5)


# What was counted


@pytest.fixture(scope="module")
def name_pairs(name_items):
    return pair_counts(name_items)


@pytest.fixture(scope="module")
def mlp(names):
    session = Session(names, ModelSettings(context=2, embedding=4, hidden=10, init="lecture"))
    return session.model


def look(
    analysis,
    model,
    mode: BigramMode = "model",
    order: BigramOrder = "id",
    cursor=(0, 0),
    **window,
):
    """All of a table, or a window."""
    window = {"top": 0, "left": 0, "rows": 99, "columns": 99, **window}
    return analysis.table(model, BigramsView(**window, cursor=cursor, mode=mode, order=order))


def plain_row(pairs, signs, previous):
    """How often each character follows one, as shares."""
    counts = [pairs[previous, sign] for sign in signs]
    return [count / sum(counts) for count in counts]


def test_counted_probabilities_are_those_of_the_counts_alone(names, name_pairs, mlp):
    table = look(BigramAnalysis(names, 2), mlp, "counted")
    signs = "\n" + names.vocabulary.characters
    for sign, row in zip(signs, table.values, strict=True):
        assert row == pytest.approx(plain_row(name_pairs, signs, sign), rel=1e-5)
    assert table.mode == "counted"


def test_a_row_that_was_never_counted_is_uniform(rare):
    counts = bigram_counts(rare)
    counts[3] = 0
    analysis = BigramAnalysis(rare, 1, counts)
    row = analysis.counted(torch.tensor([3]))[0]
    assert row.tolist() == pytest.approx([1 / rare.vocabulary.size] * rare.vocabulary.size)


def test_the_modes_are_counts_two_probabilities_and_their_difference(names, mlp):
    analysis = BigramAnalysis(names, 2)
    counts, counted, model, difference = (
        look(analysis, mlp, mode).values for mode in ("counts", "counted", "model", "difference")
    )
    assert counts == bigram_counts(names).tolist()
    for i in range(27):
        expected = [a - b for a, b in zip(model[i], counted[i], strict=True)]
        assert difference[i] == pytest.approx(expected, abs=1e-7)
    assert counted != model


def test_a_model_that_has_counted_all_the_data_differs_by_nothing(names):
    model = counted(names, smoothing=0, train_on="all")
    table = look(BigramAnalysis(names, 1), model, "difference")
    assert max(abs(value) for row in table.values for value in row) < 1e-6
    assert table.divergences == pytest.approx([0] * 27, abs=1e-6)


def test_a_rows_divergence_is_that_of_a_plain_sum(names, mlp):
    analysis = BigramAnalysis(names, 2)
    counted, model = (look(analysis, mlp, mode).values for mode in ("counted", "model"))
    table = look(analysis, mlp, "counts", top=4, rows=6)
    expected = [
        sum(p * math.log(p / q) for p, q in zip(counted[i], model[i], strict=True) if p)
        for i in range(4, 10)
    ]
    assert table.divergences == pytest.approx(expected, rel=1e-4)
    assert min(expected) > 0.1


def test_a_very_sure_model_is_far_but_not_infinitely(names):
    session = Session(names, ModelSettings(kind="neural-bigram"))
    session.model.tensors["W"][1, 5] = 200.0  # so sure that float32 holds the others impossible
    assert 100 < look(BigramAnalysis(names, 1), session.model).divergences[1] < 201


def test_of_many_characters_each_has_a_fair_sample(write, plain):
    rng = random.Random(3)
    signs = [chr(0x100 + i) for i in range(200)]
    items = ["".join(rng.choices(signs[:20] if i % 2 else signs, k=6)) for i in range(3000)]
    dataset = Dataset(write("\n".join(items)))
    session = Session(dataset, ModelSettings(context=2, embedding=4, hidden=10), seed=2)
    session.train(2000)
    train = plain.splits(items)["train"]
    contexts, _ = plain.tensors(train, 2, dataset.vocabulary.characters)
    table = rows(BigramAnalysis(dataset, 2), session.model)
    for character, mean in mean_predictions(session.model, contexts).items():
        assert float((mean - table[character]).abs().max()) < 0.01


def test_what_the_model_holds_impossible_is_infinitely_far(names):
    model = counted(names, smoothing=0.0, train_on="all")
    model.counts[model.index.grams[2] == 1 * 27 + 14] = 0  # never an n after an a
    divergences = look(BigramAnalysis(names, 1), model).divergences
    assert divergences[1] == math.inf
    assert all(math.isfinite(value) for i, value in enumerate(divergences) if i != 1)


# Order


def test_by_frequency_the_commonest_comes_first(names, name_items, name_pairs, mlp):
    table = look(BigramAnalysis(names, 2), mlp, "counts", "frequency")
    signs = "\n" + names.vocabulary.characters
    occurrences = Counter("".join(item + "\n" for item in name_items))
    in_order = [signs[i] for i in table.order]
    assert in_order == sorted(signs, key=lambda sign: -occurrences[sign])
    assert table.values == [[name_pairs[a, b] for b in in_order] for a in in_order]


@pytest.mark.parametrize("order", ["id", "frequency"])
def test_rows_divergences_and_cursor_are_by_place(names, mlp, order):
    analysis = BigramAnalysis(names, 2)
    by_id = look(analysis, mlp, "difference")
    table = look(analysis, mlp, "difference", order, (5, 7), top=3, left=6, rows=4, columns=5)
    ids = table.order
    assert (table.top, table.left, table.cursor) == (3, 6, (5, 7))
    for i, row in enumerate(table.values):
        assert row == pytest.approx([by_id.values[ids[3 + i]][ids[j]] for j in range(6, 11)])
    assert table.divergences == pytest.approx([by_id.divergences[i] for i in ids[3:7]], rel=1e-4)
    assert (table.pair.previous, table.pair.following) == (ids[5], ids[7])


# Windows


@pytest.mark.parametrize(
    ("top", "left", "rows", "columns", "shape"),
    [
        (0, 0, 100, 100, (27, 27)),
        (25, 26, 9, 9, (2, 1)),
        (99, 99, 3, 3, (1, 1)),
        (-4, -4, 2, 3, (2, 3)),
    ],
)
def test_a_window_never_leaves_the_table(names, mlp, top, left, rows, columns, shape):
    window = {"top": top, "left": left, "rows": rows, "columns": columns}
    table = look(BigramAnalysis(names, 2), mlp, **window)
    assert (len(table.values), len(table.values[0])) == shape
    assert len(table.divergences) == shape[0]


def test_weights_that_are_not_finite_leave_the_window_empty(names):
    model = MLP(ModelSettings(hidden=3), 27, torch.Generator().manual_seed(1))
    model.tensors["b2"][3] = math.nan
    table = look(BigramAnalysis(names, 3), model, cursor=(2, 2))
    assert (table.values, table.divergences) == ([], [])
    assert table.pair.count > 0


def test_looking_changes_nothing(names, mlp):
    before, state = mlp.flat.clone(), torch.get_rng_state()
    look(BigramAnalysis(names, 2), mlp, "difference", "frequency", (1, 2))
    assert torch.equal(mlp.flat, before)
    assert torch.equal(torch.get_rng_state(), state)


# The pair under the cursor


@pytest.mark.parametrize("pair", [".a", "an", "qu", "z.", "qz"])
def test_the_pair_under_the_cursor_is_described(names, name_pairs, pair):
    model, signs = counted(names), "." + names.vocabulary.characters
    cursor = signs.index(pair[0]), signs.index(pair[1])
    facts = look(BigramAnalysis(names, 1), model, cursor=cursor, rows=1).pair
    row = torch.softmax(model.logits(torch.tensor([[cursor[0]]])), 1)[0].tolist()
    plain = plain_row(name_pairs, signs.replace(".", "\n"), pair[0].replace(".", "\n"))
    assert (facts.previous, facts.following) == cursor
    assert facts.count == name_pairs[tuple(pair.replace(".", "\n"))]
    assert facts.probability == pytest.approx(row[cursor[1]])
    assert facts.counted == pytest.approx(plain[cursor[1]])
    assert facts.rank == 1 + sorted(row, reverse=True).index(row[cursor[1]])


def test_the_five_likeliest_followers_have_both_probabilities(names, mlp):
    analysis = BigramAnalysis(names, 2)
    followers = look(analysis, mlp, cursor=(5, 0)).pair.followers
    model, counted = (look(analysis, mlp, mode).values[5] for mode in ("model", "counted"))
    likeliest = sorted(range(27), key=lambda i: -model[i])[:5]
    assert [one.character for one in followers] == likeliest
    assert [one.probability for one in followers] == pytest.approx([model[i] for i in likeliest])
    assert [one.counted for one in followers] == pytest.approx([counted[i] for i in likeliest])


@pytest.mark.parametrize("pair", [".a", "an", "qu", "z.", "qz"])
def test_the_words_are_some_of_those_with_the_pair(names, name_items, pair):
    signs = "." + names.vocabulary.characters
    words = BigramAnalysis(names, 1).words(signs.index(pair[0]), signs.index(pair[1]))
    having = {item for item in name_items if pair in f".{item}."}
    assert len(words) == len(set(words)) == min(8, len(having))
    assert set(words) <= having


def test_words_are_found_across_the_blocks_that_are_searched(rare, rare_items, monkeypatch):
    monkeypatch.setattr(bigrams_module, "_TOKENS_PER_BLOCK", 5)
    signs = "." + rare.vocabulary.characters
    for pair in (".z", "zz", "z."):
        assert BigramAnalysis(rare, 1).words(signs.index(pair[0]), signs.index(pair[1])) == ("zz",)
    a, b = rare_items[0][:2]
    having = {item for item in rare_items if a + b in item}
    assert set(BigramAnalysis(rare, 1).words(signs.index(a), signs.index(b))) == having


def test_words_are_the_exact_text(write):
    dataset = Dataset(write("a\x1b[31mb\n" * 30))
    analysis = BigramAnalysis(dataset, 1)
    first = dataset.vocabulary.encode("a")[0]
    assert analysis.words(0, first) == ("a\x1b[31mb",)


def test_a_cursor_beyond_the_table_stands_at_its_edge(names, mlp):
    table = look(BigramAnalysis(names, 2), mlp, cursor=(-3, 99))
    assert table.cursor == (table.pair.previous, table.pair.following) == (0, 26)


# The other tables


def neural(dataset, **train):
    session = Session(dataset, ModelSettings(kind="neural-bigram", init="lecture"), seed=2)
    session.edit(learning_rate=1.0, batch_size=0, **train)
    session.train(3)
    return session.model


def test_divided_along_the_wrong_dimension_the_columns_sum_to_one(names, name_items):
    pairs, signs = pair_counts(name_items), "\n" + names.vocabulary.characters
    N = [[pairs[a, b] for b in signs] for a in signs]
    sums = [sum(row) for row in N]  # dropped their dimension, they are broadcast as a row
    wrong = [[n / total for n, total in zip(row, sums, strict=True)] for row in N]
    table = bigram_table(counted(names), names, "columns")
    torch.testing.assert_close(torch.tensor(table.values), torch.tensor(wrong))
    assert table.row_sums == pytest.approx([sum(row) for row in wrong])
    assert table.row_sums[0] == pytest.approx(7.02, abs=0.02)
    assert table.column_sums == pytest.approx([1.0] * 27)


def test_counts_have_the_sums_of_whole_rows_and_columns_in_any_window(names, name_items):
    pairs, signs = pair_counts(name_items), "\n" + names.vocabulary.characters
    view = BigramsView(3, 5, 4, 6, (4, 6), "counts")
    table = BigramAnalysis(names, 1).table(counted(names), view)
    assert table.row_sums == [sum(pairs[a, b] for b in signs) for a in signs[3:7]]
    assert table.column_sums == [sum(pairs[a, b] for a in signs) for b in signs[5:11]]


@pytest.mark.parametrize("train_on", ["train", "first-9"])
def test_weights_and_their_gradient_are_those_of_autograd(small, small_items, plain, train_on):
    model, size = neural(small, train_on=train_on), small.vocabulary.size
    items = small_items[:9] if train_on == "first-9" else plain.splits(small_items)["train"]
    contexts, targets = plain.tensors(items, 1, small.vocabulary.characters)
    W = model.tensors["W"].double().requires_grad_()
    torch.nn.functional.cross_entropy(W[contexts[:, 0]], targets).backward()
    assert W.grad is not None
    grad, W = W.grad, W.detach()
    modes: tuple[tuple[BigramMode, torch.Tensor], ...] = (("weights", W), ("gradient", grad))
    for mode, wanted in modes:
        view = BigramsView(0, 0, size, size, (1, 2), mode)
        table = BigramAnalysis(small, 1).table(model, view, train_on=train_on)
        torch.testing.assert_close(
            torch.tensor(table.values).double(), wanted, rtol=1e-6, atol=1e-8
        )
    assert table.pair is not None
    assert table.pair.followers
    assert table.pair.gradient == pytest.approx(float(grad[1, 2]), rel=1e-5)
    assert table.pair.weight == float(W[1, 2])
    some = table.pair.followers[0]
    assert some.weight == float(W[1, some.character])
    assert some.count == int(bigram_counts(small)[1, some.character])


def test_log_counts_are_the_logarithms_of_the_counts(small):
    counts = bigram_counts(small).tolist()
    wanted = [[math.log(n) if n else -math.inf for n in row] for row in counts]
    found = bigram_table(neural(small), small, "log-counts").values
    torch.testing.assert_close(torch.tensor(found), torch.tensor(wanted))


@pytest.mark.parametrize("mode", ["weights", "gradient"])
def test_a_model_without_a_table_of_weights_is_shown_as_itself(small, mode):
    table = bigram_table(counted(small), small, mode)
    assert table.mode == "model"
    assert table.values == bigram_table(counted(small), small, "model").values
