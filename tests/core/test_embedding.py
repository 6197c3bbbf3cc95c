import math
import random

import pytest
import torch

from makemore_tui.core.analysis.embedding import (
    EmbeddingMapper,
    is_vowel,
    nearest_rotation,
    principal_components,
)
from makemore_tui.core.models.factory import make_model
from makemore_tui.core.models.mlp import MLP
from makemore_tui.core.results import EmbeddingMap, Unavailable
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings


def mlp(dimensions, V=7, seed=1):
    settings = ModelSettings(embedding=dimensions, hidden=3, init="lecture")
    return MLP(settings, V, torch.Generator().manual_seed(seed))


@pytest.fixture
def mapper(small):
    return EmbeddingMapper(small.vocabulary)


def drawn(mapper, model):
    found = mapper.draw(model)
    assert isinstance(found, EmbeddingMap)
    return found


def shifts(before, after):
    return [math.dist(a, b) for a, b in zip(before.points, after.points, strict=True)]


def covariance(C, i, j):
    """Of two columns of a list of rows, by a plain loop."""
    n = len(C)
    mean_i, mean_j = sum(row[i] for row in C) / n, sum(row[j] for row in C) / n
    return sum((row[i] - mean_i) * (row[j] - mean_j) for row in C) / (n - 1)


def power_iteration(C):
    """The shares of variance of the two main directions, by repeated multiplication."""
    D = len(C[0])
    matrix = [[covariance(C, i, j) for j in range(D)] for i in range(D)]
    total, found = sum(matrix[i][i] for i in range(D)), []
    for _ in range(2):
        v, size = [1.0 + 0.1 * i for i in range(D)], 0.0
        for _ in range(5000):
            w = [sum(a * b for a, b in zip(row, v, strict=True)) for row in matrix]
            size = math.sqrt(sum(x * x for x in w))
            v = [x / size for x in w]
        found.append(size / total)
        matrix = [[matrix[i][j] - size * v[i] * v[j] for j in range(D)] for i in range(D)]
    return found


# Coordinates


def test_two_numbers_a_character_are_its_coordinates(mapper):
    model = mlp(2)
    found = drawn(mapper, model)
    C = model.tensors["C"].tolist()
    assert [list(point) for point in found.points] == [pytest.approx(row) for row in C]
    x, y = covariance(C, 0, 0), covariance(C, 1, 1)
    assert found.shares == pytest.approx((x / (x + y), y / (x + y)))


def test_one_number_a_character_lies_on_a_line(mapper):
    model = mlp(1)
    found = drawn(mapper, model)
    assert found.points == [(pytest.approx(x), 0.0) for x in model.tensors["C"][:, 0].tolist()]
    assert found.shares == (1.0, 0.0)
    assert found.dimensions == 1


@pytest.mark.parametrize("dimensions", [3, 5, 12])
def test_more_are_seen_along_the_two_principal_components(mapper, dimensions):
    model = mlp(dimensions)
    found = drawn(mapper, model)
    C = model.tensors["C"].double().tolist()
    assert found.shares == pytest.approx(power_iteration(C), rel=1e-4)
    assert found.dimensions == dimensions
    assert covariance(found.points, 0, 1) == pytest.approx(0, abs=1e-9)
    total = sum(covariance(C, i, i) for i in range(dimensions))
    assert covariance(found.points, 0, 0) / total == pytest.approx(found.shares[0])


def test_distances_in_a_plane_stay_what_they_were(mapper):
    model = mlp(3)
    model.tensors["C"][:, 2] = 4.0  # all in one plane
    found = drawn(mapper, model)
    C = model.tensors["C"].tolist()
    for i in range(7):
        for j in range(7):
            assert math.dist(found.points[i], found.points[j]) == pytest.approx(
                math.dist(C[i], C[j]), abs=1e-6
            )


# From frame to frame


def test_a_map_does_not_move_when_the_model_does_not(mapper):
    model = mlp(10)
    first = drawn(mapper, model)
    assert max(shifts(first, drawn(mapper, model))) < 1e-9


