"""A folder of strange and broken files, and the truth about each: `build` writes it and returns that."""

# The scanner's paths are text, and some of these are longer than a Path's methods can reach.
# ruff: noqa: PTH102, PTH118, PTH120, PTH211
from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from strange_pictures import Outcome, Refused, Shown, broken, encode, picture, sound

LONG_PATH = 4000
TOO_LONG_PATH = 5000
SYSTEM_LIMIT = 4095
"""The longest path, in bytes, that Linux takes."""


@dataclass
class StrangeFolder:
    """Where the files lie, and the truth about them.

    Attributes:
        root: the folder to scan.
        expected: what must become of each path, file or folder, that has to be reported.
        silent: paths that must not be reported, since nobody asked for them.
    """

    root: str
    expected: dict[str, Outcome] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)

    def path(self, *parts: str) -> str:
        return os.path.join(self.root, *parts)


def build(folder: Path) -> StrangeFolder:
    """Write the folder below `folder`; needs a Linux file system."""
    strange = StrangeFolder(str(folder / "scanned"))
    os.mkdir(strange.root)
    _write_pictures(strange)
    _write_special(strange)
    _write_links(strange, folder / "elsewhere")
    _write_unasked(strange)
    for name, length in (("long", LONG_PATH), ("too-long", TOO_LONG_PATH)):
        start = strange.path(name)
        os.mkdir(start)
        path = write_deep(start, length, encode(picture(), "PNG"))
        if length <= SYSTEM_LIMIT:
            strange.expected[path] = Shown()
        else:
            strange.expected[first_refused(path)] = Refused("path-too-long", "refuses")
            strange.silent.add(path)
    return strange


def write_deep(start: str, length: int, data: bytes) -> str:
    """Write a picture whose path has exactly `length` characters, however many the system takes at once."""
    name, step = "p.png", 200
    folders: list[str] = []
    rest = length - len(start) - len(name) - 1
    while rest > 2 * step:
        folders.append("d" * (step - 1))
        rest -= step
    folders += ["d" * (rest // 2 - 1), "d" * (rest - rest // 2 - 1)]
    at = os.open(start, os.O_RDONLY)
    for folder in folders:
        os.mkdir(folder, dir_fd=at)
        inner = os.open(folder, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    with open(os.open(name, os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=at), "wb") as file:
        file.write(data)
    os.close(at)
    path = os.path.join(start, *folders, name)
    assert len(path) == length
    return path


def first_refused(path: str) -> str:
    """The shortest leading part of a path, cut between names, that is too long for the system."""
    refused = path
    while len(os.path.dirname(refused)) > SYSTEM_LIMIT:
        refused = os.path.dirname(refused)
    return refused


def _write(path: str, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)


def _write_pictures(strange: StrangeFolder) -> None:
    for folder, cases in (("sound", sound()), ("broken", broken())):
        os.mkdir(strange.path(folder))
        for name, data, outcome in cases:
            path = strange.path(folder, name)
            assert path not in strange.expected, name
            _write(path, data)
            strange.expected[path] = outcome


def _write_special(strange: StrangeFolder) -> None:
    os.mkfifo(strange.path("pipe.jpg"))
    strange.expected[strange.path("pipe.jpg")] = Refused("special-file", "pipe")
    os.mknod(strange.path("socket.png"), stat.S_IFSOCK | 0o600)
    strange.expected[strange.path("socket.png")] = Refused("special-file", "socket")
    os.mkdir(strange.path("holiday.jpg"))
    strange.expected[strange.path("holiday.jpg")] = Refused("directory", "folder")
    _write(strange.path("holiday.jpg", "inside.png"), encode(picture(), "PNG"))
    strange.expected[strange.path("holiday.jpg", "inside.png")] = Shown()


def _write_links(strange: StrangeFolder, elsewhere: Path) -> None:
    album = elsewhere / "album"
    album.mkdir(parents=True)
    for path in (elsewhere / "single.png", album / "one.png"):
        path.write_bytes(encode(picture(), "PNG"))
    os.symlink(elsewhere / "single.png", strange.path("link-to-single.png"))
    strange.expected[strange.path("link-to-single.png")] = Shown()
    os.symlink(album, strange.path("link-to-album"))
    strange.expected[strange.path("link-to-album", "one.png")] = Shown()
    os.symlink("nowhere.jpg", strange.path("dangling.jpg"))
    strange.expected[strange.path("dangling.jpg")] = Refused("symlink-loop", "nowhere")
    os.symlink("itself.png", strange.path("itself.png"))
    strange.expected[strange.path("itself.png")] = Refused("symlink-loop", "nowhere")
    os.symlink("..", strange.path("sound", "back-to-the-top"))
    strange.expected[strange.path("sound", "back-to-the-top")] = Refused("symlink-loop", "above")
    # A second way to what is found anyway is no second image.
    os.symlink("sound/plain.png", strange.path("link-to-plain.png"))
    os.symlink("sound", strange.path("link-to-sound"))
    strange.silent |= {strange.path("link-to-plain.png"), strange.path("link-to-sound")}


def _write_unasked(strange: StrangeFolder) -> None:
    os.mkdir(strange.path(".cache"))
    for parts in ((".cache", "hidden.png"), (".hidden.png",), ("notes.txt",), ("no-suffix",)):
        _write(strange.path(*parts), encode(picture(), "PNG"))
        strange.silent.add(strange.path(*parts))
