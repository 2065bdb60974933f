"""Any history of a folder: after each pass the catalog says what a look at the folder says."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copylens.catalog import Catalog
from copylens.errors import EngineError
from copylens.images import content_hash
from copylens.workflows.ingest import ingest
from copylens.workflows.settings import FileSettings, silent
from workflow_samples import SmallModel, picture_bytes, put, scene, touch

NAMES = ("a.png", "b.png", "c.bmp", "deep/a.png", "deep/d.png")
PICTURES = [picture_bytes(scene(number, 24, 20), "PNG") for number in range(4)]
BROKEN = b"no picture at all"

Step = tuple[str, str, str, int]
"""What happens, to which name, from or to which other, and with which picture."""

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "break", "copy", "rename", "delete", "touch", "pass", "failing pass"]),
        st.sampled_from(NAMES),
        st.sampled_from(NAMES),
        st.integers(0, len(PICTURES) - 1),
    ),
    max_size=25,
)


@dataclass
class History:
    """A folder, its catalog, and what has been described so far."""

    folder: Path
    model: SmallModel
    catalog: Catalog
    described: set[bytes] = field(default_factory=set)

    def take(self, step: Step) -> None:
        what, name, other, number = step
        path, target = self.folder / name, self.folder / other
        if what == "put":
            put(path, PICTURES[number])
        elif what == "break":
            put(path, BROKEN)
        elif what == "pass":
            self.look()
        elif what == "failing pass":
            self.fail()
        elif path.exists():
            self._change(what, path, target)

    def _change(self, what: str, path: Path, target: Path) -> None:
        if what == "copy":
            put(target, path.read_bytes())
        elif what == "rename":
            target.parent.mkdir(exist_ok=True)
            path.rename(target)
        elif what == "delete":
            path.unlink()
        else:
            touch(path)

    def contents(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in self.folder.rglob("*.*") if path.is_file()}

    def look(self) -> None:
        self.model.engine.failing = ()
        self.model.take_pictures()
        files = self.contents()
        images = {path: data for path, data in files.items() if data != BROKEN}
        fresh = set(images.values()) - self.described
        seen = ingest(
            self.catalog, self.model.describer, [str(self.folder)], FileSettings(workers=2), progress=silent
        )
        assert seen.paths == sorted(images)
        assert [item.path for item in seen.skipped] == sorted(files.keys() - images.keys())
        assert self.model.take_pictures() == seen.described == len(fresh)
        assert seen.reused == len(images) - len(fresh)
        self.described |= fresh
        counts = {"contents": len(self.described), "files": len(images), "skipped": len(files) - len(images)}
        assert self.catalog.counts() == counts
        for image in self.catalog.images(seen.paths):
            assert image.facts.content_hash == content_hash(images[image.facts.path])

    def fail(self) -> None:
        self.model.engine.failing = range(1000)
        if set(self.contents().values()) - self.described - {BROKEN}:
            with pytest.raises(EngineError):
                ingest(
                    self.catalog, self.model.describer, [str(self.folder)], FileSettings(), progress=silent
                )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SmallModel:
    return SmallModel(tmp_path_factory.mktemp("model"))


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_a_pass_sees_what_is_there_and_describes_what_is_new(model: SmallModel, steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as name, model.catalog(f"{name}/catalog.db") as catalog:
        folder = Path(name) / "photos"
        folder.mkdir()
        history = History(folder, model, catalog)
        for step in steps:
            history.take(step)
        history.look()
        history.look()
