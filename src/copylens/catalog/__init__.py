"""Files, contents, descriptors and skipped files in one SQLite file: the only state."""

from copylens.catalog.files import CatalogImage, NewContent, Partition, SameContent, SkippedFile
from copylens.catalog.store import Catalog

__all__ = ["Catalog", "CatalogImage", "NewContent", "Partition", "SameContent", "SkippedFile"]
