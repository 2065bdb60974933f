"""A trained network in, a model package that `scan` uses at once out."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from copylens.errors import ImageError
from copylens.images import decode, decode_box, prepare
from copylens.models import (
    Calibration,
    ModelPackage,
    Provenance,
    create_engine,
    record_golden,
    update_card,
    write_package,
)
from copylens.models.engines.base import Engine
from copylens.networks.export import export_onnx
from copylens.networks.sscd import SSCDNetwork
from copylens.postprocess import false_match_threshold
from copylens.records import Descriptors, InputSpec
from copylens.training.data import PictureSource
from copylens.training.settings import TrainSettings

UNMEASURED = 0.75
BATCH = 32
BLOCK = 1024
SAME = 0.9999
"""Pictures that score more are one picture."""


def export_model(
    network: SSCDNetwork,
    settings: TrainSettings,
    output: Path,
    *,
    name: str,
    provenance: Provenance,
    source: PictureSource,
    held_out: Sequence[int],
    licence: str,
    overwrite: bool = False,
) -> ModelPackage:
    """Export, calibrate the threshold on pictures that took no part in the training, record golden descriptors.

    Args:
        network: trained; a copy of it is exported.
        settings: of the run.
        output: folder of the package.
        name: of the model.
        provenance: where it came from.
        source: of the pictures.
        held_out: their numbers in the source. Edited copies among them raise the threshold.
        licence: of the weights.
        overwrite: replace a model package that is there.

    Raises:
        ModelError: the network cannot be exported.
        OutputError: the package cannot be written.
    """
    spec = InputSpec(settings.export.size, settings.export.size)
    graph, dims = export_onnx(
        copy.deepcopy(network).cpu(),
        spec,
        mean=settings.network.mean,
        deviation=settings.network.deviation,
        any_size=settings.export.any_size,
    )
    package = write_package(
        output,
        onnx_model=graph,
        name=name,
        version="1",
        dims=dims,
        input=spec,
        calibration=Calibration(threshold=UNMEASURED, background="threshold not measured for this model"),
        licence=licence,
        provenance=provenance,
        overwrite=overwrite,
    )
    engine = create_engine(package, engine="onnxruntime", device="cpu", precision="float32")
    background = _describe(engine, source, held_out, spec)
    calibration = calibrate(background, settings.export.false_matches)
    if calibration is not None:
        package = update_card(package, calibration=calibration)
    return record_golden(package, engine.describe, prepare)


def calibrate(background: Descriptors, false_matches: float) -> Calibration | None:
    """Find the threshold for a rate of false matches; None where there are too few pictures to find any.

    N pictures have N (N - 1) / 2 pairs and can show no rate below one of them, which is then taken and said.

    Args:
        background: ``(N, D) float32``; of pictures that are described alike one counts.
        false_matches: per million pairs of unrelated pictures.
    """
    distinct = background[_distinct(background)]
    count = len(distinct)
    pairs = count * (count - 1) // 2
    if pairs < 2:
        return None
    # A little more than one pair: the quotient times the pairs may come out just below one.
    rate = max(false_matches, 1e6 / pairs * (1 + 1e-9))
    if rate >= 1e6:
        return None
    # Upwards, so that rounding lets no further pair in.
    threshold = math.ceil(false_match_threshold(distinct, per_million=rate) * 1e4) / 1e4
    return Calibration(
        threshold=min(threshold, 1.0),
        false_matches_per_million_pairs=round(rate, 3),
        background=f"all pairs of {count} pictures that took no part in the training",
    )


def _distinct(background: Descriptors) -> npt.NDArray[np.bool_]:
    """Which rows are not those of an earlier one: ``(N,) bool``; copies would leave no threshold to find."""
    kept = np.ones(len(background), bool)
    for start in range(0, len(background), BLOCK):
        stop = min(start + BLOCK, len(background))
        scores = background[start:stop] @ background[:stop].T
        earlier = np.arange(stop)[None, :] < np.arange(start, stop)[:, None]
        kept[start:stop] = ~((scores > SAME) & earlier).any(axis=1)
    return kept


def _describe(engine: Engine, source: PictureSource, numbers: Sequence[int], spec: InputSpec) -> Descriptors:
    rows: list[Descriptors] = [np.empty((0, engine.dims), np.float32)]
    batch = []
    for number in numbers:
        try:
            batch.append(prepare(decode(source.read(number), box=decode_box(spec)).pixels, spec))
        except ImageError:
            # The loader has listed it already; a background is no worse for one picture less.
            continue
        if len(batch) == BATCH:
            rows.append(engine.describe(np.stack(batch)))
            batch.clear()
    if batch:
        rows.append(engine.describe(np.stack(batch)))
    return np.concatenate(rows)
