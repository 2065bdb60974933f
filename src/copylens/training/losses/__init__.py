"""Descriptors of a batch and the pictures they show in, numbers to minimise out; ``docs/math.md`` has the equations."""

from copylens.training.losses.nt_xent import nt_xent_loss
from copylens.training.losses.parts import LossParts
from copylens.training.losses.sscd import sscd_loss

__all__ = ["LossParts", "nt_xent_loss", "sscd_loss"]
