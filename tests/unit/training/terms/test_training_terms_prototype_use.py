"""Prototypes in use, counted row by row; dead ones and a collapse are said, and nothing else is."""

from __future__ import annotations

import math

import pytest
import torch

from copylens.training.terms.prototype_use import PrototypeUse


def sure(choices: list[int], count: int, certainty: float = 0.9) -> torch.Tensor:
    """Each row sure of one prototype, the rest evenly on the others."""
    chances = torch.full((len(choices), count), (1 - certainty) / (count - 1))
    chances[range(len(choices)), choices] = certainty
    return chances


def everyone(rows: int) -> torch.Tensor:
    return torch.ones(rows, dtype=torch.bool)


def test_figures_are_those_of_loops() -> None:
    torch.manual_seed(0)
    chances = torch.randn(6, 4).softmax(dim=1)
    counted = torch.tensor([True, True, False, True, True, False])
    figures = PrototypeUse(4, from_step=0).note(chances, counted, 0)
    rows = [row.tolist() for row, yes in zip(chances, counted, strict=True) if yes]
    mean = [sum(row[k] for row in rows) / 4 for k in range(4)]
    own = [sum(-p * math.log(p) for p in row) for row in rows]
    assert float(figures["used"]) == pytest.approx(len({row.index(max(row)) for row in rows}) / 4)
    assert float(figures["entropy"]) == pytest.approx(sum(-p * math.log(p) for p in mean) / math.log(4))
    assert float(figures["row_entropy"]) == pytest.approx(sum(own) / 4 / math.log(4))


def test_a_prototype_is_in_use_for_ten_times_as_many_rows_as_there_are_prototypes() -> None:
    use = PrototypeUse(4, from_step=0)
    # 8 rows a step: a window of 5 steps.
    used = [
        float(use.note(sure([0] * 7 + [min(step, 2)], 4), everyone(8), step)["used"]) for step in range(8)
    ]
    assert used == [0.25, 0.5, 0.75, 0.75, 0.75, 0.75, 0.5, 0.5]


def test_dead_prototypes_are_said_once_the_window_has_passed() -> None:
    # 40 rows a step for 40 prototypes: 10 steps, after 3 that were frozen.
    use = PrototypeUse(40, from_step=3)
    chances = sure([n % 15 for n in range(40)], 40, certainty=0.4)
    said = []
    for step in range(14):
        use.note(chances, everyone(40), step)
        said.append(use.warning())
    assert said[:12] == [None] * 12
    assert said[12] is not None
    assert said[12].startswith("62% of the 40 prototypes were the nearest of no row in the last 10 steps")


def test_rows_that_all_go_to_a_few_are_said() -> None:
    use = PrototypeUse(10, from_step=0)
    assert use.warning() is None
    chances = sure([3] * 100, 10, certainty=0.99)
    figures = use.note(chances, everyone(100), 0)
    assert float(figures["entropy"]) == pytest.approx(float(figures["row_entropy"]))
    words = use.warning()
    assert words is not None
    assert words.startswith("All rows go to about 1 of 10 prototypes: raise swav.epsilon")


def test_rows_that_are_all_predicted_alike_are_said() -> None:
    """Where SwAV sticks when it learns nothing: every prediction is even, and the loss log K."""
    use = PrototypeUse(10, from_step=0)
    torch.manual_seed(0)
    use.note((0.01 * torch.randn(100, 10)).softmax(dim=1), everyone(100), 0)
    words = use.warning()
    assert words is not None
    assert words.startswith(
        "All rows are predicted alike, at a loss of about log(10) = 2.30: lower swav.epsilon"
    )


def test_prototypes_that_are_in_use_are_no_reason_to_warn() -> None:
    use = PrototypeUse(10, from_step=0)
    figures = use.note(sure([n % 10 for n in range(100)], 10), everyone(100), 0)
    assert float(figures["used"]) == 1.0
    assert float(figures["entropy"]) == pytest.approx(1.0)
    assert float(figures["row_entropy"]) < 0.3
    assert use.warning() is None


def test_nobody_to_count_is_no_exception() -> None:
    use = PrototypeUse(3, from_step=0)
    figures = use.note(sure([0, 1], 3), torch.zeros(2, dtype=torch.bool), 0)
    assert [float(value) for value in figures.values()] == [0.0, 0.0, 0.0]
