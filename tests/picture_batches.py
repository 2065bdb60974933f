"""Numbers in, batches of random pictures out, as the data room hands them to the augmentation."""

from __future__ import annotations

import numpy as np
import torch

from copylens.training.nouns import PictureBatch
from generated_pictures import random_picture


def picture_batch(
    count: int, *, side: int = 64, first: int = 0, aspects: list[float] | None = None
) -> PictureBatch:
    """Pictures number `first`, ... with these numbers as keys; soft colours with some grain on them."""
    squares = []
    for number in range(first, first + count):
        soft = np.asarray(random_picture(number, (side, side)), dtype=np.int16)
        grain = np.random.default_rng(number).integers(-24, 25, soft.shape)
        squares.append(np.clip(soft + grain, 0, 255).astype(np.uint8))
    shapes = aspects or [(0.6, 1.0, 1.5, 2.2)[(first + n) % 4] for n in range(count)]
    return PictureBatch(
        torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).contiguous(),
        torch.tensor(shapes),
        torch.arange(first, first + count),
    )


def rows_of(batch: PictureBatch, rows: list[int]) -> PictureBatch:
    """Some pictures of a batch, in this order."""
    return PictureBatch(batch.pixels[rows], batch.aspects[rows], batch.keys[rows])
