"""Small .tflite files, and what they compute: NumPy on maps with channels last, from the definitions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
import tflite

Floats = npt.NDArray[np.float64]

_KINDS = {
    "float32": tflite.TensorType.FLOAT32,
    "float16": tflite.TensorType.FLOAT16,
    "float64": tflite.TensorType.FLOAT64,
    "int8": tflite.TensorType.INT8,
    "uint8": tflite.TensorType.UINT8,
    "int32": tflite.TensorType.INT32,
    "int64": tflite.TensorType.INT64,
}


class File:
    """A file in the making, with the values of its tensors for images.

    Parameters
    ----------
    images: (N, H, W, C) or (N, F); the file says one image, or -1 for any number.
    scale, zero: of integers at the input; floats without.
    """

    def __init__(
        self, images: Floats, count: int = 1, scale: float = 0.0, zero: int = 0, kind: str = "float32"
    ) -> None:
        self.tensors: list[dict[str, Any]] = []
        self.values: list[Floats] = []
        self.nodes: list[tuple[str, list[int], list[int], str, dict[str, Any]]] = []
        quantised: dict[str, Any] = {"scales": [scale], "zeros": [zero]} if scale else {}
        self.input = self.tensor("images", (count, *images.shape[1:]), kind, values=images, **quantised)

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        kind: str = "float32",
        held: Any = None,
        values: Any = None,
        scales: Sequence[float] = (),
        zeros: Sequence[int] = (),
        axis: int = 0,
    ) -> int:
        """A tensor; `held` is what the file has of it, `values` what it stands for."""
        self.tensors.append(
            {"name": name, "shape": shape, "kind": kind, "held": held, "scales": scales, "zeros": zeros}
            | {"axis": axis}
        )
        self.values.append(np.asarray(held if values is None else values, np.float64))
        return len(self.tensors) - 1

    def held(self, name: str, values: Any) -> int:
        """A constant."""
        values = np.asarray(values)
        return self.tensor(name, values.shape, str(values.dtype), values)

    def int8(self, name: str, codes: Any, scales: Any, axis: int = 0) -> int:
        """Quantised weights with a scale for each index of an axis."""
        scales = np.asarray(scales, np.float32)
        shape = [1] * codes.ndim
        shape[axis] = -1
        values = codes * scales.astype(np.float64).reshape(shape)
        zeros = [0] * len(scales)
        kind = str(codes.dtype)
        return self.tensor(name, codes.shape, kind, codes, values, list(scales), zeros, axis)

    def node(self, kind: str, inputs: Sequence[int], values: Any, options: str = "", **given: Any) -> int:
        """An operator and the tensor that it gives; `given` are its options by the schema's names."""
        values = np.asarray(values, np.float64)
        shape = (self.tensors[self.input]["shape"][0], *values.shape[1:])
        name = given.pop("name", f"{kind.lower()}_{len(self.nodes)}")
        quantised = {key: given.pop(key) for key in ("scales", "zeros") if key in given}
        tensor = self.tensor(name, shape, given.pop("type", "float32"), values=values, **quantised)
        self.nodes.append((kind, list(inputs), [tensor], options, given))
        return tensor

    def conv(self, x: int, weight: int, bias: int = -1, **options: Any) -> int:
        """CONV_2D, or DEPTHWISE_CONV_2D by `depthwise`; weights as the file has them."""
        stride, same = options.pop("stride", (1, 1)), options.pop("same", True)
        far, active = options.pop("dilation", (1, 1)), options.pop("activation", 0)
        depthwise = options.pop("depthwise", False)
        values = convolved(self.values[x], self.values[weight], stride, same, far, depthwise)
        values = values + (self.values[bias] if bias >= 0 else 0)
        table = "DepthwiseConv2D" if depthwise else "Conv2D"
        return self.node(
            "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
            [x, weight, *([bias] if bias >= 0 else [])],
            activated(values, active),
            table,
            Padding=tflite.Padding.SAME if same else tflite.Padding.VALID,
            StrideH=stride[0],
            StrideW=stride[1],
            DilationHFactor=far[0],
            DilationWFactor=far[1],
            FusedActivationFunction=active,
            **options,
        )

    def dense(self, x: int, weight: int, bias: int = -1, activation: int = 0, **options: Any) -> int:
        """FULLY_CONNECTED."""
        values = self.values[x].reshape(len(self.values[x]), -1) @ self.values[weight].T
        values = activated(values + (self.values[bias] if bias >= 0 else 0), activation)
        inputs = [x, weight, *([bias] if bias >= 0 else [])]
        return self.node(
            "FULLY_CONNECTED", inputs, values, "FullyConnected", FusedActivationFunction=activation, **options
        )

    def flat(self, x: int) -> int:
        """RESHAPE to one axis."""
        wanted = self.held("flat", np.array([-1, self.values[x][0].size], np.int32))
        return self.node("RESHAPE", [x, wanted], self.values[x].reshape(len(self.values[x]), -1))

    def mean(self, x: int, keep: bool = False) -> int:
        """MEAN over the map."""
        axes = self.held("axes", np.array([1, 2], np.int32))
        return self.node(
            "MEAN", [x, axes], self.values[x].mean((1, 2), keepdims=keep), "Reducer", KeepDims=keep
        )

    def saved(self, folder: Path, *outputs: int, name: str = "net.tflite") -> Path:
        """The file; it gives tensors `outputs`, or the last one."""
        path = folder / name
        path.write_bytes(self.bytes(*(outputs or (len(self.tensors) - 1,))))
        return path

    def bytes(self, *outputs: int, version: int = 3) -> bytes:
        """The file's contents."""
        builder = flatbuffers.Builder(1024)
        kinds = list(dict.fromkeys(kind for kind, *_ in self.nodes))
        codes = [self._code(builder, kind) for kind in kinds]
        buffers, tensors = [self._buffer(builder, None)], []
        for it in self.tensors:
            number = 0
            if it["held"] is not None:
                number = len(buffers)
                buffers.append(self._buffer(builder, np.asarray(it["held"])))
            tensors.append(self._tensor(builder, it, number))
        nodes = [self._node(builder, kinds.index(it[0]), it) for it in self.nodes]
        parts = {
            "Tensors": _table(builder, "SubGraph", "Tensors", tensors),
            "Inputs": _ints(builder, [self.input]),
            "Outputs": _ints(builder, [*outputs]),
            "Operators": _table(builder, "SubGraph", "Operators", nodes),
        }
        graph = _made(builder, "SubGraph", parts)
        model = {
            "OperatorCodes": _table(builder, "Model", "OperatorCodes", codes),
            "Subgraphs": _table(builder, "Model", "Subgraphs", [graph]),
            "Buffers": _table(builder, "Model", "Buffers", buffers),
            "Version": version,
        }
        builder.Finish(_made(builder, "Model", model), b"TFL3")
        return bytes(builder.Output())

    def _code(self, builder: Any, kind: str) -> Any:
        number = getattr(tflite.BuiltinOperator, kind, tflite.BuiltinOperator.CUSTOM)
        custom = builder.CreateString(kind) if number == tflite.BuiltinOperator.CUSTOM else None
        old = {"DeprecatedBuiltinCode": min(number, 127), "BuiltinCode": number}
        return _made(builder, "OperatorCode", old | ({"CustomCode": custom} if custom else {}))

    def _buffer(self, builder: Any, values: Any) -> Any:
        data = {} if values is None else {"Data": builder.CreateByteVector(values.tobytes())}
        return _made(builder, "Buffer", data)

    def _tensor(self, builder: Any, it: dict[str, Any], number: int) -> Any:
        parts: dict[str, Any] = {"Name": builder.CreateString(it["name"])}
        if len(it["scales"]):
            quantised = {
                "Scale": builder.CreateNumpyVector(np.asarray(it["scales"], np.float32)),
                "ZeroPoint": builder.CreateNumpyVector(np.asarray(it["zeros"], np.int64)),
                "QuantizedDimension": it["axis"],
            }
            parts["Quantization"] = _made(builder, "QuantizationParameters", quantised)
        parts["Shape"] = _ints(builder, [abs(size) for size in it["shape"]])
        if min(it["shape"], default=0) < 0:
            parts["ShapeSignature"] = _ints(builder, it["shape"])
        return _made(builder, "Tensor", parts | {"Type": _KINDS[it["kind"]], "Buffer": number})

    def _node(
        self, builder: Any, code: int, node: tuple[str, list[int], list[int], str, dict[str, Any]]
    ) -> Any:
        _, inputs, outputs, table, given = node
        parts: dict[str, Any] = {}
        if table:
            parts["BuiltinOptions"] = _made(builder, f"{table}Options", given)
            parts["BuiltinOptionsType"] = getattr(tflite.BuiltinOptions, f"{table}Options")
        parts |= {"OpcodeIndex": code, "Inputs": _ints(builder, inputs), "Outputs": _ints(builder, outputs)}
        return _made(builder, "Operator", parts)


