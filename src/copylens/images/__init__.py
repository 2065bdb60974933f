"""Files in, upright RGB pixels out: find, read, decode, prepare, load in threads, thumbnail."""

from copylens.images.decoding import MAX_PIXELS, Decoded, decode, pixel_hash, upright_rgb
from copylens.images.discovery import IMAGE_EXTENSIONS, find_images, parse_extensions
from copylens.images.loading import Loaded, load, no_views
from copylens.images.preprocessing import decode_box, prepare
from copylens.images.reading import MAX_BYTES, content_hash, read_file, read_found
from copylens.images.thumbnails import thumbnail, thumbnail_of
from copylens.images.views import VIEW_SETS, InsetFinder, Prepared, cut, pixel_box, prepare_views, view_key

__all__ = [
    "IMAGE_EXTENSIONS",
    "MAX_BYTES",
    "MAX_PIXELS",
    "VIEW_SETS",
    "Decoded",
    "InsetFinder",
    "Loaded",
    "Prepared",
    "content_hash",
    "cut",
    "decode",
    "decode_box",
    "find_images",
    "load",
    "no_views",
    "parse_extensions",
    "pixel_box",
    "pixel_hash",
    "prepare",
    "prepare_views",
    "read_file",
    "read_found",
    "thumbnail",
    "thumbnail_of",
    "upright_rgb",
    "view_key",
]
