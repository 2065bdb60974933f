"""Raw descriptors in, better ones out: centring, PCA whitening, and the threshold that calibration gives."""

from copylens.postprocess.calibration import false_match_threshold
from copylens.postprocess.whitening import PCAWhitening, l2_normalised

__all__ = ["PCAWhitening", "false_match_threshold", "l2_normalised"]
