"""A trained network in, a file of its backbone's weights out, with which another training can start."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import nn

from copylens.errors import OutputError
from copylens.reports.atomic import whole_file

BACKBONE = "backbone.safetensors"
"""In the folder of a run; what ``network.weights`` takes."""


def write_backbone(backbone: nn.Module, path: Path) -> None:
    """Write the weights and buffers under the backbone's own names, whole or not at all.

    Args:
        backbone: on any device; it stays as it is.
        path: an older file is replaced.

    Raises:
        OutputError: the file cannot be written.
    """
    # Copies, since the format takes no tensors that share memory or lie in another order.
    state = {name: value.detach().cpu().clone().contiguous() for name, value in backbone.state_dict().items()}
    with whole_file(path) as partial:
        try:
            save_file(state, partial)
        except SafetensorError as error:  # what it makes of a full disk
            raise OutputError(f"{path} cannot be written: {error}.") from error
