"""SwAV's loss: equal to loops and to another implementation, in value and gradient; queue, freeze, mixed views."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from copylens.training.augment import AugmentSettings
from copylens.training.terms.crops import SmallCrops
from copylens.training.terms.projecting import Prototypes
from copylens.training.terms.sinkhorn import sinkhorn
from copylens.training.terms.swav import LARGE, SwavTerm, swapped_prediction
from swav_samples import Steps, make_term
from swav_twins import Numbers, codes_twin, slope, swav_twin, unit, wave

VIEWS = [unit(wave(6, 5, seed=seed)) for seed in (0.11, 0.23, 0.37, 0.41)]
QUEUE = [unit(wave(8, 5, seed=seed)) for seed in (0.53, 0.61)]
PROTOTYPES = unit(wave(4, 5, seed=0.7))

GOLDEN = {
    "plain": (
        8.739894421776668,
        [5.418119587700703, 1.0102142258073707, 1.001032815123068, 1.650427142227791, 1.609480167332703],
        [
            -0.5461396655823276,
            1.9850165202868382,
            0.26957147415948957,
            -2.076876568644549,
            -0.005421358485942718,
        ],
    ),
    "queue": (
        8.22358731555931,
        [5.087260021141614, 0.8919812693264286, 0.9707613448573784, 1.7436692142788757, 1.5162269897557015],
        [
            -0.3705564603368169,
            1.4545487394930794,
            0.10835545823262654,
            -1.4561516425251904,
            0.1484324439888289,
        ],
    ),
}
"""By ``lightly.loss.SwaVLoss`` of lightly 1.6.0 in float64, temperature 0.1, ε 0.05, 3 iterations: the loss of two
large and two small views, lengths of the gradients of the prototypes and of each view, and the second prototype's."""


def prediction(
    views: list[torch.Tensor], prototypes: torch.Tensor, queue: list[torch.Tensor] | None = None
) -> torch.Tensor:
    """The pieces of the source on rows: codes, then the mean."""
    codes = []
    for number, view in enumerate(views[:LARGE]):
        rows = view if queue is None else torch.cat([queue[number], view])
        codes.append(sinkhorn(rows @ prototypes.T, epsilon=0.05, iterations=3)[-len(view) :])
    scores = torch.stack([view @ prototypes.T for view in views])
    single = torch.ones(scores.shape[:2], dtype=torch.bool)
    return swapped_prediction(scores, torch.stack(codes), single, temperature=0.1).mean()


@pytest.mark.parametrize("case", GOLDEN)
def test_equals_another_implementation(case: str) -> None:
    leaves = [torch.from_numpy(rows).requires_grad_() for rows in (PROTOTYPES, *VIEWS)]
    queue = [torch.from_numpy(rows) for rows in QUEUE] if case == "queue" else None
    loss = prediction(leaves[1:], leaves[0], queue)
    loss.backward()  # type: ignore[no-untyped-call]
    gradients = [leaf.grad for leaf in leaves if leaf.grad is not None]
    value, lengths, second = GOLDEN[case]
    assert loss.item() == pytest.approx(value, rel=1e-12)
    assert [gradient.norm().item() for gradient in gradients] == pytest.approx(lengths, rel=1e-9)
    assert gradients[0][1].tolist() == pytest.approx(second, rel=1e-9)


@pytest.mark.parametrize("case", GOLDEN)
def test_the_loops_equal_the_other_implementation_too(case: str) -> None:
    loss = swav_twin(VIEWS, PROTOTYPES, queue=QUEUE if case == "queue" else None)
    assert loss == pytest.approx(GOLDEN[case][0], rel=1e-9)


