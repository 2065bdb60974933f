"""What every engine must do; subclass `EngineConformance` and say how one is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from copylens.errors import EngineError, UsageError
from copylens.models import ModelPackage, bundled_directory, load_package
from copylens.models.engines.base import Engine, Precision, batch_layout
from copylens.models.engines.onnxruntime_engine import OnnxRuntimeEngine
from copylens.models.quantising import quantise_graph
from copylens.models.registry import DEFAULT_MODEL
from copylens.models.verifying import least_cosine
from small_models import SmallNetwork

COSINE = 0.999
LOOSE_COSINE = 0.99


def cosines(a: Any, b: Any) -> Any:
    """Row by row; both sides have rows of length 1."""
    return (a * b).sum(axis=1)


class EngineConformance:
    """Tests that every engine inherits."""

    precisions: tuple[Precision, ...] = ("float32",)
    """Which the engine has on this machine; it must refuse the others."""

    def make(self, package: ModelPackage, *, precision: Precision = "float32") -> Engine:
        """Load a package."""
        raise NotImplementedError

    @pytest.fixture(params=["uint8", "float32"])
    def dtype(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def network(self) -> SmallNetwork:
        return SmallNetwork()

    @pytest.fixture
    def package(self, network: SmallNetwork, dtype: str, tmp_path: Path) -> ModelPackage:
        return network.package(tmp_path / "small", dtype=dtype)

    @pytest.mark.parametrize("count", [1, 2, 5])
    def test_gives_the_descriptors_of_the_twin(
        self, network: SmallNetwork, package: ModelPackage, dtype: str, count: int
    ) -> None:
        batch = network.batch(count, dtype=dtype)
        actual = self.make(package).describe(batch)
        assert actual.shape == (count, network.dims)
        assert actual.dtype == np.float32
        assert actual.flags.c_contiguous
        assert cosines(actual, network.twin(batch)).min() >= COSINE
        np.testing.assert_allclose(actual, network.twin(batch), atol=1e-4)

    def test_rows_have_length_one(self, network: SmallNetwork, package: ModelPackage, dtype: str) -> None:
        rows = self.make(package).describe(network.batch(4, dtype=dtype))
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)

    def test_no_images_give_no_rows(self, network: SmallNetwork, package: ModelPackage, dtype: str) -> None:
        rows = self.make(package).describe(network.batch(0, dtype=dtype))
        assert rows.shape == (0, network.dims)
        assert rows.dtype == np.float32

    def test_another_shape_is_refused(self, network: SmallNetwork, package: ModelPackage, dtype: str) -> None:
        engine, batch = self.make(package), network.batch(2, dtype=dtype)
        for wrong in (batch[0], batch[:, :-1], batch[:, :, :-1], batch[..., :-1]):
            with pytest.raises(UsageError, match="model wants pixels as"):
                engine.describe(wrong)

    def test_another_dtype_is_refused(self, network: SmallNetwork, package: ModelPackage, dtype: str) -> None:
        with pytest.raises(UsageError, match=dtype):
            self.make(package).describe(network.batch(2, dtype=dtype).astype(np.float64))

    def test_a_strided_batch_is_the_same_as_its_copy(
        self, network: SmallNetwork, package: ModelPackage, dtype: str
    ) -> None:
        engine, every_second = self.make(package), network.batch(6, dtype=dtype)[::2]
        np.testing.assert_array_equal(engine.describe(every_second), engine.describe(every_second.copy()))

    def test_a_read_only_batch_is_taken(
        self, network: SmallNetwork, package: ModelPackage, dtype: str
    ) -> None:
        engine, batch = self.make(package), network.batch(2, dtype=dtype)
        expected = engine.describe(batch)
        batch.flags.writeable = False
        np.testing.assert_array_equal(engine.describe(batch), expected)

    def test_the_same_batch_twice_gives_the_same_bits(
        self, network: SmallNetwork, package: ModelPackage, dtype: str
    ) -> None:
        engine, batch = self.make(package), network.batch(3, dtype=dtype)
        first = engine.describe(batch)
        np.testing.assert_array_equal(first, self.make(package).describe(batch))
        np.testing.assert_array_equal(first, engine.describe(batch))

    def test_a_result_survives_the_next_run(
        self, network: SmallNetwork, package: ModelPackage, dtype: str
    ) -> None:
        engine = self.make(package)
        first = engine.describe(network.batch(3, dtype=dtype))
        kept = first.copy()
        engine.describe(network.batch(3, dtype=dtype, seed=2))
        np.testing.assert_array_equal(first, kept)

    @pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
    def test_precision_is_honoured_or_refused(self, package: ModelPackage, precision: Precision) -> None:
        network, dtype = SmallNetwork(), package.input.dtype
        if precision not in self.precisions:
            with pytest.raises(EngineError, match=precision):
                self.make(package, precision=precision)
            return
        engine, batch = self.make(package, precision=precision), network.batch(4, dtype=dtype)
        actual, exact = engine.describe(batch), network.twin(batch)
        assert engine.precision == precision
        assert cosines(actual, exact).min() >= (COSINE if precision == "float32" else LOOSE_COSINE)
        np.testing.assert_allclose(np.linalg.norm(actual, axis=1), 1, atol=1e-6)
        if precision != "float32":
            # It would be bit-equal if the setting were ignored.
            assert not np.array_equal(actual, self.make(package).describe(batch))

    def test_says_what_it_is(self, package: ModelPackage) -> None:
        engine = self.make(package)
        assert (engine.dims, engine.input, engine.precision) == (package.dims, package.input, "float32")
        assert engine.device in ("cpu", "cuda")

    def test_a_graph_that_is_no_onnx_is_refused(self, package: ModelPackage) -> None:
        package.onnx_path.write_bytes(b"this is no graph")
        with pytest.raises(EngineError, match=r"model\.onnx"):
            self.make(package)

    def test_a_graph_of_other_dims_is_refused(
        self, network: SmallNetwork, package: ModelPackage, dtype: str
    ) -> None:
        package.onnx_path.write_bytes(SmallNetwork(dims=7).model(dtype).SerializeToString())
        with pytest.raises(EngineError, match="models verify"):
            self.make(package).describe(network.batch(2, dtype=dtype))

    def test_a_black_image_gives_finite_values(
        self, network: SmallNetwork, package: ModelPackage, dtype: str
    ) -> None:
        rows = self.make(package).describe(np.zeros_like(network.batch(1, dtype=dtype)))
        np.testing.assert_allclose(
            rows, network.twin(np.zeros_like(network.batch(1, dtype=dtype))), atol=1e-4
        )

    def test_agrees_with_onnx_runtime_on_the_bundled_default(self) -> None:
        package = load_package(bundled_directory() / DEFAULT_MODEL)
        shape, dtype = batch_layout(package.input)
        draw = np.random.default_rng(5)
        coarse = draw.integers(0, 256, (3, 8, 8, 3)).astype(np.uint8)
        pixels = coarse.repeat(-(-package.input.height // 8), 1).repeat(-(-package.input.width // 8), 2)
        batch = pixels[:, : package.input.height, : package.input.width]
        if dtype == np.float32:
            batch = (batch.transpose(0, 3, 1, 2) / 255).astype(np.float32)
        assert batch.shape[1:] == shape
        expected = OnnxRuntimeEngine(package).describe(batch)
        assert cosines(self.make(package).describe(batch), expected).min() >= least_cosine(package)

    def test_runs_an_int8_package(self, network: SmallNetwork, package: ModelPackage, dtype: str) -> None:
        graph = quantise_graph(package, [network.batch(8, dtype=dtype)])
        package.onnx_path.write_bytes(graph)
        batch = network.batch(5, dtype=dtype, seed=3)
        expected = OnnxRuntimeEngine(package, threads=1).describe(batch)
        actual = self.make(package).describe(batch)
        assert cosines(actual, expected).min() >= COSINE
        assert cosines(actual, network.twin(batch)).min() >= LOOSE_COSINE
        # The float graph would give the twin's descriptors.
        assert np.abs(actual - network.twin(batch)).max() > 1e-4
