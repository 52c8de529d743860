"""The operators of ONNX that move or count values, and ask for shapes."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from golden.frontend.builder import Array, NodeProblem, Value
from golden.frontend.onnx.step import Step


def torch_pads(before: Sequence[int], behind: Sequence[int]) -> tuple[int, ...]:
    """As torch has them: the last axis first, (before, behind) each."""
    pairs = zip(reversed(before), reversed(behind), strict=True)
    return tuple(side for pair in pairs for side in pair)


def flatten(step: Step) -> Value:
    """Flatten behind the images' axis."""
    value = step.value()
    axis, rank = step.attribute("axis", 1), len(step.shape(value))
    if axis not in (1, 1 - rank):
        raise NodeProblem(f"Flatten with axis = {axis}", "axis = 1")
    return step.builder.reshaped(step.path, step.said, value, (step.builder.count, -1))


def reshape(step: Step) -> Value:
    """Reshape that keeps the images apart."""
    value, wanted = step.value(), step.integers(1)
    before = step.shape(value)
    if not step.attribute("allowzero", 0):
        wanted = [before[axis] if it == 0 and axis < len(before) else it for axis, it in enumerate(wanted)]
    return step.builder.reshaped(step.path, step.said, value, wanted)


def squeeze(step: Step) -> Value:
    """Squeeze."""
    value = step.value()
    shape = step.shape(value)
    axes = step.integers(1) if step.has(1) else [axis for axis, it in enumerate(shape) if axis and it == 1]
    gone = {axis % len(shape) for axis in axes}
    left = [it for axis, it in enumerate(shape) if axis not in gone]
    return step.builder.reshaped(step.path, step.said, value, left)


def unsqueeze(step: Step) -> Value:
    """Unsqueeze."""
    value, axes = step.value(), step.integers(1)
    rank = len(step.shape(value)) + len(axes)
    sizes = iter(step.shape(value))
    new = {axis % rank for axis in axes}
    shape = [1 if axis in new else next(sizes) for axis in range(rank)]
    return step.builder.reshaped(step.path, step.said, value, shape)


def transpose(step: Step) -> Value:
    """Transpose, which the importer puts in order."""
    value = step.value()
    axes = step.attribute("perm", list(reversed(range(len(step.shape(value))))))
    return step.call(torch.permute, value, tuple(axes))


def pad(step: Step) -> Value:
    """Pad of all axes."""
    value, pads = step.value(), step.integers(1)
    if step.has(3):
        raise NodeProblem("Pad of some axes", "Pad without its input 'axes'")
    step.demand_attribute("mode", "constant")
    filler = float(step.floats(2)) if step.has(2) else 0.0
    half = len(pads) // 2
    sides = torch_pads(pads[:half], pads[half:])
    return step.call(nn.functional.pad, value, sides, "constant", filler)


def shape(step: Step) -> Value:
    """Shape: numbers, as all shapes are known."""
    sizes = np.array(step.shape(step.value()), np.int64)
    found: Array = sizes[step.attribute("start", 0) : step.attribute("end", len(sizes))]
    return found