class Twin:
    """The whole term in loops: what the views of a step are, through the network in NumPy, to the loss."""

    def __init__(self, term: SwavTerm, steps: Steps, *, step: int = 0, hard: bool = False) -> None:
        context = steps.context(step)
        small = SmallCrops(AugmentSettings(preset="simclr"), count=2, size=32, scale=(0.1, 0.4))(
            context.batch, seed=context.seed, epoch=context.epoch
        )
        self.grids = [
            steps.network(pixels).local.flatten(1).double().numpy()
            for pixels in (*context.views.pixels.chunk(LARGE), *small.chunk(2))
        ]
        single = np.ones((4, steps.pictures), bool)
        for row in steps.mixed:
            single[row // steps.pictures, row % steps.pictures] = False
        self.single = single
        self.weight = steps.network.features.weight.detach().double().numpy()
        self.prototypes = term.prototypes.weight.detach().double().numpy()
        self.codes = codes_twin(
            self._rows(self.weight)[:LARGE],
            self.prototypes,
            epsilon=0.05,
            iterations=3,
            queue=None,
            single=single,
            hard=hard,
        )

    def loss(self, weight: Numbers, prototypes: Numbers) -> float:
        """With the codes of the start: no gradient passes through them."""
        return swav_twin(self._rows(weight), prototypes, single=self.single, codes=self.codes)

    def _rows(self, weight: Numbers) -> list[Numbers]:
        return [unit(grid @ weight.T) for grid in self.grids]


@pytest.mark.parametrize("mixed", [(), (1, 6)], ids=["single", "mixed"])
@pytest.mark.parametrize("codes", ["soft", "hard"])
def test_the_whole_term_equals_loops_in_value_and_gradient(mixed: tuple[int, ...], codes: str) -> None:
    # With fewer rows than prototypes a code would be on two equally, and which is taken a matter of rounding.
    term, steps = make_term(codes=codes, prototypes=3), Steps(mixed=mixed)
    twin = Twin(term, steps, hard=codes == "hard")
    value = term(steps.context()).value
    value.backward()
    assert value.item() == pytest.approx(twin.loss(twin.weight, twin.prototypes), rel=1e-4)
    for leaf, expected in (
        (steps.network.features.weight, slope(lambda w: twin.loss(w, twin.prototypes), twin.weight)),
        (term.prototypes.weight, slope(lambda p: twin.loss(twin.weight, p), twin.prototypes)),
    ):
        assert leaf.grad is not None
        np.testing.assert_allclose(leaf.grad.numpy(), expected, rtol=2e-3, atol=1e-4)


def test_a_view_of_two_pictures_plays_no_part() -> None:
    term = make_term(crops=0, queue=8)
    context = Steps(mixed=(1, 6)).context()
    value = term(context).value
    context.parts.pooled.data[[1, 6]] = torch.randn(2, 5)
    again = make_term(crops=0, queue=8)
    assert again(context).value == value
    # The first half was never filled.
    assert again.queue_single[:, 4:].tolist() == [[True, False, True, True], [True, True, False, True]]
    assert not again.queue_single[:, :4].any()


def test_nothing_but_views_of_two_pictures_is_no_loss() -> None:
    term = make_term()
    made = term(Steps(mixed=tuple(range(8))).context())
    made.value.backward()
    assert made.value.item() == 0.0
    assert term.prototypes.weight.grad is not None
    assert term.prototypes.weight.grad.abs().sum() == 0
    assert all(math.isfinite(value) for value in made.statistics.values())


@pytest.mark.parametrize(("on", "learns"), [("pooled", False), ("descriptor", True)])
def test_only_on_the_descriptor_does_its_projection_learn(on: str, learns: bool) -> None:
    term, steps = make_term(on=on, head="mlp", hidden=7, dims=3), Steps()
    term(steps.context()).value.backward()
    assert (steps.network.projection.weight.grad is not None) is learns
    assert steps.network.features.weight.grad is not None
    assert all(parameter.grad is not None for parameter in term.parameters())


def test_prototypes_are_frozen_first_and_have_length_one_always() -> None:
    term, steps = make_term(frozen_steps=2), Steps()
    start = term.prototypes.weight.detach().clone()
    torch.testing.assert_close(start.norm(dim=1), torch.ones(6))
    # Decay would move what has a gradient of zero; frozen ones have none.
    optimiser = torch.optim.AdamW(term.parameters(), lr=0.05, weight_decay=0.1)
    for step in range(4):
        optimiser.zero_grad()
        term(steps.context(step)).value.backward()
        term.before_step(step)
        optimiser.step()
        term.after_step(step)
        assert torch.equal(term.prototypes.weight, start) is (step < 2)
        torch.testing.assert_close(term.prototypes.weight.norm(dim=1), torch.ones(6))


def test_the_queue_holds_the_last_rows_of_each_large_view() -> None:
    term, steps = make_term(queue=10, crops=0), Steps(mixed=(2,))
    rows = []
    for step in range(3):
        context = steps.context(step)
        term(context)
        rows.append(normalize(context.parts.pooled.detach()).view(LARGE, 4, -1))
    torch.testing.assert_close(term.queue, torch.cat(rows, dim=1)[:, -10:])
    assert not term.queue.requires_grad
    # Picture 2 of the first view, in the last two whole batches and in what is left of the first.
    assert (~term.queue_single).nonzero().tolist() == [[0, 0], [0, 4], [0, 8]]


def test_the_queue_is_used_from_its_step_and_only_as_far_as_it_is_filled() -> None:
    plain, early, late = make_term(), make_term(queue=20), make_term(queue=20, queue_from=2)
    steps = Steps()
    values = [[term(steps.context(step)).value.item() for term in (plain, early, late)] for step in range(3)]
    assert values[0] == pytest.approx([values[0][0]] * 3, rel=1e-6)
    assert values[1][1] != pytest.approx(values[1][0], rel=1e-3)
    assert values[1][2] == pytest.approx(values[1][0], rel=1e-6)
    assert values[2][2] == pytest.approx(values[2][1], rel=1e-6)
    # Codes over the queue and the batch are those of the loops.
    context = steps.context(3)
    views = [rows.double().numpy() for rows in normalize(context.parts.pooled.detach()).chunk(LARGE)]
    queue = [rows[-12:].double().numpy() for rows in early.queue]
    prototypes = early.prototypes.weight.detach()
    scores = torch.stack([torch.from_numpy(view).float() @ prototypes.T for view in views])
    found = early._codes(scores, torch.ones(2, 4, dtype=torch.bool), 3)
    expected = codes_twin(
        views,
        prototypes.double().numpy(),
        epsilon=0.05,
        iterations=3,
        queue=queue,
        single=np.ones((2, 4), bool),
    )
    np.testing.assert_allclose(found.numpy(), np.stack(expected), atol=1e-4)


def test_learns_the_clusters_that_are_there() -> None:
    """Eight directions with noise, seen through a random layer: each comes to one or two prototypes of its own."""
    torch.manual_seed(0)
    groups = torch.arange(64) % 8
    centres = torch.eye(8)[groups]
    layer, prototypes = torch.nn.Linear(8, 6), Prototypes(16, 6)
    optimiser = torch.optim.Adam([*layer.parameters(), *prototypes.parameters()], lr=0.02)
    single = torch.ones(LARGE, 64, dtype=torch.bool)
    for step in range(150):
        views = centres + 0.1 * torch.randn(LARGE, 64, 8)
        scores = prototypes(normalize(layer(views), dim=2))
        codes = torch.stack([sinkhorn(s.detach(), epsilon=0.05, iterations=3) for s in scores])
        loss = swapped_prediction(scores, codes, single, temperature=0.1).mean()
        if step == 0:
            start = loss.item()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        prototypes.to_unit_length()
    assert start > math.log(16) > 1.2 > loss.item()
    chosen = scores[0].argmax(dim=1)
    for prototype in range(16):
        assert len(set(groups[chosen == prototype].tolist())) <= 1


def test_features_in_half_precision_are_computed_in_float32() -> None:
    context = Steps().context()
    half = context.parts.pooled.bfloat16()
    object.__setattr__(context.parts, "pooled", half)
    value = make_term(crops=0)(context).value
    object.__setattr__(context.parts, "pooled", half.float())
    assert value.dtype == torch.float32
    assert make_term(crops=0)(context).value == value


def test_goes_on_from_its_state() -> None:
    whole, steps = make_term(queue=12), Steps()
    for step in range(3):
        whole(steps.context(step))
    other = make_term(queue=12)
    other.load_state_dict(whole.state_dict())
    one, two = (term(steps.context(3)) for term in (whole, other))
    assert one.value == two.value
    assert one.statistics == two.statistics
    assert make_term(queue=12)(steps.context(3)).value != one.value
