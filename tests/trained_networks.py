"""Networks that answer as trained ones do, without a training: their heads are whitened on the pictures."""

from __future__ import annotations

import numpy as np
import torch

from copylens.images import decode, decode_box, prepare
from copylens.networks.sscd import SSCDNetwork
from copylens.records import InputSpec
from copylens.training.building import build_network, pooled_features, whiten_projection
from copylens.training.data import PictureSource
from copylens.training.settings import TrainSettings
from copylens.training.validation import normalised


def network_for(source: PictureSource, settings: TrainSettings, *, seed: int = 0) -> SSCDNetwork:
    """A network whose scores of these pictures are spread, not all near 1; in training mode."""
    torch.manual_seed(seed)
    network = build_network(settings.network).train()
    pixels = torch.from_numpy(prepared(source, settings))
    whiten_projection(network, pooled_features(network, [normalised(pixels, settings.network)]))
    return network


def prepared(source: PictureSource, settings: TrainSettings) -> np.ndarray:
    """All pictures at the size of the export: ``(N, S, S, 3) uint8``."""
    spec = InputSpec(settings.export.size, settings.export.size)
    return np.stack(
        [prepare(decode(source.read(n), box=decode_box(spec)).pixels, spec) for n in range(len(source))]
    )
