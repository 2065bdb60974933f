"""Upright pixels in, the array a network wants out."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from copylens.records import InputSpec, Pixels

_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
}

OVERSAMPLING = 2
"""Scaled decoding stops at this many times the input size, so that the final filter has something to do."""


def decode_box(spec: InputSpec) -> tuple[int, int]:
    """Choose the (height, width) to decode at: `OVERSAMPLING` times what the network sees."""
    return spec.height * OVERSAMPLING, spec.width * OVERSAMPLING


def prepare(pixels: Pixels | Image.Image, spec: InputSpec) -> npt.NDArray[Any]:
    """Resize to the network's input, with an antialiasing filter.

    Args:
        pixels: ``(H, W, 3) uint8``, or an RGB image of Pillow.
        spec: what the network wants.

    Returns:
        ``(height, width, 3) uint8``, or for a float32 input ``(3, height, width) float32`` in [0, 1].
    """
    image = _resize(pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels), spec)
    array = np.asarray(image)
    if spec.dtype == "uint8":
        return array
    return np.ascontiguousarray(array.transpose(2, 0, 1), dtype=np.float32) / np.float32(255)


def _resize(image: Image.Image, spec: InputSpec) -> Image.Image:
    resample = _FILTERS[spec.interpolation]
    if spec.resize == "squash":
        return image.resize((spec.width, spec.height), resample)
    ratios = (spec.width / image.width, spec.height / image.height)
    scale = max(ratios) if spec.resize == "crop" else min(ratios)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    if spec.resize == "pad":
        canvas = Image.new("RGB", (spec.width, spec.height), "white")
        corner = ((spec.width - size[0]) // 2, (spec.height - size[1]) // 2)
        canvas.paste(image.resize(size, resample), corner)
        return canvas
    # The part that is cut away is never resized: the box says which part of the source remains.
    width, height = spec.width / scale, spec.height / scale
    left, top = max(0.0, (image.width - width) / 2), max(0.0, (image.height - height) / 2)
    box = (left, top, min(image.width, left + width), min(image.height, top + height))
    return image.resize((spec.width, spec.height), resample, box=box)
