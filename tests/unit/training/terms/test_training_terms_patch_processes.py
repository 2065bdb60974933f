"""Two processes with different numbers of cells give the loss and the gradients of one on the whole batch."""

from __future__ import annotations

import pytest
import torch

import patch_worker as worker
from patch_worker import CASES, Result
from two_processes import saved_by


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Result]]:
    """What each of the two processes saved."""
    return saved_by(str(worker.__file__), tmp_path_factory.mktemp("processes"))


@pytest.mark.parametrize("case", CASES)
def test_equals_one_process_on_the_whole_batch(found: list[dict[str, Result]], case: str) -> None:
    negatives, hidden = CASES[case]
    alone = worker.run(0, 1, negatives=negatives, hidden=hidden)
    assert bool(alone["value"]) == (hidden < worker.PICTURES)
    for result in found:
        assert result[case].keys() == alone.keys()
        for name, value in alone.items():
            torch.testing.assert_close({name: result[case][name]}, {name: value}, rtol=1e-9, atol=1e-12)
