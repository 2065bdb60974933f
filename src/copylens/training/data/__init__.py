"""Folders, lists, shards and tables in, batches of decoded pictures out; near-duplicates among them found.

What needs PyTorch, the loader and the search for near-duplicates, is imported from its module: processes that only
decode import this package without it.
"""

from copylens.training.data.opening import open_pictures
from copylens.training.data.settings import DataSettings
from copylens.training.data.sources import PictureSource

__all__ = ["DataSettings", "PictureSource", "open_pictures"]
