"""Roots in, candidate files out: the walk that finds every image once and says what it could not enter."""

from __future__ import annotations

import errno
import fnmatch
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from copylens.errors import UsageError
from copylens.records import FoundFile, Skipped

IMAGE_EXTENSIONS = frozenset(
    "jpg jpeg jpe jfif mpo png apng webp avif avifs gif bmp dib tif tiff jp2 j2k j2c jpc jpf jpx "
    "heic heics heif heifs hif".split()
)
"""Suffixes, lower case and without a dot, of the formats that `decode` reads."""


def parse_extensions(text: str) -> frozenset[str]:
    """Suffixes from ``"jpg, .PNG"``: lower case, without dots.

    Raises:
        UsageError: nothing is left, or a suffix holds a path separator.
    """
    names = frozenset(part.strip().lstrip(".").lower() for part in text.split(",")) - {""}
    if not names or any("/" in name or os.sep in name for name in names):
        raise UsageError(f"--extensions {text!r}: give suffixes separated by commas, for example jpg,png.")
    return names


def find_images(
    roots: Sequence[str],
    *,
    extensions: frozenset[str] = IMAGE_EXTENSIONS,
    exclude: Sequence[str] = (),
    hidden: bool = False,
) -> Iterator[FoundFile | Skipped]:
    """Walk `roots` and yield each candidate file once, by name within each folder.

    Links are followed, real folders first: a link to what the walk finds anyway is not a second image, and a link back
    to a folder above it is a `Skipped`. A folder with an image's suffix is walked, and listed so that nobody wonders.
    Needs memory for the identity of each folder, not of each file.

    Args:
        roots: folders to walk, or files (taken whatever their suffix).
        extensions: suffixes to take, lower case and without a dot.
        exclude: glob patterns; a file or folder is left out when its name or its path below the root matches.
        hidden: take names that start with a dot too.

    Raises:
        UsageError: a root does not exist.
    """
    for root in roots:
        if not os.path.lexists(root):
            raise UsageError(f"{root}: no such file or folder.")
    walk = _Walk(extensions, _matcher(exclude), hidden)
    for root in roots:
        yield from walk.enter_root(root)
    yield from walk.follow_links()


def _matcher(patterns: Sequence[str]) -> Callable[[str, str], bool]:
    """A test of (name, path below the root) against glob patterns; ``**`` matches like ``*``, across folders."""
    expressions = [re.compile(fnmatch.translate(pattern.rstrip("/"))) for pattern in patterns]
    return lambda name, below: any(e.match(name) or e.match(below) for e in expressions)


@dataclass
class _Walk:
    extensions: frozenset[str]
    excluded: Callable[[str, str], bool]
    hidden: bool
    folders: set[tuple[int, int]] = field(default_factory=set)
    root_files: set[str] = field(default_factory=set)
    links: list[tuple[str, str]] = field(default_factory=list)

    def enter_root(self, root: str) -> Iterator[FoundFile | Skipped]:
        if os.path.isdir(root):
            yield from self._walk(root, "")
        elif os.path.abspath(root) not in self.root_files:
            self.root_files.add(os.path.abspath(root))
            yield _found(root, os.stat)

    def follow_links(self) -> Iterator[FoundFile | Skipped]:
        """Links come last, so that a file keeps its real path when it is reachable by both."""
        while self.links:
            path, below = self.links.pop(0)
            yield from self._follow(path, below)

    def _follow(self, path: str, below: str) -> Iterator[FoundFile | Skipped]:
        try:
            target = os.stat(path)
        except OSError as error:
            if self._wanted(path) or error.errno == errno.ELOOP:
                yield Skipped(path, "symlink-loop", "a symbolic link that leads nowhere")
            return
        if stat.S_ISDIR(target.st_mode):
            real, parent = os.path.realpath(path), os.path.dirname(os.path.realpath(path[: path.rfind(os.sep)] or "."))
            above = os.path.realpath(os.path.dirname(path) or ".")
            if (target.st_dev, target.st_ino) not in self.folders:
                yield from self._walk(path, below)
            elif os.path.commonpath([real, above]) == real or parent == real:
                yield Skipped(path, "symlink-loop", "a symbolic link back to a folder above it")
        elif self._wanted(path) and not self._already_walked(path):
            yield _found(path, os.stat)

    def _already_walked(self, link: str) -> bool:
        folder = os.stat(os.path.dirname(os.path.realpath(link)))
        return (folder.st_dev, folder.st_ino) in self.folders and self._wanted(os.path.realpath(link))

    def _walk(self, top: str, below_top: str) -> Iterator[FoundFile | Skipped]:
        stack = [(top, below_top)]
        while stack:
            folder, below = stack.pop()
            try:
                identity = os.stat(folder)
                if (identity.st_dev, identity.st_ino) in self.folders:
                    continue
                self.folders.add((identity.st_dev, identity.st_ino))
                with os.scandir(folder) as entries:
                    names = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                yield _unreadable(folder, error)
                continue
            inner = []
            for entry in names:
                relative = f"{below}/{entry.name}" if below else entry.name
                if (entry.name.startswith(".") and not self.hidden) or self.excluded(entry.name, relative):
                    continue
                if entry.is_symlink():
                    self.links.append((entry.path, relative))
                elif entry.is_dir(follow_symlinks=False):
                    inner.append((entry.path, relative))
                    if self._wanted(entry.name):
                        yield Skipped(entry.path, "directory", "a folder with an image's suffix; its files are taken")
                elif self._wanted(entry.name):
                    yield _found(entry.path, lambda _, e=entry: e.stat(follow_symlinks=False))
            stack.extend(reversed(inner))

    def _wanted(self, name: str) -> bool:
        return os.path.splitext(name)[1][1:].lower() in self.extensions


def _found(path: str, status: Callable[[str], os.stat_result]) -> FoundFile | Skipped:
    try:
        info = status(path)
    except OSError as error:
        return _unreadable(path, error)
    if not stat.S_ISREG(info.st_mode):
        return Skipped(path, "special-file", "a pipe, socket or device, not a file")
    return FoundFile(path, info.st_size, info.st_mtime_ns)


def _unreadable(path: str, error: OSError) -> Skipped:
    if isinstance(error, PermissionError):
        return Skipped(path, "permission", "no permission to read it")
    if isinstance(error, FileNotFoundError):
        return Skipped(path, "vanished", "it disappeared while the folder was read")
    if error.errno == errno.ENAMETOOLONG:
        return Skipped(path, "path-too-long", "the system refuses a path of this length")
    return Skipped(path, "io-error", f"the system could not read it: {error.strerror or error}")
