"""Descriptors in; each one's nearest others, and the pairs so alike that they must be copies, out.

Shapes: K pictures, D dimensions, k neighbours, P pairs. Exact, by blocks of matrix products on the device of the rows;
memory is one block of scores beside the answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from copylens.errors import TooManyMatchesError

Ints = npt.NDArray[np.int64]

ROWS, COLUMNS = 1024, 16384
"""Of a block of scores, 64 MiB."""

PAIRS_EACH = 16
"""Pairs for each picture, on average, from which a network is said to take everything for copies."""


@dataclass(frozen=True, slots=True)
class Described:
    """What the network says of the pictures.

    Attributes:
        rows: ``(K, D) float32`` of length 1; of pictures that cannot be decoded, zeros.
        sound: ``(K,) bool``: which could be decoded.
        groups: ``(K,) int64``: two pictures of one group are positives of each other wherever they meet.
    """

    rows: torch.Tensor
    sound: torch.Tensor
    groups: torch.Tensor


@dataclass(frozen=True, slots=True)
class Alike:
    """Who is like whom.

    Attributes:
        neighbours: ``(K, k) int64``, best first: the nearest others that are neither copies nor positives; -1 where
            there are no more.
        copies: ``(P, 2) int64``, first < second, sorted: pairs that reach the threshold and are no positives.
    """

    neighbours: Ints
    copies: Ints


def look(described: Described, *, threshold: float, count: int) -> Alike:
    """Compare all with all.

    Args:
        described: the pictures.
        threshold: score from which two of them are copies.
        count: k, may be 0.

    Raises:
        TooManyMatchesError: more than `PAIRS_EACH` x K copies.
    """
    rows, total = described.rows, len(described.rows)
    neighbours = np.full((total, count), -1, np.int64)
    pairs = [np.empty((0, 2), np.int64)]
    found = 0
    for start in range(0, total, ROWS):
        stop = min(start + ROWS, total)
        scores = rows.new_full((stop - start, count), -torch.inf)
        best = torch.full((stop - start, count), -1, device=rows.device)
        for left in range(0, total, COLUMNS):
            block, copies = _block(described, start, stop, left, threshold)
            pairs.append(copies)
            found += len(copies)
            if found > PAIRS_EACH * total:
                raise TooManyMatchesError(
                    f"More than {PAIRS_EACH * total:,} pairs of {total:,} pictures score {threshold:.3f} or more."
                )
            scores, best = _better(scores, best, block, left)
        known = torch.where(torch.isfinite(scores), best, -1)
        neighbours[start:stop] = known.cpu().numpy()
    copies = np.concatenate(pairs)
    return Alike(neighbours, copies[np.lexsort((copies[:, 1], copies[:, 0]))])


def nearest_score(described: Described, batches: Ints, *, threshold: float) -> float | None:
    """The mean, over pictures, of the highest score with another of the batch that is neither copy nor positive.

    Args:
        described: the pictures.
        batches: ``(n, G) int64``, positions of the pictures of n batches.
        threshold: score from which two pictures are copies.

    Returns:
        A score, None where no picture has such another.
    """
    highest = []
    for batch in torch.from_numpy(batches).to(described.rows.device):
        rows, groups, sound = described.rows[batch], described.groups[batch], described.sound[batch]
        scores = rows @ rows.T
        allowed = (groups[:, None] != groups[None, :]) & sound[:, None] & sound[None, :]
        best = scores.masked_fill(~(allowed & (scores < threshold)), -torch.inf).amax(dim=1)
        highest.append(best[torch.isfinite(best)])
    found = torch.cat(highest) if highest else described.rows.new_empty(0)
    return float(found.mean()) if len(found) else None


def _block(
    described: Described, start: int, stop: int, left: int, threshold: float
) -> tuple[torch.Tensor, Ints]:
    """Scores of a block of rows with a block of columns, -inf for what is no negative; and the copies in it."""
    right = min(left + COLUMNS, len(described.rows))
    scores = described.rows[start:stop] @ described.rows[left:right].T
    row = torch.arange(start, stop, device=scores.device)[:, None]
    column = torch.arange(left, right, device=scores.device)[None, :]
    sound = described.sound[start:stop, None] & described.sound[None, left:right]
    apart = sound & (described.groups[start:stop, None] != described.groups[None, left:right])
    copies = apart & (scores >= threshold)
    pairs = (copies & (row < column)).nonzero().cpu().numpy() + np.array([start, left])
    # A picture is in one group with itself.
    return scores.masked_fill(~apart | copies, -torch.inf), pairs


def _better(
    scores: torch.Tensor, best: torch.Tensor, block: torch.Tensor, left: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Merge what was best so far with a further block; of equal scores the first stays first."""
    count = scores.shape[1]
    fresh = block.topk(min(count, block.shape[1]), dim=1)
    together = torch.cat([scores, fresh.values], dim=1)
    numbers = torch.cat([best, fresh.indices + left], dim=1)
    order = together.argsort(dim=1, descending=True, stable=True)[:, :count]
    return together.gather(1, order), numbers.gather(1, order)
