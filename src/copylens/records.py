"""The nouns that cross between rooms, as frozen dataclasses; no behaviour, no I/O, NumPy at most.

Shapes: N = number of images, D = dimensions of a descriptor. A descriptor is an L2-normalised float32 vector; a
score is the inner product of two of them, higher is more alike, and a match is ``score >= threshold``.
Paths are ``str`` as ``os.fsdecode`` gives them, so undecodable names survive as surrogate escapes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Pixels: TypeAlias = npt.NDArray[np.uint8]
"""Upright RGB pixels, ``(H, W, 3) uint8``."""

Descriptors: TypeAlias = npt.NDArray[np.float32]
"""``(N, D) float32``, C-contiguous, rows L2-normalised."""

CopyKind: TypeAlias = Literal["bytes", "pixels", "near"]
"""How a copy equals its keeper: the same bytes, the same upright pixels, or alike by score."""

GroupKind: TypeAlias = Literal["exact", "near", "parts"]
"""``exact`` when every member is a byte or pixel copy of the keeper; ``parts`` when there are no members, only pictures
that hold the keeper or are parts of it."""

Relation: TypeAlias = Literal["holds", "part"]
"""How a picture stands to a group's keeper: it holds the keeper in a part of it, or it is a part of the keeper."""

SKIP_CODES: dict[str, str] = {
    "empty": "the file has no bytes",
    "not-an-image": "no decoder knows the content",
    "truncated": "the file ends before the picture does",
    "corrupt": "the decoder found damaged data",
    "too-large": "more pixels or bytes than the limit (decompression bomb guard)",
    "too-small": "the picture has no usable area",
    "permission": "the system does not let us read it",
    "vanished": "the file was there when the folder was read, and is not any more",
    "changed": "the file changed while it was read",
    "directory": "a folder with an image's suffix",
    "special-file": "a pipe, socket or device",
    "unsupported": "a known format that this installation cannot decode",
    "symlink-loop": "a symbolic link that leads back to a folder above it, or nowhere",
    "path-too-long": "the system refuses a path of this length",
    "io-error": "the system failed to read it",
}
"""Stable codes of `Skipped`, with their meanings."""

RETRIED_CODES = frozenset({"permission", "vanished", "changed", "io-error", "unsupported", "path-too-long"})
"""Codes whose cause is not the content: the next scan tries these files again although they look unchanged."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A candidate file as the walk of the folder saw it.

    Attributes:
        path: as given by the user, joined with the walk's names.
        size: bytes.
        mtime_ns: modification time, nanoseconds since the epoch.
    """

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was not described, with the reason; a result, never only a log line."""

    path: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What decoding learned of a content, whichever path it lies under.

    Attributes:
        width, height: pixels of the upright picture at full size.
        format: Pillow's format name, e.g. ``"JPEG"``.
    """

    width: int
    height: int
    format: str


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """One image file: a path, and the content under it.

    Attributes:
        path: the file.
        size: bytes.
        mtime_ns: modification time, nanoseconds since the epoch.
        width, height: pixels of the upright picture at full size.
        format: Pillow's format name, e.g. ``"JPEG"``.
        content_hash: hex digest of the bytes; two paths of equal bytes are two images with one content.
    """

    path: str
    size: int
    mtime_ns: int
    width: int
    height: int
    format: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a model package wants as pixels.

    Attributes:
        height, width: of the array that enters the network.
        resize: ``"squash"`` scales to exactly (height, width) and ignores the aspect ratio; ``"crop"`` scales the
            short side to fit, keeps the aspect ratio and cuts the centre; ``"pad"`` scales the long side to fit and
            fills the rest with white.
        interpolation: the resampling filter of the final resize.
        dtype: ``"uint8"``: ``(N, H, W, 3)``; ``"float32"``: ``(N, 3, H, W)`` in [0, 1]. Mean and deviation are always
            inside the graph.
    """

    height: int
    width: int
    resize: Literal["squash", "crop", "pad"] = "squash"
    interpolation: Literal["bilinear", "bicubic", "lanczos", "box"] = "bilinear"
    dtype: Literal["uint8", "float32"] = "uint8"


Turn: TypeAlias = Literal["none", "hflip", "vflip", "rot90", "rot180", "rot270"]
"""What is done to a view after it was cut out; rotations are anticlockwise."""


@dataclass(frozen=True, slots=True)
class View:
    """A part of an upright picture, which may be turned, that is described beside the whole.

    Attributes:
        left, top, right, bottom: its box in fractions of the picture's sides, 0 to 1.
        turn: mirrored or rotated after it was cut out.
    """

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0
    turn: Turn = "none"


INSETS = tuple(View(at, at, at, at) for at in (number / 8 for number in range(8)))
"""Stand for the pictures that are found inside another one, the surest first: their boxes differ from picture to
picture, and mostly fewer are found. No part of a picture is that small."""

INSET_FINDER = "inset-2"
"""Which finder finds them; what another one did not find is looked for anew."""

INSET_KEYS = tuple(f"{INSET_FINDER}.{number}" for number in range(1, len(INSETS) + 1))
"""What a catalog calls them."""

ViewSide: TypeAlias = Literal["query", "reference", "keeper", "copy", "other", "first", "second"]


@dataclass(frozen=True, slots=True)
class MatchedView:
    """The view of one picture that matched the whole of the other better than the two wholes match.

    Attributes:
        side: whose view it is: of the query or the reference of a match; of the keeper, a copy or a related picture
            (``"other"``) of a group; of the first or the second of two pictures.
        view: which part.
    """

    side: ViewSide
    view: View


@dataclass(frozen=True, slots=True)
class Match:
    """A query and a reference whose score reaches the threshold.

    In a scan of one collection the query is the path that sorts later in keep order; direction carries no meaning.
    `view` is None where the two whole pictures matched.
    """

    query: str
    reference: str
    score: float
    kind: CopyKind = "near"
    view: MatchedView | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A copy inside a group: its score against the keeper, how it equals the keeper, and which view showed it."""

    path: str
    score: float
    kind: CopyKind
    view: MatchedView | None = None


