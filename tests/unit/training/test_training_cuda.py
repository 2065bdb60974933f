"""On a CUDA device the training does what it does on the CPU; without one, no operator leaves its rows on the host."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import pytest
import torch
from torch import nn

from copylens.training.augment import Augmenter
from copylens.training.augment.settings import OPERATORS, AugmentSettings, only
from copylens.training.building import build_network
from copylens.training.gradient_cache import cached_backward
from copylens.training.losses import LossParts, sscd_loss
from copylens.training.memory import DescriptorMemory
from copylens.training.mixing import MixingSettings, make_views
from copylens.training.nouns import NOBODY, PictureBatch
from copylens.training.processes import process_group
from copylens.training.running import synchronised
from picture_batches import picture_batch
from training_samples import picture_folder, run_training, run_until, tiny

CUDA = torch.device("cuda")
on_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")

EVERYTHING = AugmentSettings(preset="copylens", probability=dict.fromkeys(OPERATORS, 0.5))
MIXING = MixingSettings(probability=0.3)
SOURCES = torch.tensor([[row % 16, NOBODY] for row in range(32)])


def on(device: torch.device | str, batch: PictureBatch) -> PictureBatch:
    return PictureBatch(batch.pixels.to(device), batch.aspects, batch.keys)


def test_no_operator_mixes_rows_of_the_host_with_rows_of_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch's device `meta` holds no values, and refuses to compute with tensors of the CPU, as CUDA does."""
    real = torch.autocast
    monkeypatch.setattr(torch, "autocast", lambda _, **options: real("cpu", **options))
    batch = on("meta", picture_batch(24))
    views = make_views(Augmenter(EVERYTHING, 48), batch, MIXING, seed=0, epoch=0, step=0, trace=True)
    assert (views.pixels.device.type, tuple(views.pixels.shape)) == ("meta", (48, 3, 48, 48))
    assert views.sources.device.type == "meta"
    assert views.traces is not None
    assert views.traces.maps.device.type == "meta"


@on_cuda
@pytest.mark.parametrize("operator", OPERATORS)
def test_every_operator_gives_the_pixels_of_the_cpu(operator: str) -> None:
    augmenter = Augmenter(only(operator), 64)
    batch = picture_batch(16)
    cpu = augmenter(batch, seed=3, epoch=1, view=1)
    cuda = augmenter(on(CUDA, batch), seed=3, epoch=1, view=1)
    assert cuda.device.type == "cuda"
    # Values that lie between two steps of JPEG or a cell's edge may fall to either side.
    assert float((cuda.cpu() - cpu).abs().mean()) < 1e-3


@on_cuda
def test_all_operators_together_and_mixing() -> None:
    batch, augmenter = picture_batch(64), Augmenter(EVERYTHING, 64)
    cpu = make_views(augmenter, batch, MIXING, seed=1, epoch=0, step=0, trace=True)
    cuda = make_views(augmenter, on(CUDA, batch), MIXING, seed=1, epoch=0, step=0, trace=True)
    assert torch.equal(cuda.sources.cpu(), cpu.sources)
    assert cpu.traces is not None
    assert cuda.traces is not None
    torch.testing.assert_close(cuda.traces.maps.cpu(), cpu.traces.maps)
    assert float((cuda.pixels.cpu() - cpu.pixels).abs().mean()) < 5e-3


def loss_of(rows: torch.Tensor, memory: DescriptorMemory | None = None) -> LossParts:
    return sscd_loss(
        nn.functional.normalize(rows.float()), SOURCES.to(rows.device), entropy_weight=10.0, memory=memory
    )


