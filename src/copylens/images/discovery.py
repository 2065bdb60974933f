"""Roots in, candidate files out: the walk that finds every image once and says what it could not enter."""

# Paths stay the user's own text, and a walk of a million files does not build a Path for each.
# ruff: noqa: PTH112, PTH114, PTH116, PTH118, PTH119, PTH120, PTH122
from __future__ import annotations

import errno
import fnmatch
import os
import re
import stat
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from copylens.errors import UsageError
from copylens.records import FoundFile, Skipped

IMAGE_EXTENSIONS = frozenset((
    "jpg", "jpeg", "jpe", "jfif", "mpo", "png", "apng", "webp", "avif", "avifs", "gif", "bmp", "dib",
    "tif", "tiff", "jp2", "j2k", "j2c", "jpc", "jpf", "jpx", "heic", "heics", "heif", "heifs", "hif",
))  # fmt: skip
"""Suffixes, lower case and without a dot, of the formats that `decode` reads."""


def parse_extensions(text: str) -> frozenset[str]:
    """Read suffixes from ``"jpg, .PNG, *.gif"``: lower case, without dots.

    Raises:
        UsageError: nothing is left, or a suffix holds a path separator or a dot.
    """
    names = frozenset(part.strip().lstrip("*.").lower() for part in text.split(",")) - {""}
    if not names or any({"/", os.sep, "."} & set(name) for name in names):
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

    Links are followed, real folders first: a link to what the walk finds anyway is not a second image, and a
    link back to a folder above it is a `Skipped`. A folder with an image's suffix is walked, and listed so
    that nobody wonders. A path too long for the system is a `Skipped`: the file, or the folder where the walk
    had to stop.
    Needs memory for the path of each folder and each link, and for the names of one folder at a time.

    Args:
        roots: folders to walk, or files (taken whatever their suffix).
        extensions: suffixes to take, lower case and without a dot.
        exclude: glob patterns; a file or folder is left out when its name or its path below the root matches.
            ``*`` matches across folders, and a leading ``**/`` also matches nothing. Roots are taken anyway.
        hidden: take names that start with a dot too.

    Raises:
        UsageError: a root does not exist.
    """
    for root in roots:
        if not os.path.lexists(root):
            raise UsageError(f"{root}: no such file or folder.")
    walk = _Walk(extensions, _matcher(exclude), hidden)
    # Files first, so that a folder that holds them too does not list them again.
    for root in sorted(roots, key=os.path.isdir):
        yield from walk.enter_root(root)
    yield from walk.follow_links()


def _matcher(patterns: Sequence[str]) -> Callable[[str, str], bool]:
    """Make a test of (name, path below the root) against glob patterns."""
    expressions = [
        re.compile(fnmatch.translate(form))
        for pattern in patterns
        for form in {pattern.rstrip("/"), pattern.rstrip("/").removeprefix("**/")}
    ]
    return lambda name, below: any(e.match(name) or e.match(below) for e in expressions)


Identity: TypeAlias = tuple[int, int]
"""Device and inode: what a folder is, whatever path leads to it."""


@dataclass
class _Walk:
    extensions: frozenset[str]
    excluded: Callable[[str, str], bool]
    hidden: bool
    folders: dict[Identity, str] = field(default_factory=dict)
    root_files: set[tuple[Identity, str]] = field(default_factory=set)
    links: deque[tuple[str, str]] = field(default_factory=deque)
    root_links: list[str] = field(default_factory=list)

    def enter_root(self, root: str) -> Iterator[FoundFile | Skipped]:
        """Yield what lies under a root; links are put aside for `follow_links`."""
        if os.path.isdir(root):
            yield from self._walk(root, "")
            return
        try:
            key = _identity(os.stat(os.path.dirname(root) or ".")), os.path.basename(root)
        except OSError as error:
            yield _unreadable(root, error)
            return
        if key in self.root_files:
            return
        self.root_files.add(key)
        if os.path.islink(root):
            self.root_links.append(root)
        else:
            yield _found(root, os.stat)

    def follow_links(self) -> Iterator[FoundFile | Skipped]:
        """Links come last, so that a file keeps its real path when it is reachable by both."""
        while self.links:
            path, below = self.links.popleft()
            yield from self._follow(path, below)
        for root in self.root_links:
            if not self._walked_anyway(os.path.realpath(root)):
                yield _found(root, os.stat)

    def _follow(self, path: str, below: str) -> Iterator[FoundFile | Skipped]:
        try:
            target = os.stat(path)
        except OSError as error:
            # A dangling link without an image's suffix concerns nobody; behind a barred one may be a folder.
            if self._wanted(path) or not isinstance(error, FileNotFoundError):
                yield _unreadable(path, error)
            return
        if stat.S_ISDIR(target.st_mode):
            if _identity(target) not in self.folders:
                yield from self._walk(path, below)
            elif _leads_up(path):
                yield Skipped(path, "symlink-loop", "a symbolic link back to a folder above it")
        elif self._wanted(path) and not self._walked_anyway(os.path.realpath(path)):
            yield _found(path, os.stat)

    def _walked_anyway(self, real: str) -> bool:
        """Whether the walk of the real folders lists the file, too."""
        try:
            folder = _identity(os.stat(os.path.dirname(real)))
        except OSError:
            return False
        name = os.path.basename(real)
        if (folder, name) in self.root_files:
            return True
        return (
            folder in self.folders and self._wanted(name) and not self._left_out(name, self.folders[folder])
        )

    def _walk(self, top: str, below_top: str) -> Iterator[FoundFile | Skipped]:
        stack = [(top, below_top)]
        while stack:
            folder, below = stack.pop()
            try:
                identity = _identity(os.stat(folder))
                if identity in self.folders:
                    continue
                self.folders[identity] = below
                with os.scandir(folder) as entries:
                    waiting = sorted(entries, key=lambda entry: entry.name, reverse=True)
            except OSError as error:
                yield _unreadable(folder, error)
                continue
            inner: list[tuple[str, str]] = []
            # Taken off one by one: an entry keeps what it learned of its file as long as it lives.
            while waiting:
                entry = waiting.pop()
                if not self._left_out(entry.name, below) and (identity, entry.name) not in self.root_files:
                    yield from self._sort_entry(entry, _join(below, entry.name), inner)
            stack.extend(reversed(inner))

    def _sort_entry(
        self, entry: os.DirEntry[str], below: str, inner: list[tuple[str, str]]
    ) -> Iterator[FoundFile | Skipped]:
        """Files out, folders to `inner`, links to the end of the walk."""
        try:
            is_link, is_folder = entry.is_symlink(), entry.is_dir(follow_symlinks=False)
        except OSError as error:
            yield _unreadable(entry.path, error)
            return
        if is_link:
            self.links.append((entry.path, below))
        elif is_folder:
            inner.append((entry.path, below))
            if self._wanted(entry.name):
                yield Skipped(entry.path, "directory", "a folder with an image's suffix; its files are taken")
        elif self._wanted(entry.name):
            yield _found(entry.path, lambda _: entry.stat(follow_symlinks=False))

    def _left_out(self, name: str, below: str) -> bool:
        return (name.startswith(".") and not self.hidden) or self.excluded(name, _join(below, name))

    def _wanted(self, name: str) -> bool:
        return os.path.splitext(name)[1][1:].lower() in self.extensions


def _join(below: str, name: str) -> str:
    return f"{below}/{name}" if below else name


def _identity(info: os.stat_result) -> Identity:
    return info.st_dev, info.st_ino


def _leads_up(link: str) -> bool:
    """Whether a link to a folder leads to one that it lies in."""
    real, holder = os.path.realpath(link), os.path.realpath(os.path.dirname(link))
    return holder == real or holder.startswith(os.path.join(real, ""))


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
    if error.errno == errno.ELOOP or (isinstance(error, FileNotFoundError) and os.path.islink(path)):
        return Skipped(path, "symlink-loop", "a symbolic link that leads nowhere")
    if isinstance(error, FileNotFoundError):
        return Skipped(path, "vanished", "it disappeared while the folder was read")
    if error.errno == errno.ENAMETOOLONG:
        return Skipped(path, "path-too-long", "the system refuses a path of this length")
    return Skipped(path, "io-error", f"the system could not read it: {error.strerror or error}")
