"""A network in the middle of its training and an exam in, the field's figures out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from copylens.errors import ImageError, UsageError
from copylens.evaluation.benchmarks import open_exam
from copylens.evaluation.candidates import find_candidates
from copylens.evaluation.metrics import (
    accuracy_at_1,
    judge,
    micro_average_precision,
    recall_at_precision,
)
from copylens.evaluation.nouns import Benchmark, Picture
from copylens.evaluation.scoring import truth_positions
from copylens.images import decode, decode_box, prepare, read_file
from copylens.networks.sscd import SSCDNetwork
from copylens.records import Descriptors, InputSpec
from copylens.training.settings import NetworkSettings

BATCH = 32


@dataclass(frozen=True, slots=True)
class ValidationFigures:
    """What an exam says of a network.

    Attributes:
        micro_average_precision: µAP with the ten best references of each query.
        accuracy_at_1: of the queries that have a reference.
        recall_at_precision_90: the highest recall at which 90 % of what is found is right.
    """

    micro_average_precision: float
    accuracy_at_1: float
    recall_at_precision_90: float


class ExamValidator:
    """An exam with its pictures decoded once, at the size the network is asked at: Q + R times 3 S² bytes.

    Args:
        exam: a folder as `copylens benchmark make` writes it.
        size: S, pixels.

    Raises:
        UsageError: the folder is no exam, or one of its pictures cannot be read.
    """

    def __init__(self, exam: Path, size: int) -> None:
        self.benchmark: Benchmark = open_exam(exam)
        spec = InputSpec(size, size)
        self.queries = _load(self.benchmark.queries, spec)
        self.references = _load(self.benchmark.references, spec)
        self.truth = truth_positions(self.benchmark)

    def measure(
        self, network: SSCDNetwork, settings: NetworkSettings, device: torch.device
    ) -> ValidationFigures:
        """Describe both sides and judge; the network comes back in the mode it had."""
        queries = describe_pixels(network, self.queries, settings, device)
        references = describe_pixels(network, self.references, settings, device)
        return self.figures(queries, references)

    def figures(self, queries: Descriptors, references: Descriptors) -> ValidationFigures:
        """Judge descriptors of both sides, ``(Q, D)`` and ``(R, D) float32``."""
        predictions = find_candidates(queries, references, self.benchmark.rule)
        judged = judge(predictions, self.truth, len(self.benchmark.queries))
        return ValidationFigures(
            micro_average_precision(judged),
            accuracy_at_1(judged),
            recall_at_precision(judged, 0.9).recall,
        )


@torch.no_grad()
def describe_pixels(
    network: SSCDNetwork, pixels: npt.NDArray[np.uint8], settings: NetworkSettings, device: torch.device
) -> Descriptors:
    """Describe pictures that are at the network's size: ``(N, S, S, 3) uint8`` to ``(N, D) float32``."""
    was_training = network.training
    network.eval()
    rows = [
        network(normalised(torch.from_numpy(pixels[start : start + BATCH]).to(device), settings))
        .float()
        .cpu()
        .numpy()
        for start in range(0, len(pixels), BATCH)
    ]
    network.train(was_training)
    return np.ascontiguousarray(np.concatenate(rows), dtype=np.float32)


def normalised(pixels: torch.Tensor, settings: NetworkSettings) -> torch.Tensor:
    """Normalise ``(N, S, S, 3) uint8`` as the network wants: ``(N, 3, S, S) float32``."""
    return normalised_views(pixels.permute(0, 3, 1, 2).float() / 255.0, settings)


def normalised_views(pixels: torch.Tensor, settings: NetworkSettings) -> torch.Tensor:
    """Normalise ``(N, 3, S, S) float32`` in [0, 1] as the network wants."""
    mean = torch.tensor(settings.mean, device=pixels.device).reshape(1, 3, 1, 1)
    deviation = torch.tensor(settings.deviation, device=pixels.device).reshape(1, 3, 1, 1)
    return (pixels - mean) / deviation


def _load(pictures: tuple[Picture, ...], spec: InputSpec) -> npt.NDArray[np.uint8]:
    out = np.empty((len(pictures), spec.height, spec.width, 3), np.uint8)
    for row, picture in enumerate(pictures):
        try:
            out[row] = prepare(decode(read_file(picture.path), box=decode_box(spec)).pixels, spec)
        except ImageError as error:
            raise UsageError(f"The exam's picture {picture.path} cannot be read: {error.reason}.") from error
    return out
