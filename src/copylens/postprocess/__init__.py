"""Raw descriptors in, better ones out: a chain of centring, whitening, score normalisation; and calibration."""

from copylens.postprocess.calibration import false_match_threshold
from copylens.postprocess.centring import Centring
from copylens.postprocess.chain import Chain
from copylens.postprocess.score_normalisation import ScoreNormalisation
from copylens.postprocess.unit_length import UnitLength, l2_normalised
from copylens.postprocess.view_calibration import view_thresholds
from copylens.postprocess.view_products import NO_VIEW, view_products
from copylens.postprocess.whitening import PCAWhitening

__all__ = [
    "NO_VIEW",
    "Centring",
    "Chain",
    "PCAWhitening",
    "ScoreNormalisation",
    "UnitLength",
    "false_match_threshold",
    "l2_normalised",
    "view_products",
    "view_thresholds",
]