@dataclass(frozen=True, slots=True)
class Related:
    """A picture that shares a part with a group's keeper: one of the two holds the other. It is not to be removed.

    Attributes:
        path: the picture.
        score: of the part and the whole, less the penalty of views.
        relation: ``"holds"`` when the keeper lies in a part of it, ``"part"`` when it is a part of the keeper.
        view: which part, and whose: of ``"other"`` where it holds the keeper, else of ``"keeper"``.
        pixels: how many pixels the part has for each pixel of the picture that lies in it; above 0.
    """

    path: str
    score: float
    relation: Relation
    view: MatchedView
    pixels: float


@dataclass(frozen=True, slots=True)
class Group:
    """Copies of one image, and what holds it or is a part of it. All match the keeper directly: there are no chains.

    Attributes:
        kind: ``"exact"`` when every member is a byte or pixel copy, ``"parts"`` without members, else ``"near"``.
        keeper: path of the image to keep (in ``--against``, the known image).
        members: its copies, best score first, then by path. They hold nothing that the keeper does not show.
        related: pictures that share a part with it, best score first, then by path. They are no copies.
        because: why it is the keeper: the keep rule that decided, ``"name"`` where all rules were equal,
            ``"part"`` where it has more pixels of what is shared with `related`, or ``"known"``.
    """

    kind: GroupKind
    keeper: str
    members: tuple[Member, ...]
    related: tuple[Related, ...] = ()
    because: str = ""


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model made the descriptors: its name, and the fingerprint of weights, pre- and post-processing."""

    name: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class ScanTiming:
    """How a scan went.

    Attributes:
        seconds: wall time of the whole scan.
        described: images that went through the network in this scan.
        reused: images whose descriptor was already in the catalog.
        images_per_second: described / seconds spent describing; 0.0 when nothing was described.
    """

    seconds: float
    described: int
    reused: int
    images_per_second: float


@dataclass(frozen=True)
class Findings:
    """All that a scan found; what every report is written from.

    Attributes:
        model: which model made the descriptors.
        threshold: matches have ``score >= threshold``.
        roots: the folders or files that were scanned.
        against: the folders of known images, empty for a scan within one collection.
        keep: the ordered keep rules.
        groups: by descending reclaimable bytes, then by keeper's path.
        matches: every pair found, by query, then descending score, then reference.
        skipped: by path.
        images: facts by path, for every image that was described.
        timing: counts and seconds.
        views: the name of the set of views that described each picture.
        expected_false: so many pairs of unrelated images are expected to reach the threshold, by the rate that was
            measured for the model and the number of pairs that were compared; None where the threshold is the user's
            own, or nobody measured.
    """

    model: ModelIdentity
    threshold: float
    roots: tuple[str, ...]
    against: tuple[str, ...]
    keep: tuple[str, ...]
    groups: tuple[Group, ...]
    matches: tuple[Match, ...]
    skipped: tuple[Skipped, ...]
    images: dict[str, ImageFacts] = field(repr=False)
    timing: ScanTiming
    views: str = "fast"
    expected_false: float | None = None
