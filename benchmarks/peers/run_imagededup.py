"""Runs imagededup over a folder with its own defaults.

Crosses in: a folder, a method (``phash``, ``dhash``, ``whash``, ``ahash``, ``cnn``, ``cnn-untrained``), a
file to write. Crosses out: that file, with the pairs found. ``cnn`` loads ImageNet weights, which imagededup
downloads on first use. ``cnn-untrained`` is the same network with random weights, for machines that cannot
download them: its speed and memory tell something, its pairs nothing, so it reports none.

    python benchmarks/peers/run_imagededup.py FOLDER phash OUT.json
"""

from __future__ import annotations

import json
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

CNN_THRESHOLD = 0.9
HASH_THRESHOLD = 10
NOTHING = 1.0
"""The threshold for an untrained network: at 0.9 all its pairs would pass, and cost time and memory."""


def main() -> None:
    """Search, and write what was found."""
    folder, method, out = sys.argv[1:]
    if method.startswith("cnn"):
        found, threshold = search_with_network(folder, trained=method == "cnn")
    else:
        found, threshold = search_with_hash(folder, method)
    root = Path(folder)
    document = {
        "version": f"imagededup {version('imagededup')}",
        "threshold": threshold,
        "pairs": [[str(root / one), str(root / other)] for one, others in found.items() for other in others],
        "judged": method != "cnn-untrained",
    }
    if not document["judged"]:
        document["pairs"] = []
    Path(out).write_text(json.dumps(document), encoding="utf-8")


def search_with_hash(folder: str, method: str) -> tuple[dict[str, list[str]], str]:
    """Find pairs by a perceptual hash; tell the threshold in words."""
    from imagededup import methods

    names = {"phash": "PHash", "dhash": "DHash", "whash": "WHash", "ahash": "AHash"}
    encoder: Any = getattr(methods, names[method])(verbose=False)
    found: dict[str, list[str]] = encoder.find_duplicates(
        image_dir=folder, max_distance_threshold=HASH_THRESHOLD, recursive=True
    )
    return found, f"{HASH_THRESHOLD} bits"


def search_with_network(folder: str, *, trained: bool) -> tuple[dict[str, list[str]], str]:
    """Find pairs by MobileNetV3; tell the threshold in words."""
    from imagededup.methods import CNN
    from imagededup.utils import models

    if not trained:
        network = models.models.mobilenet_v3_small
        models.models.mobilenet_v3_small = lambda **_: partial(network, weights=None)()
    encoder: Any = CNN(verbose=False)
    found: dict[str, list[str]] = encoder.find_duplicates(
        image_dir=folder, min_similarity_threshold=CNN_THRESHOLD if trained else NOTHING, recursive=True
    )
    return found, str(CNN_THRESHOLD) if trained else "untrained weights, speed only"


if __name__ == "__main__":
    main()