def test_a_mirrored_embedding_gives_the_map_of_before(mapper):
    model = mlp(10)
    first = drawn(mapper, model)
    model.tensors["C"].neg_()
    assert max(shifts(first, drawn(mapper, model))) < 1e-5


def test_directions_that_change_places_do_not_turn_the_map(small):
    angles = [2 * math.pi * i / 7 for i in range(7)]
    circle = [(math.cos(angle), math.sin(angle)) for angle in angles]
    mapper, maps = EmbeddingMapper(small.vocabulary), []
    for wide in (1.01, 0.99):  # first the one direction is the main one, then the other
        model = mlp(3)
        model.tensors["C"].copy_(torch.tensor([[x * wide, y, 0] for x, y in circle]))
        maps.append(drawn(mapper, model))
    assert max(shifts(*maps)) < 0.1
    fresh = drawn(EmbeddingMapper(small.vocabulary), model)
    assert max(shifts(maps[0], fresh)) > 0.3  # without the map before it would have turned


def test_the_map_of_a_model_in_training_never_jumps(small):
    session = Session(small, ModelSettings(embedding=6, hidden=20), TrainSettings(batch_size=16))
    mapper = EmbeddingMapper(small.vocabulary)
    before = drawn(mapper, session.model)
    for _ in range(50):
        session.train(5)
        after = drawn(mapper, session.model)
        assert max(shifts(before, after)) < 0.5
        before = after


def test_nearest_rotation_undoes_any_turn_and_mirroring():
    generator = torch.Generator().manual_seed(4)
    points = torch.randn(9, 2, generator=generator).double()
    points -= points.mean(0)
    angle = 2.1
    turn = torch.tensor(
        [[math.cos(angle), math.sin(angle)], [math.sin(angle), -math.cos(angle)]]
    ).double()
    torch.testing.assert_close(points @ turn @ nearest_rotation(points @ turn, points), points)


def test_principal_components_are_the_same_seen_from_points_or_from_dimensions():
    C = torch.randn(6, 9, generator=torch.Generator().manual_seed(3)).double()
    padded = torch.cat([C, C.mean(0).expand(6, 9)])  # more points than dimensions, none new
    few, many = principal_components(C), principal_components(padded)[:6]
    torch.testing.assert_close(few.abs(), many.abs())


# Letters, and models without an embedding


def test_vowels_and_the_boundary_are_marked(mapper, small):
    found = drawn(mapper, mlp(2))
    assert found.labels == tuple(small.vocabulary.labels())
    assert found.boundary == 0
    marked = {label for label, vowel in zip(found.labels, found.vowels, strict=True) if vowel}
    assert marked == {"a", "e", "é"}


@pytest.mark.parametrize(
    ("character", "expected"),
    [
        ("a", True),
        ("Ü", True),
        ("я", True),
        ("ω", True),
        ("y", False),
        ("b", False),
        ("-", False),
        ("й", False),
        ("Й", False),
        ("ё", True),
        ("æ", True),
        ("Ø", True),
        ("œ", True),
        ("ı", True),
    ],
)
def test_vowels(character, expected):
    assert is_vowel(character) is expected


@pytest.mark.parametrize("kind", ["ngram", "neural-bigram"])
def test_a_model_without_an_embedding_says_so(mapper, kind):
    found = mapper.draw(make_model(ModelSettings(kind=kind), 7, torch.Generator()))
    assert isinstance(found, Unavailable)
    assert "no embedding; the MLP has one" in found.why


def test_weights_that_are_not_finite_have_no_map(mapper):
    model = mlp(4)
    model.tensors["C"][3, 1] = math.nan
    assert mapper.draw(model) == Unavailable("the weights are not finite")


def test_drawing_changes_nothing(mapper):
    model, rng = mlp(5), random.Random(1)
    before, state = model.flat.clone(), torch.get_rng_state()
    for _ in range(rng.randint(2, 4)):
        mapper.draw(model)
    assert torch.equal(model.flat, before)
    assert torch.equal(torch.get_rng_state(), state)
