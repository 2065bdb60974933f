"""What a recipe may say about hard negatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from copylens.errors import UsageError


@dataclass(frozen=True, kw_only=True, slots=True)
class MiningSettings:
    """Which pictures come together in a batch.

    Attributes:
        kind: ``"off"``: as the seed shuffles them; ``"neighbours"``: a picture comes with those that the network takes
            for most alike; ``"clusters"``: pictures of one cluster of descriptors come together.
        refresh_epochs: how many epochs one look at the pictures is good for.
        start_epoch: the first epoch that is composed; earlier ones are shuffled. A fresh network's neighbours mean
            little.
        share: which part of a batch is composed of look-alikes; the rest is random.
        group: look-alikes that come together.
        clusters: how many there are; 0 is one for each 4 x `group` pictures.
        size: of the pictures in pixels when the network looks at them; None takes loop.size.
        protect_threshold: pictures with at least this score are taken for copies of each other and never come into
            one batch, unless data.protect_duplicates makes them positives. None takes the threshold that the network
            would be exported with, measured on the pictures themselves.
    """

    kind: Literal["off", "neighbours", "clusters"] = "off"
    refresh_epochs: int = 1
    start_epoch: int = 0
    share: float = 0.5
    group: int = 8
    clusters: int = 0
    size: int | None = None
    protect_threshold: float | None = None

    def __post_init__(self) -> None:
        """Find what cannot be meant.

        Raises:
            UsageError: names the key and what it must be.
        """
        threshold = self.protect_threshold
        rules = [
            (self.refresh_epochs >= 1, f"mining.refresh_epochs is {self.refresh_epochs}: give at least 1"),
            (self.start_epoch >= 0, f"mining.start_epoch is {self.start_epoch}: it cannot be negative"),
            (0 < self.share <= 1, f"mining.share is {self.share:g}: give above 0, at most 1"),
            (self.group >= 2, f"mining.group is {self.group}: give at least 2"),
            (self.clusters >= 0, f"mining.clusters is {self.clusters}: it cannot be negative"),
            (self.size is None or self.size >= 32, f"mining.size is {self.size}: give at least 32 pixels"),
            (
                threshold is None or -1 <= threshold <= 1,
                f"mining.protect_threshold is {threshold}: a score lies between -1 and 1",
            ),
        ]
        for holds, message in rules:
            if not holds:
                raise UsageError(f"{message}.")
