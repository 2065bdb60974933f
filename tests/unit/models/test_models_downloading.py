"""Downloads from a server on this machine: whole, broken off, changed, refused; and the known models."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from copylens.errors import ModelError, OutputError
from copylens.models import KNOWN_MODELS, KnownModel, download, find_known

CONTENT = bytes(range(256)) * 9000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Shelf(http.server.BaseHTTPRequestHandler):
    """Gives `content`, says it is `promised` bytes long, and counts requests."""

    content = CONTENT
    promised: int | None = None
    status = 200
    requests = 0
    port = 0

    def do_GET(self) -> None:
        type(self).requests += 1
        self.send_response(self.status)
        length = len(self.content) if self.promised is None else self.promised
        if length >= 0:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *args: Any) -> None:
        """Stay quiet."""


@pytest.fixture
def shelf() -> Iterator[type[Shelf]]:
    handler = type("OneShelf", (Shelf,), {})
    assert issubclass(handler, Shelf)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        handler.port = server.server_address[1]
        yield handler
        server.shutdown()
        thread.join()


def known_at(port: int, **changes: Any) -> KnownModel:
    url = f"http://127.0.0.1:{port}/files/net.torchscript.pt"
    return dataclasses.replace(KNOWN_MODELS["sscd_disc_mixup"], url=url, **changes)


def test_a_file_comes_whole_with_progress(shelf: Any, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    path = download(known_at(shelf.port), tmp_path / "new", progress=lambda *step: seen.append(step))
    assert path == tmp_path / "new" / "net.torchscript.pt"
    assert path.read_bytes() == CONTENT
    assert [total for _, total in seen] == [len(CONTENT)] * len(seen)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1][0] == len(CONTENT)
    assert not list(path.parent.glob("*.part"))


def test_a_server_that_says_no_length_is_read_to_its_end(shelf: Any, tmp_path: Path) -> None:
    shelf.promised = -1
    seen: list[int | None] = []
    path = download(known_at(shelf.port), tmp_path, progress=lambda _, total: seen.append(total))
    assert path.read_bytes() == CONTENT
    assert set(seen) == {None}


def test_the_first_download_notes_its_digest_and_spares_the_second(shelf: Any, tmp_path: Path) -> None:
    known = known_at(shelf.port)
    path = download(known, tmp_path)
    note = tmp_path / "net.torchscript.pt.sha256"
    assert note.read_text() == f"{DIGEST}  net.torchscript.pt\n"
    assert download(known, tmp_path) == path
    assert shelf.requests == 1


def test_a_damaged_file_is_fetched_again(shelf: Any, tmp_path: Path) -> None:
    path = download(known_at(shelf.port), tmp_path)
    path.write_bytes(b"cut")
    assert download(known_at(shelf.port), tmp_path).read_bytes() == CONTENT


def test_another_content_than_noted_is_refused(shelf: Any, tmp_path: Path) -> None:
    path = download(known_at(shelf.port), tmp_path)
    path.unlink()
    shelf.content = b"something else"
    with pytest.raises(ModelError, match=rf"expected {DIGEST}.*delete .*\.sha256"):
        download(known_at(shelf.port), tmp_path)
    assert not path.exists()
    assert not list(tmp_path.glob("*.part"))


def test_a_published_digest_counts(shelf: Any, tmp_path: Path) -> None:
    assert download(known_at(shelf.port, sha256=DIGEST), tmp_path / "a").read_bytes() == CONTENT
    with pytest.raises(ModelError, match=f"expected {'0' * 64}"):
        download(known_at(shelf.port, sha256="0" * 64), tmp_path / "b")
    assert list((tmp_path / "b").iterdir()) == []


def test_a_download_that_breaks_off_leaves_nothing(shelf: Any, tmp_path: Path) -> None:
    shelf.promised = len(CONTENT) + 1
    with pytest.raises(ModelError, match="broke off"):
        download(known_at(shelf.port), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_says_what_to_do(shelf: Any, tmp_path: Path) -> None:
    shelf.status = 404
    with pytest.raises(ModelError, match=r"404.*by hand.*copylens models import FILE"):
        download(known_at(shelf.port), tmp_path)


def test_a_closed_network_says_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ModelError, match=rf"127\.0\.0\.1:{port}.*cannot be reached.*by hand"):
        download(known_at(port), tmp_path)
    assert list(tmp_path.iterdir()) == []


class Failing:
    """A response whose connection dies after the first block."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.blocks = [b"begin"]

    def __enter__(self) -> Failing:
        return self

    def __exit__(self, *args: object) -> None:
        """Nothing to close."""

    def read(self, size: int) -> bytes:
        if self.blocks:
            return self.blocks.pop()
        raise ConnectionResetError("reset by peer")


def test_a_connection_that_dies_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"broke off .reset by peer"):
        download(known_at(1), tmp_path, opener=lambda _url, **_: Failing())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_an_output_error(shelf: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        download(known_at(shelf.port), tmp_path / "file")


def test_the_known_models_are_metas_seven() -> None:
    assert set(KNOWN_MODELS) == {
        "sscd_disc_mixup",
        "sscd_disc_large",
        "sscd_disc_advanced",
        "sscd_disc_blur",
        "sscd_imagenet_mixup",
        "sscd_imagenet_advanced",
        "sscd_imagenet_blur",
    }
    for name, known in KNOWN_MODELS.items():
        large = name == "sscd_disc_large"
        assert known.dims == (1024 if large else 512)
        assert known.url == f"https://dl.fbaipublicfiles.com/sscd-copy-detection/{name}.torchscript.pt"
        assert known.file_name == f"{name}.torchscript.pt"
        # Its trunk has no torchvision twin, so Meta publishes none for it.
        assert (known.weights_url is None) == large
        assert known.licence == "MIT"


def test_only_the_measured_threshold_is_called_measured() -> None:
    measured = [name for name, known in KNOWN_MODELS.items() if "nobody measured" not in known.threshold_note]
    assert measured == ["sscd_disc_mixup"]


def test_an_unknown_name_gets_the_nearest() -> None:
    assert find_known("sscd_disc_blur") is KNOWN_MODELS["sscd_disc_blur"]
    with pytest.raises(ModelError, match=r"did you mean 'sscd_disc_large'.*sscd_disc_mixup, sscd_disc_large"):
        find_known("sscd_disc_lrge")
