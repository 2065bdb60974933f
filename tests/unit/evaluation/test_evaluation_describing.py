"""From pictures to descriptors on disk: in order, once, and refused when a picture cannot be read."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from copylens.errors import EvaluationError, ModelError, UsageError
from copylens.evaluation.describing import (
    BACKGROUND,
    QUERIES,
    REFERENCES,
    ModelSource,
    PictureSet,
    SavedSource,
    open_source,
)
from copylens.evaluation.nouns import Picture
from copylens.evaluation.systems import ModelSystem, SavedSystem
from copylens.models import ModelPackage
from copylens.workflows.describer import load_model
from copylens.workflows.settings import ModelSettings, silent
from evaluation_cases import counting_network
from generated_pictures import write_pictures
from thumbnail_model import write_thumbnail_model


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> ModelPackage:
    return write_thumbnail_model(tmp_path_factory.mktemp("models") / "thumbnail")


def source_in(folder: Path, package: ModelPackage, precision: str = "float32") -> ModelSource:
    settings = ModelSettings(model=str(package.directory), precision=precision)  # type: ignore[arg-type]
    source = open_source(ModelSystem(settings=settings), folder, workers=2, progress=silent)
    assert isinstance(source, ModelSource)
    return source


def roles_below(folder: Path) -> dict[str, PictureSet]:
    """Queries and references, neither in the order of their paths, one picture on both sides."""
    paths = write_pictures(folder, 7)
    sides = {QUERIES: [paths[4], paths[0], paths[2]], REFERENCES: [paths[6], paths[5], paths[4], paths[1]]}
    return {
        role: PictureSet.now([Picture(path.stem, str(path)) for path in chosen])
        for role, chosen in sides.items()
    }


def paths_of(role: PictureSet) -> list[str]:
    return [picture.path for picture in role.pictures]


def test_descriptors_are_those_of_the_model_in_the_order_asked(tmp_path: Path, package: ModelPackage) -> None:
    roles = roles_below(tmp_path / "pictures")
    found = source_in(tmp_path / "run", package).descriptors(roles)
    model = load_model(package.directory)
    for role in (QUERIES, REFERENCES):
        np.testing.assert_allclose(found[role], model.describe(paths_of(roles[role])), atol=1e-5)
    assert found[QUERIES].dtype == np.float32


def test_each_picture_is_described_once(tmp_path: Path, package: ModelPackage) -> None:
    roles = roles_below(tmp_path / "pictures")
    with counting_network() as counted:
        first = source_in(tmp_path / "run", package).descriptors(roles)
    assert counted.pictures == 6
    with mock.patch("copylens.evaluation.describing.load_from_settings", side_effect=AssertionError):
        second = source_in(tmp_path / "run", package).descriptors(roles)
    for role in roles:
        np.testing.assert_array_equal(first[role], second[role])


def test_a_new_role_describes_only_its_own_pictures(tmp_path: Path, package: ModelPackage) -> None:
    roles = roles_below(tmp_path / "pictures")
    with counting_network() as counted:
        source_in(tmp_path / "run", package).descriptors({QUERIES: roles[QUERIES]})
        assert counted.pictures == 3
        source_in(tmp_path / "run", package).descriptors(roles)
        assert counted.pictures == 6


def test_a_changed_picture_is_described_again(tmp_path: Path, package: ModelPackage) -> None:
    roles = roles_below(tmp_path / "pictures")
    source_in(tmp_path / "run", package).descriptors(roles)
    path = Path(roles[QUERIES].pictures[0].path)
    path.write_bytes(Path(roles[QUERIES].pictures[1].path).read_bytes())
    changed = {role: PictureSet.now(found.pictures) for role, found in roles.items()}
    found = source_in(tmp_path / "run", package).descriptors(changed)
    np.testing.assert_array_equal(found[QUERIES][0], found[QUERIES][1])
    np.testing.assert_array_equal(found[REFERENCES][2], found[QUERIES][1])


def test_another_precision_has_files_of_its_own(tmp_path: Path, package: ModelPackage) -> None:
    one, other = (source_in(tmp_path, package, precision) for precision in ("float32", "bfloat16"))
    assert one.fingerprint == other.fingerprint
    assert one.digest != other.digest


def test_a_file_reached_through_a_linked_folder_is_found(tmp_path: Path, package: ModelPackage) -> None:
    (path,) = write_pictures(tmp_path / "real", 1)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    role = PictureSet.now([Picture("a", str(path)), Picture("b", str(tmp_path / "link" / path.name))])
    rows = source_in(tmp_path / "run", package).descriptors({QUERIES: role})[QUERIES]
    np.testing.assert_array_equal(rows[0], rows[1])


def test_an_unreadable_picture_is_refused_by_name(tmp_path: Path, package: ModelPackage) -> None:
    paths = write_pictures(tmp_path / "pictures", 4)
    paths[1].write_bytes(b"no picture")
    paths[3].write_bytes(b"")
    role = PictureSet.now([Picture(path.stem, str(path)) for path in paths])
    with pytest.raises(EvaluationError) as caught:
        source_in(tmp_path / "run", package).descriptors({QUERIES: role})
    said = str(caught.value)
    assert said.startswith("2 pictures of the benchmark cannot be read")
    assert f"{paths[1]} (" in said
    assert f"{paths[3]} (the file has no bytes)" in said
    assert not (tmp_path / "run" / "descriptors").exists()


def test_when_many_are_unreadable_ten_are_named(tmp_path: Path, package: ModelPackage) -> None:
    (tmp_path / "pictures").mkdir()
    for number in range(13):
        (tmp_path / "pictures" / f"{number:02}.jpg").write_bytes(b"")
    pictures = [Picture(path.stem, str(path)) for path in sorted((tmp_path / "pictures").iterdir())]
    with pytest.raises(EvaluationError, match=r"09\.jpg \(the file has no bytes\) and 3 more\."):
        source_in(tmp_path / "run", package).descriptors({QUERIES: PictureSet.now(pictures)})


@pytest.mark.parametrize("damage", ["cut", "other"])
def test_a_damaged_file_of_descriptors_is_named(tmp_path: Path, package: ModelPackage, damage: str) -> None:
    roles = roles_below(tmp_path / "pictures")
    source_in(tmp_path / "run", package).descriptors({QUERIES: roles[QUERIES]})
    (path,) = (tmp_path / "run" / "descriptors").iterdir()
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-300])
    else:
        np.savez(path, descriptors=np.ones((2, 769), np.float32))
    with pytest.raises(EvaluationError, match=rf"{path.name} is damaged; delete it"):
        source_in(tmp_path / "run", package).descriptors({QUERIES: roles[QUERIES]})


def test_a_model_that_is_not_there_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no model 'nothing'"):
        open_source(
            ModelSystem(settings=ModelSettings(model="nothing")), tmp_path, workers=None, progress=silent
        )


def save_rows(path: Path, paths: list[str], **more: object) -> SavedSource:
    rows = np.eye(len(paths), 5, dtype=np.float32)
    np.savez(path, paths=np.array(paths), descriptors=rows, **more)  # type: ignore[arg-type]
    return SavedSource(SavedSystem(path=str(path)))


def saved_roles() -> dict[str, PictureSet]:
    return {
        role: PictureSet([Picture(f"{n}.jpg", f"/exam/{role}/{n}.jpg") for n in range(2)], "any", "any")
        for role in (QUERIES, REFERENCES, BACKGROUND)
    }


BOTH = ["references/1.jpg", "queries/0.jpg", "queries/1.jpg", "references/0.jpg"]


def test_saved_rows_come_in_the_order_of_the_pictures(tmp_path: Path) -> None:
    source = save_rows(tmp_path / "rows.npz", BOTH)
    roles = saved_roles()
    found = source.descriptors({role: roles[role] for role in (QUERIES, REFERENCES)})
    assert found[QUERIES].argmax(axis=1).tolist() == [1, 2]
    assert found[REFERENCES].argmax(axis=1).tolist() == [3, 0]


def test_an_optional_role_may_be_missing_whole_but_not_in_part(tmp_path: Path) -> None:
    optional = frozenset({BACKGROUND})
    found = save_rows(tmp_path / "a.npz", BOTH).descriptors(saved_roles(), optional=optional)
    assert set(found) == {QUERIES, REFERENCES}
    source = save_rows(tmp_path / "b.npz", [*BOTH, "background/1.jpg"])
    with pytest.raises(
        UsageError, match="no descriptor of 1 of the 2 background pictures: /exam/background/0"
    ):
        source.descriptors(saved_roles(), optional=optional)
    with pytest.raises(UsageError, match="no descriptor of 2 of the 2 background pictures"):
        save_rows(tmp_path / "c.npz", BOTH).descriptors(saved_roles())


def test_names_of_a_saved_system(tmp_path: Path) -> None:
    bare = save_rows(tmp_path / "other-tool.npz", BOTH)
    assert (bare.label, bare.model, bare.fingerprint) == ("other-tool", "other-tool", bare.digest)
    said = save_rows(tmp_path / "x.npz", BOTH, model=np.array("m"), fingerprint=np.array("00ff"))
    assert (said.label, said.model, said.fingerprint) == ("m", "m", "00ff")
    assert said.digest not in ("00ff", bare.digest)
    named = SavedSource(SavedSystem(path=str(tmp_path / "x.npz"), label="mine"))
    assert (named.label, named.model, named.file) == ("mine", "m", str(tmp_path / "x.npz"))
