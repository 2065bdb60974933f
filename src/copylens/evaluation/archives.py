"""A .npz file in, its plain arrays out; whatever is wrong with the file is one of two errors."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


@contextmanager
def plain_arrays(path: str | os.PathLike[str]) -> Iterator[Mapping[str, npt.NDArray[Any]]]:
    """Open an archive; an array is read when it is asked for.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no archive of plain arrays, is damaged, or lacks the array that was asked for.
    """
    # Opened here, since NumPy leaves the file open when it is no archive.
    with Path(path).open("rb") as file:
        try:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError(f"{path} is one array, not an archive")
            yield archive
        except (KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"{path}: {error}") from error
