"""A PyTorch module in, the bytes of an ONNX graph that keeps the model package's contract out."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from copylens.errors import MissingExtraError, ModelError
from copylens.networks.deploying import for_any_size, for_one_size, takes_any_size
from copylens.networks.wording import first_line
from copylens.records import InputSpec

OPSET = 17
PARITY = 0.9999
HALF_MAX = float(np.finfo(np.float16).max)

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class PixelsToDescriptor(nn.Module):
    """Pixels as a model package wants them, normalised for a network, its output L2-normalised.

    ``(N, H, W, 3) uint8`` or ``(N, 3, H, W) float32`` in [0, 1], by `spec`, to ``(N, D) float32``.
    """

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(
        self, network: nn.Module, spec: InputSpec, mean: Sequence[float], deviation: Sequence[float]
    ) -> None:
        super().__init__()
        self.network = network
        self.from_bytes = spec.dtype == "uint8"
        self.register_buffer("mean", torch.tensor(mean).reshape(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(deviation).reshape(1, 3, 1, 1))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels to descriptors."""
        if self.from_bytes:
            pixels = pixels.permute(0, 3, 1, 2).float() / 255.0
        return functional.normalize(self.network((pixels - self.mean) / self.deviation))


def export_onnx(
    network: nn.Module,
    spec: InputSpec,
    *,
    mean: Sequence[float] = IMAGENET_MEAN,
    deviation: Sequence[float] = IMAGENET_STD,
    half_weights: bool = True,
    any_size: bool = False,
) -> tuple[bytes, int]:
    """Export a network with everything before and after it, and check the graph against the module.

    Args:
        network: normalised ``(N, 3, H, W) float32`` to ``(N, D)``; a scripted module will do. It is left in
            evaluation mode.
        spec: what the package will want as pixels.
        mean, deviation: of pixels in [0, 1]: ``(x - mean) / deviation``.
        half_weights: store weights as float16 behind a cast to float32. Half the file; engines fold the cast
            when they load it, so the arithmetic stays float32.
        any_size: height and width are free too. Only for networks of convolutions, and SAME padding is then computed
            at every pass.

    Returns:
        The bytes of an ONNX file (input ``pixels``, output ``descriptor``, any batch size), and D.

    Raises:
        MissingExtraError: onnx or timm is not installed.
        ModelError: ONNX has no operator for a part of it, the graph does not compute what the module computes, or
            the network's graph can hold one size only.
    """
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("Exporting to ONNX", "train") from error
    whole = PixelsToDescriptor(network, spec, mean, deviation).eval()
    if any_size and not takes_any_size(network):
        raise ModelError(
            "This network's graph holds one size, as its position embeddings or windows do; leave export.any_size out."
        )
    inner = for_any_size(network) if any_size else for_one_size(network, spec.height, spec.width)
    pixels = _pixels(spec, spec.height, spec.width)
    graph = traced_graph(
        PixelsToDescriptor(inner, spec, mean, deviation).eval(), pixels, _axes(spec, any_size)
    )
    if half_weights:
        graph = with_half_weights(graph)
    dims = _check_parity(graph, whole, pixels)
    if any_size:
        _check_parity(graph, whole, _pixels(spec, spec.height + 32, spec.width + 80))
    return graph, dims


def _pixels(spec: InputSpec, height: int, width: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (2, height, width, 3), generator=generator, dtype=torch.uint8)
    return pixels if spec.dtype == "uint8" else pixels.permute(0, 3, 1, 2).contiguous().float() / 255


def _axes(spec: InputSpec, any_size: bool) -> dict[int, str]:
    """Axes of the pixels that are free."""
    if not any_size:
        return {0: "N"}
    return {0: "N", 1: "H", 2: "W"} if spec.dtype == "uint8" else {0: "N", 2: "H", 3: "W"}


def traced_graph(
    whole: nn.Module, pixels: torch.Tensor, axes: dict[int, str], *, output: str = "descriptor"
) -> bytes:
    """Trace a module over pixels, and give the bytes of its ONNX graph.

    Args:
        whole: in evaluation mode.
        pixels: to trace with; they become the graph's input ``pixels``.
        axes: of the pixels that are free.
        output: the name of what it gives, whose first axis is free.

    Raises:
        ModelError: ONNX has no operator for a part of it.
    """
    out = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        # The exporter that reads TorchScript is called legacy, but it is the one that reads Meta's scripted
        # files, and it needs no further package.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=torch.jit._trace.TracerWarning)
        warnings.filterwarnings("ignore", message=".*Constant folding.*", category=UserWarning)
        warnings.filterwarnings("ignore", message="no signature found", category=UserWarning)
        # Traced first: the exporter's own tracing refuses a scripted module inside another one. The trace is
        # not checked here, because the finished graph is.
        program = torch.jit.trace(whole, (pixels,), check_trace=False)  # type: ignore[no-untyped-call]
        try:
            torch.onnx.export(
                program,
                (pixels,),
                out,  # type: ignore[arg-type]
                input_names=["pixels"],
                output_names=[output],
                dynamic_axes={"pixels": axes, output: {0: "N"}},
                opset_version=OPSET,
                dynamo=False,
            )
        except torch.onnx.OnnxExporterError as error:
            raise ModelError(f"This network cannot be exported to ONNX: {first_line(error)}") from error
    return out.getvalue()


def with_half_weights(graph: bytes) -> bytes:
    """Store every float32 weight of more than a few numbers as float16, behind a cast."""
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load_from_string(graph)
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or np.prod(tensor.dims) < 1024:
            continue
        values = numpy_helper.to_array(tensor)
        if np.abs(values).max() > HALF_MAX:
            continue
        half = values.astype(np.float16)
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _check_parity(graph: bytes, whole: nn.Module, pixels: torch.Tensor) -> int:
    """Compare the graph with the module on these pixels; the number of dimensions."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    got = session.run(["descriptor"], {"pixels": pixels.numpy()})[0]
    with torch.no_grad():
        expected = whole(pixels).numpy()
    cosine = (got * expected).sum(axis=1) / np.linalg.norm(got, axis=1) / np.linalg.norm(expected, axis=1)
    if not (cosine >= PARITY).all():
        raise ModelError(
            f"The exported graph and the network disagree (cosine {float(cosine.min()):.5f}, needed is "
            f"{PARITY} or more); this network cannot be exported."
        )
    return int(expected.shape[1])
