"""Two processes take the steps of one process on all pictures: values, gradients, queue and figures."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import swav_worker as worker
from two_processes import saved_by

Found = list[dict[str, Any]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What each of the two processes saved."""
    return saved_by(str(worker.__file__), tmp_path_factory.mktemp("processes"))


@pytest.mark.parametrize("case", worker.CASES)
def test_equals_one_process_on_all_pictures(found: Found, case: str) -> None:
    alone = worker.steps(0, 1, **worker.CASES[case])
    for result in found:
        assert result[case].keys() == alone.keys()
        for name, value in alone.items():
            torch.testing.assert_close({name: result[case][name]}, {name: value}, rtol=2e-4, atol=2e-5)
    for name in alone:
        assert torch.equal(found[0][case][name], found[1][case][name]), name


def test_processes_may_have_different_numbers_of_rows(found: Found) -> None:
    both = torch.cat([result["codes"] for result in found])
    torch.testing.assert_close(both, worker.codes(0, 1))