def _ints(builder: Any, values: Sequence[int]) -> Any:
    return builder.CreateNumpyVector(np.asarray(values, np.int32))


def _table(builder: Any, kind: str, field: str, items: Sequence[Any]) -> Any:
    getattr(tflite, f"{kind}Start{field}Vector")(builder, len(items))
    for it in reversed(items):
        builder.PrependUOffsetTRelative(it)
    return builder.EndVector()


def _made(builder: Any, kind: str, parts: dict[str, Any]) -> Any:
    getattr(tflite, f"{kind}Start")(builder)
    for field, value in parts.items():
        getattr(tflite, f"{kind}Add{field}")(builder, value)
    return getattr(tflite, f"{kind}End")(builder)


def activated(values: Floats, kind: int) -> Floats:
    """A fused activation."""
    low, high = {0: (-np.inf, np.inf), 1: (0, np.inf), 2: (-1, 1), 3: (0, 6)}[kind]
    return np.clip(values, low, high)


def windows(
    x: Floats, size: Sequence[int], stride: Sequence[int], same: bool, far: Sequence[int], filler: float = 0.0
) -> list[list[Floats]]:
    """For each position of a window, the values under it: (N, OH, OW, C)."""
    counts, sides = [], [(0, 0)]
    for axis in (0, 1):
        length, reach = x.shape[1 + axis], (size[axis] - 1) * far[axis] + 1
        count = -(-length // stride[axis]) if same else (length - reach) // stride[axis] + 1
        whole = max((count - 1) * stride[axis] + reach - length, 0) if same else 0
        sides.append((whole // 2, whole - whole // 2))
        counts.append(count)
    x = np.pad(x, [*sides, (0, 0)], constant_values=filler)
    return [
        [
            x[:, i * far[0] :: stride[0], j * far[1] :: stride[1]][:, : counts[0], : counts[1]]
            for j in range(size[1])
        ]
        for i in range(size[0])
    ]


def convolved(
    x: Floats, weight: Floats, stride: Sequence[int], same: bool, far: Sequence[int], depthwise: bool
) -> Floats:
    """A convolution; weights (M, KH, KW, C), or (1, KH, KW, C·multiplier) by depth."""
    total: Any = 0
    for i, row in enumerate(windows(x, weight.shape[1:3], stride, same, far)):
        for j, part in enumerate(row):
            if depthwise:
                multiplier = weight.shape[3] // x.shape[3]
                total = total + np.repeat(part, multiplier, axis=3) * weight[0, i, j]
            else:
                total = total + np.einsum("nhwc,mc->nhwm", part, weight[:, i, j])
    found: Floats = total
    return found
