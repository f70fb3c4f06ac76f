"""The losses against loops over images and labels as the equations are printed, and against
scikit-learn; labels and landmarks may be unknown.

Shape suffixes: B = images, A = action units, L = landmarks, K = grades.
"""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from torch import Tensor

from algr.models.losses import (
    alignment_loss,
    weighted_au_cross_entropy,
    weighted_dice,
    weighted_grade_cross_entropy,
)

some_examples = settings(max_examples=20, deadline=None)
SEEDS = st.integers(0, 2**31)
BATCHES = st.integers(1, 5)
UNITS = st.integers(1, 4)
KNOWN = st.sampled_from([0.0, 0.5, 1.0])


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(
        shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    ).requires_grad_()


def labels_of(seed: int, *shape: int, classes: int, known: float) -> Tensor:
    generator = torch.Generator().manual_seed(seed + 1)
    labels = torch.randint(0, classes, shape, generator=generator, dtype=torch.int8)
    return torch.where(torch.rand(shape, generator=generator) < known, labels, -1).to(torch.int8)


def mean(terms: list[Tensor]) -> Tensor:
    return sum(terms) / len(terms) if terms else torch.zeros((), dtype=torch.float64)


def assert_same(found: Tensor, expected: Tensor, raw: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    (gradient,) = torch.autograd.grad(found, raw, retain_graph=True)
    wanted = torch.zeros_like(raw)
    if expected.requires_grad:
        (wanted,) = torch.autograd.grad(expected, raw)
    torch.testing.assert_close(gradient, wanted, rtol=1e-9, atol=1e-11)


@some_examples
@given(seed=SEEDS, batch=BATCHES, known=KNOWN)
def test_landmark_loss_is_equation_1(seed: int, batch: int, known: float) -> None:
    predicted, truth = drawn(seed, batch, 49, 2), drawn(seed + 1, batch, 49, 2).detach()
    squared = 1 + drawn(seed + 2, batch).detach().abs()
    has_points = labels_of(seed, batch, classes=1, known=known) == 0
    truth[~has_points, 7] = math.nan

    terms = []
    for b in range(batch):
        if not has_points[b]:
            continue
        total = torch.zeros((), dtype=torch.float64)
        for i in range(49):
            total = total + (predicted[b, i, 0] - truth[b, i, 0]) ** 2
            total = total + (predicted[b, i, 1] - truth[b, i, 1]) ** 2
        terms.append(total / (2 * squared[b]))

    found = alignment_loss(predicted, truth, squared_interocular_B=squared)
    assert_same(found, mean(terms), predicted)


@some_examples
@given(seed=SEEDS, batch=BATCHES, units=UNITS, known=KNOWN)
def test_cross_entropy_of_action_units_is_equation_2(
    seed: int, batch: int, units: int, known: float
) -> None:
    raw = drawn(seed, batch, 2, units)
    labels = labels_of(seed, batch, units, classes=2, known=known)
    weight = 0.1 + drawn(seed + 3, units).detach().abs()
    log = raw.log_softmax(1)

    terms = []
    for b in range(batch):
        for i in range(units):
            if labels[b, i] < 0:
                continue
            p, q = int(labels[b, i]), log[b, 1, i].exp()
            terms.append(-weight[i] * (p * torch.log(q) + (1 - p) * torch.log(1 - q)))

    assert_same(weighted_au_cross_entropy(log, labels, weight_A=weight), mean(terms), raw)


@some_examples
@given(seed=SEEDS, batch=BATCHES, units=UNITS, known=KNOWN)
def test_dice_is_equation_3_with_its_sum_per_image(
    seed: int, batch: int, units: int, known: float
) -> None:
    raw = drawn(seed, batch, 2, units)
    labels = labels_of(seed, batch, units, classes=2, known=known)
    weight = 0.1 + drawn(seed + 3, units).detach().abs()
    log = raw.log_softmax(1)

    images = []
    for b in range(batch):
        terms = []
        for i in range(units):
            if labels[b, i] < 0:
                continue
            p, q = int(labels[b, i]), log[b, 1, i].exp()
            terms.append(weight[i] * (1 - (2 * p * q + 1) / (p**2 + q**2 + 1)))
        if terms:
            images.append(mean(terms))

    assert_same(weighted_dice(log, labels, weight_A=weight, form="image"), mean(images), raw)


@some_examples
@given(seed=SEEDS, batch=BATCHES, units=UNITS, known=KNOWN)
def test_official_dice_sums_over_the_batch(seed: int, batch: int, units: int, known: float) -> None:
    raw = drawn(seed, batch, 2, units)
    labels = labels_of(seed, batch, units, classes=2, known=known)
    weight = 0.1 + drawn(seed + 3, units).detach().abs()
    log = raw.log_softmax(1)

    terms = []
    for i in range(units):
        coded = [b for b in range(batch) if labels[b, i] >= 0]
        if not coded:
            continue
        over = sum(2 * int(labels[b, i]) * log[b, 1, i].exp() for b in coded) + 1
        under = sum(int(labels[b, i]) ** 2 + log[b, 1, i].exp() ** 2 for b in coded) + 1
        terms.append(weight[i] * (1 - over / under / len(coded)))

    assert_same(weighted_dice(log, labels, weight_A=weight, form="official"), mean(terms), raw)


@some_examples
@given(seed=SEEDS, batch=BATCHES, grades=st.integers(2, 4), known=KNOWN)
def test_cross_entropy_of_grades_is_equation_6(
    seed: int, batch: int, grades: int, known: float
) -> None:
    raw = drawn(seed, batch, grades)
    truth = labels_of(seed, batch, classes=grades, known=known)
    weight = 0.1 + drawn(seed + 3, grades).detach().abs()
    log = raw.log_softmax(1)

    images = []
    for b in range(batch):
        if truth[b] < 0:
            continue
        q = [1.0 if truth[b] == k else 0.0 for k in range(grades)]
        images.append(-sum(weight[k] * q[k] * log[b, k] for k in range(grades)))

    assert_same(weighted_grade_cross_entropy(log, truth, weight_K=weight), mean(images), raw)


def test_cross_entropies_without_weights_are_those_of_scikit_learn() -> None:
    log_BK = drawn(0, 30, 4).log_softmax(1)
    grade = labels_of(0, 30, classes=4, known=0.7)
    log_B2A = drawn(1, 30, 2, 3).log_softmax(1)
    labels = labels_of(1, 30, 3, classes=2, known=0.7)

    of_grades = weighted_grade_cross_entropy(log_BK, grade, weight_K=torch.ones(4)).item()
    of_units = weighted_au_cross_entropy(log_B2A, labels, weight_A=torch.ones(3)).item()

    known_B, known_BA = grade >= 0, labels >= 0
    assert of_grades == pytest.approx(
        log_loss(grade[known_B], log_BK[known_B].exp().detach(), labels=[0, 1, 2, 3])
    )
    present = log_B2A[:, 1].exp().detach()
    assert of_units == pytest.approx(log_loss(labels[known_BA], present[known_BA]))


@pytest.mark.parametrize("form", ["image", "official"])
def test_a_batch_without_a_present_unit_has_a_finite_gradient_towards_absence(form: str) -> None:
    raw = drawn(0, 4, 2, 3)
    labels = torch.zeros(4, 3, dtype=torch.int8)

    log = raw.log_softmax(1)
    loss = weighted_au_cross_entropy(log, labels, weight_A=torch.ones(3))
    dice = weighted_dice(log, labels, weight_A=torch.ones(3), form=form)  # type: ignore[arg-type]
    (gradient,) = torch.autograd.grad(loss + dice, raw)

    assert gradient.isfinite().all()
    assert (gradient[:, 1] > 0).all()
    assert (gradient[:, 0] < 0).all()