@on_cuda
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_loss_and_gradient_with_a_memory(dtype: torch.dtype) -> None:
    drawn = torch.randn(32, 24, generator=torch.Generator().manual_seed(0)).to(dtype)
    old = nn.functional.normalize(torch.randn(40, 24, generator=torch.Generator().manual_seed(1)))
    results = []
    for device in ("cpu", "cuda"):
        memory = DescriptorMemory(64, 24)
        memory.add(old.to(device), torch.stack([torch.arange(40), torch.full((40,), NOBODY)], 1).to(device))
        rows = drawn.to(device, copy=True).requires_grad_()
        parts = loss_of(rows, memory)
        parts.total.backward()  # type: ignore[no-untyped-call]
        assert rows.grad is not None
        results.append((parts.total.detach().cpu(), rows.grad.float().cpu()))
    rounding = 1e-4 if dtype == torch.float32 else 2e-2
    torch.testing.assert_close(results[1][0], results[0][0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(results[1][1], results[0][1], rtol=rounding, atol=rounding)


@on_cuda
def test_gradient_caching_gives_the_gradient_of_the_whole_batch() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.Tanh(), nn.Flatten(), nn.Dropout(0.2), nn.Linear(8 * 36, 24)
    )
    network = network.to(CUDA)
    pixels = torch.rand(32, 3, 8, 8, device=CUDA)
    gradients = []
    for chunk in (0, 8):
        other = copy.deepcopy(network).eval()
        made = cached_backward(other, pixels, loss_of, chunk=chunk, autocast=None)
        assert math.isfinite(float(made.parts.total.detach()))
        gradients.append([parameter.grad for parameter in other.parameters()])
    for whole, cached in zip(*gradients, strict=True):
        torch.testing.assert_close(cached, whole, rtol=1e-3, atol=1e-4)


@on_cuda
def test_nccl_and_synchronised_normalisations(tmp_path: Path) -> None:
    """One process is all that one device can hold; its statistics are then those of its own batch."""
    torch.manual_seed(0)
    network = build_network(tiny().network).to(CUDA)
    pixels = torch.rand(8, 3, 32, 32, device=CUDA)
    plain = copy.deepcopy(network).train()(pixels)
    options = {"init_method": f"file://{tmp_path / 'store'}", "rank": 0, "world_size": 1}
    with process_group("nccl", **options):
        converted = synchronised(copy.deepcopy(network), CUDA).train()
        assert any(isinstance(module, nn.SyncBatchNorm) for module in converted.modules())
        wrapped = nn.parallel.DistributedDataParallel(converted, device_ids=[0])
        rows = wrapped(pixels)
        torch.testing.assert_close(rows, plain, rtol=1e-3, atol=1e-4)
        rows.square().sum().backward()
        del wrapped, converted
    del rows


@on_cuda
@pytest.mark.parametrize(
    "changes",
    [
        ("loop.precision=float32",),
        (
            "loop.precision=bfloat16",
            "loop.channels_last=true",
            "patch.weight=1",
            "loop.size=64",
            "data.canvas=64",
        ),
        ("loop.precision=float16", "loss.chunk=4", "network.freeze_batchnorm=true"),
        ("augment.preset=copylens", "mixing.probability=0.5", "data.cache=memory", "optimiser.name=lars"),
    ],
    ids=["float32", "bfloat16-patches", "float16-chunks", "copylens-mixing-lars"],
)
def test_a_run_on_cuda_is_that_on_the_cpu_and_its_model_scans(
    tmp_path: Path, changes: tuple[str, ...]
) -> None:
    pictures = picture_folder(tmp_path / "pictures")
    settings = tiny("loop.steps=4", *changes)
    cpu = run_training(pictures, tmp_path / "cpu", settings)
    cuda = run_training(pictures, tmp_path / "cuda", settings, device="cuda")
    first = [watched.losses[1] for watched in (cpu, cuda)]
    assert first[1] == pytest.approx(first[0], rel=0.05)
    assert all(math.isfinite(loss) for loss in cuda.losses.values())
    assert cuda.package is not None
    assert torch.cuda.get_device_name() in cuda.package.provenance.hardware


@on_cuda
def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    """Not to 1e-5 as on a CPU: sums on the device have no fixed order."""
    pictures = picture_folder(tmp_path / "pictures")
    whole = run_training(pictures, tmp_path / "whole", tiny("loop.steps=12"), device="cuda").losses
    run_until(pictures, tmp_path / "parts", tiny("loop.steps=12"), 8, device="cuda")
    rest = run_training(pictures, tmp_path / "parts", tiny("loop.steps=12"), device="cuda").losses
    assert min(rest) == 6
    assert [whole[step] for step in rest] == pytest.approx(list(rest.values()), rel=0.02)
