"""The bytes of a picture in, a square canvas of fixed size and the picture's aspect out.

Shapes: S is the side of the canvas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from copylens.images import decode

Canvas: TypeAlias = npt.NDArray[np.uint8]
CHANNELS = 3


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture on its canvas.

    Attributes:
        pixels: ``(3, S, S) uint8``.
        aspect: width / height of the picture.
    """

    pixels: Canvas
    aspect: float


def draw(data: bytes, side: int) -> Drawn:
    """Decode a picture at about the size that is needed, and stretch it to the canvas with antialiasing.

    Raises:
        ImageError: it cannot be decoded.
    """
    decoded = decode(data, box=(side, side))
    image = Image.fromarray(decoded.pixels)
    if image.size != (side, side):
        image = image.resize((side, side), Image.Resampling.BICUBIC)
    return Drawn(np.asarray(image).transpose(2, 0, 1), decoded.facts.width / decoded.facts.height)
