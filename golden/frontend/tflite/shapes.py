"""The operators of TFLite that move or count values, and ask for shapes."""

import numpy as np
import torch

from golden.frontend.builder import Array, NodeProblem, Value
from golden.frontend.tflite.step import Step


def reshape(step: Step) -> Value:
    """RESHAPE that keeps the images apart."""
    value = step.value()
    wanted = step.integers(1) if step.has(1) else _numbers(step, "NewShapeAsNumpy")
    return step.kept(value, step.builder.reshaped(step.path, step.said, value, wanted))


def squeeze(step: Step) -> Value:
    """SQUEEZE."""
    value = step.value()
    shape = step.shape(value)
    axes = [it % len(shape) for it in _numbers(step, "SqueezeDimsAsNumpy")]
    gone = set(axes or [axis for axis, it in enumerate(shape) if axis and it == 1])
    left = [it for axis, it in enumerate(shape) if axis not in gone]
    return step.kept(value, step.builder.reshaped(step.path, step.said, value, left))


def _numbers(step: Step, name: str) -> list[int]:
    """An option of several numbers, which the schema gives as 0 where there are none."""
    found = step.option(name, 0)
    return found.tolist() if isinstance(found, np.ndarray) else []


def expand_dims(step: Step) -> Value:
    """EXPAND_DIMS."""
    value, (axis,) = step.value(), step.integers(1)
    shape = tuple(step.builder.values[value].unsqueeze(axis).shape)
    return step.kept(value, step.builder.reshaped(step.path, step.said, value, shape))


def transpose(step: Step) -> Value:
    """TRANSPOSE, which the importer puts in order."""
    return step.call(torch.permute, step.value(), tuple(step.integers(1)))


def shape(step: Step) -> Value:
    """SHAPE: numbers, as all shapes are known."""
    return np.array(step.shape(step.value()), np.int64)


def strided_slice(step: Step) -> Value:
    """Of sizes only: one of them, or several in a row."""
    values, begin, end, stride = (step.array(it) for it in range(4))
    if values.ndim != 1 or step.option("EllipsisMask") or step.option("NewAxisMask"):
        raise NodeProblem(f"STRIDED_SLICE of shape {values.shape}", "slices of sizes")
    first = None if step.option("BeginMask") & 1 else int(begin[0])
    last = None if step.option("EndMask") & 1 else int(end[0])
    if step.option("ShrinkAxisMask") & 1:
        return np.asarray(values[int(begin[0])])
    found: Array = values[slice(first, last, int(stride[0]))]
    return found


def pack(step: Step) -> Value:
    """PACK of sizes."""
    return np.stack([step.array(it) for it in range(len(step.inputs))], step.option("Axis"))
