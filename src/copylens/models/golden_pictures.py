"""The bundled pictures in, a model's golden descriptors of them out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib.resources import files
from typing import TypeAlias

import numpy as np
from PIL import Image

from copylens.errors import ModelError
from copylens.models.card import Golden
from copylens.models.engines.base import PixelBatch
from copylens.models.package import ModelPackage, update_card
from copylens.records import Descriptors, InputSpec, Pixels

Describe: TypeAlias = Callable[[PixelBatch], Descriptors]
"""``(N, ...)`` prepared pixels to ``(N, D) float32``; `Engine.describe`."""

Prepare: TypeAlias = Callable[[Pixels, InputSpec], PixelBatch]
"""One picture ``(H, W, 3) uint8`` to what enters the network, without the batch axis; `images.prepare`."""


def golden_pictures() -> dict[str, Pixels]:
    """Read the bundled pictures: file name to ``(160, 160, 3) uint8``, sorted by name."""
    folder = files("copylens.models") / "golden"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".png"))
    return {name: _pixels(name) for name in names}


def read_golden_picture(name: str) -> Pixels:
    """Read one bundled picture.

    Raises:
        ModelError: this installation has no such picture.
    """
    try:
        return _pixels(name)
    except FileNotFoundError as error:
        raise ModelError(
            f"This CopyLens has no golden picture {name!r}; the package was made by another."
        ) from error


def pixels_sha256(pixels: Pixels) -> str:
    """64 hex digits of a picture's values, row by row."""
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def record_golden(package: ModelPackage, describe: Describe, prepare: Prepare) -> ModelPackage:
    """Describe the bundled pictures and write the result into the package's card.

    Args:
        package: where to.
        describe: a trusted engine's, in float32.
        prepare: how pictures are resized for the network.
    """
    golden = tuple(
        Golden(
            picture=name,
            pixels_sha256=pixels_sha256(pixels),
            descriptor=tuple(round(float(v), 6) for v in describe(prepare(pixels, package.input)[None])[0]),
        )
        for name, pixels in golden_pictures().items()
    )
    return update_card(package, golden=golden)


def _pixels(name: str) -> Pixels:
    with (files("copylens.models") / "golden" / name).open("rb") as file, Image.open(file) as image:
        return np.asarray(image.convert("RGB"))
