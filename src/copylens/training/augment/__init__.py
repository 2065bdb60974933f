"""Pictures in, augmented views out (`Augmenter`); what a recipe may set; a sheet to look at."""

from __future__ import annotations

from copylens.training.augment.augmenter import Augmented, Augmenter
from copylens.training.augment.geometry import view_grid
from copylens.training.augment.preview import contact_sheet
from copylens.training.augment.settings import OPERATORS, PRESETS, RANGES, AugmentSettings

__all__ = [
    "OPERATORS",
    "PRESETS",
    "RANGES",
    "AugmentSettings",
    "Augmented",
    "Augmenter",
    "contact_sheet",
    "view_grid",
]
