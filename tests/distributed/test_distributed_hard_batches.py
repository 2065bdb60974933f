"""Two processes distil as one does, and mine the batches that one would."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import hard_batches_worker as worker
from two_processes import saved_by

Found = list[dict[str, Any]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What each of the two processes saved."""
    return saved_by(str(worker.__file__), tmp_path_factory.mktemp("processes"))


@pytest.mark.parametrize("case", worker.CASES)
def test_distillation_equals_one_process_on_the_whole_batch(found: Found, case: str) -> None:
    alone = worker.distilled(0, 1, **worker.CASES[case])
    for result in found:
        assert result[case].keys() == alone.keys()
        for name, value in alone.items():
            torch.testing.assert_close({name: result[case][name]}, {name: value}, rtol=1e-9, atol=1e-9)
    for name in alone:
        assert torch.equal(found[0][case][name], found[1][case][name])


@pytest.mark.parametrize("kind", ["neighbours", "clusters"])
def test_mining_equals_one_process_on_all_pictures(found: Found, kind: str) -> None:
    alone = worker.mined(0, 1, kind)
    together = torch.cat([result[kind]["keys"] for result in found], dim=1)
    assert torch.equal(together, alone["keys"])
    for result in found:
        for name in ("neighbours", "copies", "clusters"):
            assert torch.equal(result[kind][name], alone[name]), name
    # Within a step both processes have something of the groups.
    assert together.shape == (12, 8)
