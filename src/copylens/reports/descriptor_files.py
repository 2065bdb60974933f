"""Paths and descriptors in, a .npz or .parquet file out."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from copylens.records import Descriptors, ModelIdentity
from copylens.reports.atomic import check_writable, whole_file
from copylens.reports.wording import readable
from copylens.reports.writers import import_pyarrow

SUFFIXES = (".npz", ".parquet")


def check_descriptor_output(path: str | os.PathLike[str]) -> None:
    """Refuse a descriptor file that could not be written, before the work starts.

    Raises:
        UsageError: an unknown suffix, no such folder, or a folder of that name.
        MissingExtraError: .parquet without pyarrow.
    """
    if check_writable(path, SUFFIXES) == ".parquet":
        import_pyarrow()


def write_descriptors(
    path: str | os.PathLike[str], *, paths: Sequence[str], descriptors: Descriptors, model: ModelIdentity
) -> None:
    r"""Write N paths with their descriptors.

    .npz holds ``paths`` (N,) str, ``descriptors`` (N, D) float32, ``model`` and ``fingerprint``; it loads
    without pickle. .parquet holds the columns ``path`` and ``descriptor`` (a list of D float32), model and
    fingerprint in the schema's metadata. Undecodable bytes of a path become ``\xNN``.

    Raises:
        UsageError, MissingExtraError: as `check_descriptor_output`.
        OutputError: the file cannot be written; nothing half-written stays.
    """
    check_descriptor_output(path)
    names = [readable(name) for name in paths]
    with whole_file(path) as partial:
        if partial.suffix.lower() == ".npz":
            np.savez(
                partial,
                paths=np.array(names, dtype=np.str_),
                descriptors=descriptors,
                model=np.array(model.name),
                fingerprint=np.array(model.fingerprint),
            )
            return
        pyarrow = import_pyarrow()
        vectors = pyarrow.FixedSizeListArray.from_arrays(descriptors.reshape(-1), descriptors.shape[1])
        facts = {"model": model.name, "fingerprint": model.fingerprint}
        table = pyarrow.table({"path": pyarrow.array(names, pyarrow.string()), "descriptor": vectors})
        pyarrow.parquet.write_table(table.replace_schema_metadata(facts), partial)
