"""Folders, lists, shards and tables in, batches of decoded pictures out; near-duplicates among them found."""

from copylens.training.data.loader import PictureLoader
from copylens.training.data.opening import open_pictures
from copylens.training.data.protecting import Protected, protect
from copylens.training.data.settings import DataSettings
from copylens.training.data.sources import PictureSource

__all__ = ["DataSettings", "PictureLoader", "PictureSource", "Protected", "open_pictures", "protect"]
