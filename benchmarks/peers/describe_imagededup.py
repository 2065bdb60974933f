"""Writes imagededup's perceptual hashes as descriptors, so that `copylens evaluate` can judge them.

Crosses in: folders of pictures, a method (``phash``, ``dhash``, ``whash``, ``ahash``), a file to write. Crosses out:
that ``.npz``, with ``paths`` and ``descriptors`` (N, bits) float32: every bit as +1 or -1 over the root of their
number, so that the inner product is 1 - 2 x distance / bits and ranks pairs as the Hamming distance does.

    python benchmarks/peers/describe_imagededup.py phash OUT.npz FOLDER...
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

NAMES = {"phash": "PHash", "dhash": "DHash", "whash": "WHash", "ahash": "AHash"}


def main() -> None:
    """Hash, and write what came out."""
    from imagededup import methods

    method, out, *folders = sys.argv[1:]
    encoder: Any = getattr(methods, NAMES[method])(verbose=False)
    paths, rows = [], []
    for folder in folders:
        for path in sorted(Path(folder).rglob("*")):
            digest = encoder.encode_image(image_file=str(path)) if path.is_file() else None
            if digest is not None:
                bits = np.unpackbits(np.frombuffer(bytes.fromhex(digest), np.uint8)).astype(np.float32)
                paths.append(str(path))
                rows.append((2 * bits - 1) / np.sqrt(len(bits)))
    np.savez(out, paths=np.array(paths), descriptors=np.stack(rows).astype(np.float32))
    print(f"{len(paths)} pictures, {rows[0].size} bits: {out}")


if __name__ == "__main__":
    main()
