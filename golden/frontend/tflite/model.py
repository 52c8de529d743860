"""The contents of a .tflite file as plain values: tensors and operators, read whole before any work."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tflite

from golden.frontend.builder import Array
from golden.frontend.foreign import ForeignFileError

VERSION = 3
"""Of the schema; the only one there is."""


def _names(kind: Any) -> dict[int, str]:
    return {value: name for name, value in vars(kind).items() if isinstance(value, int)}


_OPERATORS = _names(tflite.BuiltinOperator)
_KINDS = _names(tflite.TensorType)

_ARRAYS = {
    "FLOAT32": np.float32,
    "FLOAT16": np.float16,
    "FLOAT64": np.float64,
    "INT8": np.int8,
    "UINT8": np.uint8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "BOOL": np.bool_,
}
"""Types whose values are read."""


_WINDOW = ("Padding", "StrideH", "StrideW", "FusedActivationFunction")
_DILATED = (*_WINDOW, "DilationHFactor", "DilationWFactor")
_ACTIVE = ("FusedActivationFunction",)
_POOL = (*_WINDOW, "FilterHeight", "FilterWidth")

_OPTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ADD": ("Add", _ACTIVE),
    "AVERAGE_POOL_2D": ("Pool2D", _POOL),
    "CONCATENATION": ("Concatenation", (*_ACTIVE, "Axis")),
    "CONV_2D": ("Conv2D", _DILATED),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2D", _DILATED),
    "DIV": ("Div", _ACTIVE),
    "FULLY_CONNECTED": ("FullyConnected", (*_ACTIVE, "WeightsFormat", "KeepNumDims")),
    "LEAKY_RELU": ("LeakyRelu", ("Alpha",)),
    "MAX_POOL_2D": ("Pool2D", _POOL),
    "MEAN": ("Reducer", ("KeepDims",)),
    "MUL": ("Mul", _ACTIVE),
    "PACK": ("Pack", ("Axis",)),
    "RESHAPE": ("Reshape", ("NewShapeAsNumpy",)),
    "RESIZE_NEAREST_NEIGHBOR": ("ResizeNearestNeighbor", ("AlignCorners", "HalfPixelCenters")),
    "SQUEEZE": ("Squeeze", ("SqueezeDimsAsNumpy",)),
    "STRIDED_SLICE": (
        "StridedSlice",
        ("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask"),
    ),
    "SUB": ("Sub", _ACTIVE),
}
"""Operators whose options are read → (their table, the options)."""


@dataclass(frozen=True)
class TfTensor:
    """A tensor of the file.

    Parameters
    ----------
    shape: with -1 for sizes that are not fixed. kind: a name of TensorType.
    values: what the file holds of it; None for what is calculated.
    scales, zeros: of integers that stand for floats, one or one for each index of `axis`; empty for others.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    values: Array | None
    scales: Array
    zeros: Array
    axis: int


@dataclass(frozen=True)
class TfNode:
    """An operator of the file.

    Parameters
    ----------
    kind: a name of BuiltinOperator, or of the custom operator.
    inputs: indices of tensors, -1 for one that is left out.
    options: by the schema's names; empty where the file has none.
    """

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Any]


@dataclass(frozen=True)
class TfModel:
    """A file's first and only graph."""

    tensors: tuple[TfTensor, ...]
    nodes: tuple[TfNode, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def open_model(path: Path, data: bytes) -> TfModel:
    """The contents of a .tflite file.

    Raises ForeignFileError if it is damaged, not TFLite, of another version, or of several graphs.
    """
    if len(data) < 8 or data[4:8] != b"TFL3":
        raise ForeignFileError(f"network {path}: damaged, or not a .tflite file")
    try:
        model = tflite.Model.GetRootAs(data, 0)
        if model.Version() != VERSION:
            found = f"schema version {model.Version()}; supported: {VERSION}"
            raise ForeignFileError(f"network {path}: {found}")
        if model.SubgraphsLength() != 1:
            found = f"{model.SubgraphsLength()} graphs (control flow); supported: one"
            raise ForeignFileError(f"network {path}: {found}")
        return _model(model)
    except ForeignFileError:
        raise
    except Exception as error:  # offsets that point anywhere raise almost anything
        raise ForeignFileError(f"network {path}: damaged: its parts do not fit together") from error


def _model(model: Any) -> TfModel:
    graph = model.Subgraphs(0)
    tensors = tuple(_tensor(model, graph.Tensors(it)) for it in range(graph.TensorsLength()))
    nodes = tuple(_node(model, graph.Operators(it)) for it in range(graph.OperatorsLength()))
    made = TfModel(tensors, nodes, _indices(graph, "Inputs"), _indices(graph, "Outputs"))
    every = [*made.inputs, *made.outputs, *(it for node in nodes for it in (*node.inputs, *node.outputs))]
    if not tensors or not nodes or not all(-1 <= it < len(tensors) for it in every):
        raise ValueError("no such tensor")
    return made


def _indices(table: Any, what: str) -> tuple[int, ...]:
    return tuple(int(getattr(table, what)(it)) for it in range(getattr(table, f"{what}Length")()))


def _tensor(model: Any, tensor: Any) -> TfTensor:
    shape, kind = _indices(tensor, "Shape"), _KINDS[tensor.Type()]
    signature = _indices(tensor, "ShapeSignature")
    buffer = model.Buffers(tensor.Buffer())
    values: Array | None = None
    if buffer.DataLength() and kind in _ARRAYS:
        raw: bytes = buffer.DataAsNumpy().tobytes()
        little = np.dtype(_ARRAYS[kind]).newbyteorder("<")
        values = np.frombuffer(raw, little).astype(_ARRAYS[kind]).reshape(shape)
    quantised = tensor.Quantization()
    scales, zeros, axis = np.zeros(0, np.float32), np.zeros(0, np.int64), 0
    if quantised is not None and quantised.ScaleLength():
        scales = np.asarray(quantised.ScaleAsNumpy(), np.float32)
        zeros = np.zeros(len(scales), np.int64)
        if quantised.ZeroPointLength():
            zeros = np.asarray(quantised.ZeroPointAsNumpy(), np.int64)
        axis = quantised.QuantizedDimension()
    name = (tensor.Name() or b"").decode(errors="replace")
    return TfTensor(name, signature or shape, kind, values, scales, zeros, axis)


def _node(model: Any, node: Any) -> TfNode:
    code = model.OperatorCodes(node.OpcodeIndex())
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    kind = _OPERATORS[number]
    if kind == "CUSTOM":
        kind = f"custom operator {(code.CustomCode() or b'').decode(errors='replace')!r}"
    options, raw = {}, node.BuiltinOptions()
    if raw is not None and kind in _OPTIONS:
        name, fields = _OPTIONS[kind]
        table = getattr(tflite, f"{name}Options")()
        table.Init(raw.Bytes, raw.Pos)
        options = {field: getattr(table, field)() for field in fields}
    return TfNode(kind, _indices(node, "Inputs"), _indices(node, "Outputs"), options)
