"""Distillation equals its nested loops, values and gradients, and says the same of a turned teacher."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from copylens.errors import UsageError
from copylens.training.losses.positives import own_column
from copylens.training.nouns import PictureBatch
from copylens.training.terms.distill import (
    DistillSettings,
    cosine_portion,
    joined,
    mean_scores,
    relations,
)
from copylens.training.terms.teachers import KeptAnswers
from distill_twins import KnownTeachers, context_of, distillation, naive_cosine, naive_relations, unit_rows

PICTURES, DIMS = 5, 6


def settings(**changes: Any) -> DistillSettings:
    chosen: dict[str, Any] = {"weight": 1.0, "teachers": ("t",)} | changes
    return DistillSettings(**chosen)


def gradient(value: Tensor, rows: Tensor) -> Tensor:
    found: Tensor = torch.autograd.grad(value, rows, retain_graph=True)[0]
    return found


def value_of(rows: Tensor, answers: list[Tensor], **changes: Any) -> Tensor:
    term = distillation(settings(**changes), answers, rows.shape[1])
    value: Tensor = term(context_of(rows)).value
    return value


@pytest.mark.parametrize("teachers", [1, 3])
@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_relations_equal_their_naive_twin(teachers: int, temperature: float) -> None:
    rows = unit_rows(2 * PICTURES, DIMS, 0).requires_grad_()
    answers = [unit_rows(2 * PICTURES, 4 + t, 1 + t) for t in range(teachers)]
    square, divergence = naive_relations(rows, answers, temperature)
    itself = own_column(len(rows), len(rows), 0)
    found = relations(rows @ rows.T, mean_scores(answers, answers), itself, temperature=temperature)
    for portion, wanted in ((found.square, square), (found.divergence, divergence)):
        assert torch.allclose(portion.mean(), wanted, rtol=1e-9)
        assert torch.allclose(gradient(portion.mean(), rows), gradient(wanted, rows), atol=1e-9)


@pytest.mark.parametrize("dims", [[DIMS], [2, 1, 3]])
def test_the_cosine_equals_its_naive_twin(dims: list[int]) -> None:
    rows = unit_rows(2 * PICTURES, DIMS, 0).requires_grad_()
    answers = [unit_rows(2 * PICTURES, d, 1 + t) for t, d in enumerate(dims)]
    found, wanted = cosine_portion(normalize(rows), joined(answers)).mean(), naive_cosine(rows, answers)
    assert torch.allclose(found, wanted, rtol=1e-9)
    assert torch.allclose(gradient(found, rows), gradient(wanted, rows), atol=1e-9)
    assert torch.allclose(joined(answers).norm(dim=1), torch.ones(len(rows), dtype=torch.float64))


def test_the_term_is_the_weighted_sum_of_its_parts() -> None:
    rows = unit_rows(2 * PICTURES, DIMS, 0).requires_grad_()
    answers = [unit_rows(2 * PICTURES, DIMS, 1)]
    term = distillation(
        settings(kind="both", square_weight=3.0, divergence_weight=0.5, temperature=0.2), answers, DIMS
    )
    made = term(context_of(rows))
    square, divergence = naive_relations(normalize(rows), answers, 0.2)
    wanted = naive_cosine(rows, answers) + 3 * square + 0.5 * divergence
    assert torch.allclose(made.value, wanted, rtol=1e-9)
    assert torch.allclose(gradient(made.value, rows), gradient(wanted, rows), atol=1e-9)
    assert set(made.statistics) == {"distill/cosine", "distill/square", "distill/divergence"}
    assert not any(value.requires_grad for value in made.statistics.values())


def test_turning_a_teacher_changes_its_descriptors_and_no_relation() -> None:
    rows, answers = unit_rows(2 * PICTURES, DIMS, 0), unit_rows(2 * PICTURES, DIMS, 1)
    turn = torch.linalg.qr(unit_rows(DIMS, DIMS, 2)).Q
    assert torch.allclose(value_of(rows, [answers]), value_of(rows, [answers @ turn]), rtol=1e-9)
    cosine = value_of(rows, [answers], kind="cosine")
    assert not torch.allclose(cosine, value_of(rows, [answers @ turn], kind="cosine"), rtol=1e-2)


def test_a_student_that_says_the_same_has_nothing_to_learn() -> None:
    answers = unit_rows(2 * PICTURES, DIMS, 1)
    rows = answers.clone().requires_grad_()
    value = value_of(rows, [answers], kind="both")
    assert float(value.detach()) == pytest.approx(0.0, abs=1e-12)
    assert torch.allclose(gradient(value, rows), torch.zeros_like(rows), atol=1e-9)
    turn = torch.linalg.qr(unit_rows(DIMS, DIMS, 2)).Q
    assert float(value_of(answers @ turn, [answers])) == pytest.approx(0.0, abs=1e-12)


def test_the_order_of_pictures_does_not_matter() -> None:
    rows, answers = unit_rows(2 * PICTURES, DIMS, 0), [unit_rows(2 * PICTURES, DIMS, 1)]
    term = distillation(settings(kind="both"), answers, DIMS)
    order = torch.randperm(PICTURES, generator=torch.Generator().manual_seed(1))
    both = torch.cat([order, order + PICTURES])
    shuffled = term(context_of(rows[both], rows=both.tolist()))
    assert torch.allclose(shuffled.value, term(context_of(rows)).value, rtol=1e-9)


@pytest.mark.parametrize(
    ("changes", "kept", "shown"),
    [
        ({"views": (0,)}, [0, 1, 2], [0, 1, 2]),
        ({"views": (1,)}, [3, 4, 5], [3, 4, 5]),
        ({"teacher_view": "first"}, [0, 1, 2, 3, 4, 5], [0, 1, 2, 0, 1, 2]),
        ({"teacher_view": "first", "views": (1,)}, [3, 4, 5], [0, 1, 2]),
        ({"teacher_view": "clean"}, [0, 1, 2, 3, 4, 5], [100, 101, 102, 100, 101, 102]),
        ({"teacher_view": "clean", "views": (1,)}, [3, 4, 5], [100, 101, 102]),
    ],
)
def test_who_sees_which_view(changes: dict[str, Any], kept: list[int], shown: list[int]) -> None:
    rows, answers = unit_rows(6, DIMS, 0).requires_grad_(), unit_rows(200, DIMS, 1)
    found = value_of(rows, [answers], kind="both", square_weight=1.0, divergence_weight=0.0, **changes)
    square, _ = naive_relations(normalize(rows[kept]), [answers[shown]], 1.0)
    wanted = naive_cosine(rows[kept], [answers[shown]]) + square
    assert torch.allclose(found, wanted, rtol=1e-9)
    assert torch.allclose(gradient(found, rows), gradient(wanted, rows), atol=1e-9)


def test_a_clean_picture_is_described_once_and_alone() -> None:
    teachers = KnownTeachers([unit_rows(200, 4, 1), unit_rows(200, 3, 2)])
    kept = KeptAnswers(teachers)  # type: ignore[arg-type]
    batch = context_of(unit_rows(8, DIMS, 0)).batch
    for rows in ([0, 1, 2], [3, 1], [2, 3, 0]):
        some = PictureBatch(batch.pixels[rows], batch.aspects[rows], batch.keys[rows])
        found = kept.describe(some)
        for one, answers in zip(found, teachers.answers, strict=True):
            assert torch.equal(one, answers[[100 + row for row in rows]])
    assert teachers.shown == [100, 101, 102, 103]


def test_a_learned_map_bridges_unequal_dimensions() -> None:
    rows, answers = unit_rows(2 * PICTURES, DIMS, 0), [unit_rows(2 * PICTURES, d, d) for d in (4, 5)]
    with pytest.raises(UsageError, match=r"have 9 numbers, the network's 6; set distill\.map"):
        distillation(settings(kind="cosine"), answers, DIMS)
    distillation(settings(kind="relational"), answers, DIMS)
    torch.manual_seed(0)
    term = distillation(settings(kind="cosine", map=True), answers, DIMS).double()
    assert [tuple(parameter.shape) for parameter in term.parameters()] == [(9, DIMS)]
    mapped = rows @ next(term.parameters()).T
    assert torch.allclose(term(context_of(rows)).value, naive_cosine(mapped, answers), rtol=1e-9)
    optimiser = torch.optim.SGD(term.parameters(), lr=1.0)
    before = float(term(context_of(rows)).value.detach())
    for _ in range(30):
        optimiser.zero_grad()
        term(context_of(rows)).value.backward()
        optimiser.step()
    assert float(term(context_of(rows)).value.detach()) < 0.7 * before


def test_half_precision_is_computed_in_float32() -> None:
    rows, answers = unit_rows(2 * PICTURES, DIMS, 0), [unit_rows(2 * PICTURES, DIMS, 1).float()]
    found = value_of(rows.bfloat16(), answers, kind="both")
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(float(value_of(rows.float(), answers, kind="both")), rel=0.05)


def test_other_teachers_after_a_resume_are_refused() -> None:
    answers = [unit_rows(4, DIMS, 1), unit_rows(4, DIMS, 2)]
    state = distillation(settings(), answers, DIMS).state_dict()
    distillation(settings(), answers, DIMS).load_state_dict(state)
    with pytest.raises(
        UsageError, match=r"begun with the teachers f0, f1, .* are now f0; put the former back"
    ):
        distillation(settings(), answers[:1], DIMS).load_state_dict(state)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"teachers": ()}, "distill.teachers is empty"),
        ({"weight": -1.0}, "distill.weight is -1"),
        ({"temperature": 0.0}, "distill.temperature is 0"),
        ({"square_weight": -1.0}, "cannot be negative"),
        ({"square_weight": 0.0, "divergence_weight": 0.0}, "nothing is left"),
        ({"views": (2,)}, r"distill.views is \[2\]"),
        ({"views": (0, 0)}, "name each once"),
    ],
)
def test_settings_that_cannot_be_meant(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        settings(**changes)
    assert DistillSettings(teachers=("t",)).weight == 0.0
