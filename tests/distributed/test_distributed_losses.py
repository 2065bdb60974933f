"""Two processes give the values and gradients of one process on the whole batch."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import distributed_worker as worker
from copylens.training.losses import sscd_loss
from distributed_worker import CASES
from two_processes import WORLD, saved_by

Found = list[dict[str, Any]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What each of the two processes saved."""
    return saved_by(str(worker.__file__), tmp_path_factory.mktemp("processes"))


@pytest.mark.parametrize("case", CASES)
def test_equals_one_process_on_the_whole_batch(found: Found, case: str) -> None:
    alone = CASES[case](0, 1)
    rounding = {"float32": 1e-4, "bfloat16": 2e-2}.get(case, 1e-9)
    for result in found:
        assert result[case].keys() == alone.keys()
        for name, value in alone.items():
            # Half precision rounds the gradient of a descriptor: errors are of the size of the whole gradient.
            scale = value.abs().max().item() if case == "bfloat16" else 1.0
            torch.testing.assert_close(
                {name: result[case][name]}, {name: value}, rtol=rounding, atol=rounding * scale
            )
    for name in alone:
        assert torch.equal(found[0][case][name], found[1][case][name])


def test_the_gradient_passes_between_processes() -> None:
    """A gather that cuts the gradient would give another one: the comparison above can fail."""
    inputs, sources = worker.whole_batch(worker.ACROSS, mixed=0)
    network = worker.Network().double()
    descriptors = network(inputs)
    totals = []
    for rank in range(WORLD):
        own = worker.rows_of(rank, WORLD)
        cut = descriptors.detach().clone()
        cut[own] = descriptors[own]
        totals.append(sscd_loss(cut, sources).total)
    torch.stack(totals).mean().backward()  # type: ignore[no-untyped-call]
    whole = CASES["pairs"](0, 1)["gradient of last.weight"]
    assert network.last.weight.grad is not None
    assert not torch.allclose(network.last.weight.grad, whole, rtol=0.05)


def test_rows_are_in_the_order_of_processes(found: Found) -> None:
    rows = torch.cat([torch.arange(6.0).reshape(3, 2), torch.arange(6.0).reshape(3, 2) + 10])
    for rank, result in enumerate(found):
        assert torch.equal(result["gather"]["descriptors"], rows)
        assert torch.equal(result["gather"]["sources"], rows.long())
        assert result["gather"]["offset"].item() == 3 * rank


def test_a_gathered_row_gets_the_sum_of_all_gradients(found: Found) -> None:
    for rank, result in enumerate(found):
        rows = torch.arange(1.0, 4.0) + 3 * rank
        assert torch.equal(result["gather"]["gradient"], 3 * rows[:, None].expand(3, 2))


def test_a_mean_may_be_on_one_process_only(found: Found) -> None:
    # Process 0 brings no terms, process 1 three of sum 10.
    assert [result["gather"]["mean"].item() for result in found] == pytest.approx([10 / 3] * WORLD)


def test_the_memory_is_the_same_everywhere(found: Found) -> None:
    order = [row for rank in range(WORLD) for row in worker.rows_of(rank, WORLD)]
    batches = [
        worker.whole_batch(worker.ONE_PICTURE_EACH + 100 * seed, mixed=0, seed=seed) for seed in (0, 1)
    ]
    descriptors = torch.cat([inputs[order] for inputs, _ in batches])[-15:].float()
    sources = torch.cat([numbers[order] for _, numbers in batches])[-15:]
    for result in found:
        assert torch.equal(result["remembered"]["descriptors"], descriptors)
        assert torch.equal(result["remembered"]["sources"], sources)


def test_unequal_batches_are_refused_on_every_process(found: Found) -> None:
    for result in found:
        assert (
            result["refusals"]
            == [
                "Processes brought different numbers of rows (2, 3): give every process a batch of the same size "
                "and drop the incomplete last one."
            ]
            * 2
        )


def test_chunks_exchange_gradients_once(found: Found) -> None:
    parameters = sum(parameter.numel() for parameter in worker.Network().parameters())
    assert [sum(result["exchanges"]) for result in found] == [parameters] * WORLD
