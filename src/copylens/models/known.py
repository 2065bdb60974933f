"""Models that others publish: a name in, addresses, size, licence and threshold out."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

from copylens.errors import ModelError

_SSCD = "https://dl.fbaipublicfiles.com/sscd-copy-detection"
_SSCD_PROJECT = "https://github.com/facebookresearch/sscd-copy-detection"
_SSCD_LICENCE = "https://github.com/facebookresearch/sscd-copy-detection/issues/12"


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownModel:
    """A published model file that can be turned into a package.

    Attributes:
        name: what ``copylens models pull`` takes.
        backbone: its architecture.
        data: what it was trained on.
        dims: D.
        input_size: side of the square the package squashes pictures to, pixels.
        threshold: in [-1, 1].
        threshold_note: what the threshold rests on.
        licence: SPDX identifier.
        url: the TorchScript file.
        weights_url: the same weights as a state dict in torchvision's names; None where there is none.
        sha256: published digest of the file; None when its makers publish none.
        sources: addresses that document all this.
    """

    name: str
    backbone: Literal["resnet50", "resnext101_32x4d"]
    data: str
    dims: int
    input_size: int
    threshold: float
    threshold_note: str
    licence: str
    url: str
    weights_url: str | None
    sha256: str | None
    sources: tuple[str, ...]

    @property
    def file_name(self) -> str:
        """The last part of the address."""
        return self.url.rpartition("/")[2]


def _sscd(name: str, data: str, augmentations: str) -> KnownModel:
    large = name == "sscd_disc_large"
    measured = name == "sscd_disc_mixup"
    return KnownModel(
        name=name,
        backbone="resnext101_32x4d" if large else "resnet50",
        data=f"{data}, augmentations: {augmentations}",
        dims=1024 if large else 512,
        input_size=320,
        threshold=0.75,
        threshold_note=(
            "its makers: pairs of DISC2021 above 0.75 are copies with 90 % precision"
            if measured
            else "0.75 is the value its makers state for sscd_disc_mixup; nobody measured it for this model"
        ),
        licence="MIT",
        url=f"{_SSCD}/{name}.torchscript.pt",
        weights_url=None if large else f"{_SSCD}/{name}.torchvision.pt",
        sha256=None,
        sources=(_SSCD_PROJECT, _SSCD_LICENCE),
    )


KNOWN_MODELS: dict[str, KnownModel] = {
    model.name: model
    for model in (
        _sscd("sscd_disc_mixup", "DISC2021", "advanced and mixup"),
        _sscd("sscd_disc_large", "DISC2021", "advanced and mixup"),
        _sscd("sscd_disc_advanced", "DISC2021", "advanced"),
        _sscd("sscd_disc_blur", "DISC2021", "strong blur"),
        _sscd("sscd_imagenet_mixup", "ImageNet", "advanced and mixup"),
        _sscd("sscd_imagenet_advanced", "ImageNet", "advanced"),
        _sscd("sscd_imagenet_blur", "ImageNet", "strong blur"),
    )
}
"""By name. Meta publishes no digests of these files; `downloading.download` records what it got first."""


def find_known(name: str) -> KnownModel:
    """Look a published model up.

    Raises:
        ModelError: the name is not in `KNOWN_MODELS`; the message names the nearest and the known.
    """
    if name in KNOWN_MODELS:
        return KNOWN_MODELS[name]
    close = difflib.get_close_matches(name, KNOWN_MODELS, n=1)
    nearest = f"; did you mean {close[0]!r}?" if close else "."
    raise ModelError(f"{name!r} is not a model that can be pulled{nearest} Known: {', '.join(KNOWN_MODELS)}.")
