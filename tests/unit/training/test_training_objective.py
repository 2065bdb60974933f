"""Terms beside the loss: what they are given, how they are summed, moved, averaged and saved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from copylens.errors import TrainingError, UsageError
from copylens.networks.sscd import SSCDNetwork
from copylens.training import loop
from copylens.training.checkpoint import load_checkpoint
from copylens.training.mixing import MixingSettings
from copylens.training.nouns import NOBODY, PictureBatch, Views
from copylens.training.objective import Objective
from copylens.training.settings import TrainSettings
from copylens.training.terms.base import StepContext, Term, TermLoss
from training_samples import picture_folder, run_training, tiny

PICTURES = 3


class Toy(Term):
    """Pulls a learnt direction towards the mean local feature, and remembers what was called."""

    name = "toy"

    def __init__(self, weight: float = 0.5, channels: int = 256) -> None:
        super().__init__(weight)
        self.direction = nn.Parameter(torch.linspace(-1, 1, channels))
        self.register_buffer("calls", torch.zeros(2))
        self.calls: torch.Tensor
        self.words: str | None = None

    def forward(self, context: StepContext) -> TermLoss:
        assert not torch.is_autocast_enabled("cpu")
        assert context.views.pixels.min() >= 0
        assert context.views.pixels.max() <= 1
        value = (context.parts.local.float().mean(dim=(0, 2, 3)) - self.direction).square().mean()
        return TermLoss(value, {"toy/step": torch.tensor(float(context.step))})

    def before_step(self, step: int) -> None:
        assert self.direction.grad is not None
        self.calls[0] += 1

    def after_step(self, step: int) -> None:
        self.calls[1] += step

    def warning(self) -> str | None:
        return self.words


def pieces(*changes: str) -> tuple[TrainSettings, SSCDNetwork, PictureBatch, Views]:
    torch.manual_seed(0)
    network = SSCDNetwork("test_resnet", dims=8)
    pixels = torch.rand(2 * PICTURES, 3, 32, 32)
    sources = torch.stack([torch.arange(PICTURES).repeat(2), torch.full((2 * PICTURES,), NOBODY)], dim=1)
    batch = PictureBatch(
        torch.zeros(PICTURES, 3, 8, 8, dtype=torch.uint8), torch.ones(PICTURES), torch.arange(PICTURES)
    )
    return tiny("loss.memory=0", *changes), network, batch, Views(pixels, sources)


def objective(settings: TrainSettings, network: SSCDNetwork, terms: list[Term]) -> Objective:
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    return Objective(settings, network, terms, memory=None, mixing=MixingSettings(), scaler=scaler)


def gradients(module: nn.Module) -> list[torch.Tensor]:
    found = [p.grad.clone() for p in module.parameters() if p.grad is not None]
    module.zero_grad()
    return found


def test_the_gradient_is_the_sum_of_the_loss_and_the_weighted_term() -> None:
    settings, network, batch, views = pieces()
    network.eval()
    alone = objective(settings, network, []).backward(batch, views, epoch=0, step=4)
    own = gradients(network)

    channels = network.forward_parts(views.pixels).local.shape[1]
    toy = Toy(0.5, channels)
    both = objective(settings, network, [toy]).backward(batch, views, epoch=0, step=4)
    summed, direction = gradients(network), gradients(toy)

    nothing = replace(settings, loss=replace(settings.loss, kind="none"))
    only = objective(nothing, network, [toy])
    term = only.backward(batch, views, epoch=0, step=4)
    extra = gradients(network)
    # The projection has no part in the term, and its gradient is zero, not missing.
    assert len(own) == len(summed) == len(extra)
    for a, b, c in zip(own, extra, summed, strict=True):
        torch.testing.assert_close(a + b, c, rtol=1e-3, atol=1e-5)
    value = both.parts.statistics["toy"]
    torch.testing.assert_close(alone.parts.total + 0.5 * value, both.parts.total)
    torch.testing.assert_close(term.parts.total, 0.5 * value)
    torch.testing.assert_close(term.parts.info_nce, alone.parts.info_nce)
    assert both.parts.statistics["toy/step"] == 4
    assert direction[0].abs().sum() > 0
    torch.testing.assert_close(both.descriptors, alone.descriptors)
    assert not both.descriptors.requires_grad


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> list[Toy]:
    """Every training of the test gets a toy; those made so far."""
    made: list[Toy] = []

    def make(_settings: TrainSettings, network: SSCDNetwork, _device: torch.device) -> list[Term]:
        network.eval()
        with torch.no_grad():
            channels = network.forward_parts(torch.zeros(1, 3, 64, 64)).local.shape[1]
        made.append(Toy(0.5, channels))
        return list(made[-1:])

    monkeypatch.setattr(loop, "make_terms", make)
    return made


def test_a_term_learns_is_logged_and_goes_on_after_a_kill(
    toys: list[Toy], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = picture_folder(tmp_path / "pictures")
    whole = run_training(pictures, tmp_path / "whole", tiny("loop.steps=7"))
    assert {values["toy/step"] for kind, _, values in whole.lines if kind == "step"} == set(
        map(float, range(7))
    )
    assert all("toy" in values for kind, _, values in whole.lines if kind == "step")
    assert toys[0].calls.tolist() == [7, sum(range(7))]
    assert (toys[0].direction != torch.linspace(-1, 1, len(toys[0].direction))).any()

    backward = Objective.backward

    def dying(self: Objective, *args: object, step: int, **more: object) -> object:
        if step == 6:
            raise TrainingError("killed")
        return backward(self, *args, step=step, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Objective, "backward", dying)
        with pytest.raises(TrainingError):
            run_training(pictures, tmp_path / "cut", tiny("loop.steps=7"))
    state = load_checkpoint(tmp_path / "cut" / "run")
    assert state is not None
    assert state["step"] == 5
    rest = run_training(pictures, tmp_path / "cut", tiny("loop.steps=7"))
    assert rest.losses == {step: loss for step, loss in whole.losses.items() if step > 5}
    torch.testing.assert_close(toys[-1].direction, toys[0].direction, rtol=0, atol=0)
    assert toys[-1].calls.tolist() == toys[0].calls.tolist()


def test_what_a_term_sees_is_said_after_the_warm_up(
    toys: list[Toy], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Toy, "warning", lambda _self: "The toy is broken.")
    watched = run_training(
        picture_folder(tmp_path / "pictures"),
        tmp_path,
        tiny("loop.steps=4", "optimiser.warmup_epochs=0.4"),
    )
    said = [step for kind, step, values in watched.lines if values.get("text") == "The toy is broken."]
    assert said == [3, 4]


def test_terms_are_not_computed_in_chunks() -> None:
    with pytest.raises(UsageError, match=r"loss\.chunk"):
        tiny("swav.weight=1", "loss.chunk=4")


def test_without_a_loss_there_must_be_a_term() -> None:
    with pytest.raises(UsageError, match=r"loss\.kind none"):
        tiny("loss.kind=none")
