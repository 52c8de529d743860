"""Quantisation in ONNX files: QDQ nodes, and QONNX's as Brevitas exports them.

Weights become the floats that their integers stand for. What follows from the images is not rounded: the
grids of activations are chosen anew on sample images. A range that begins at zero is a ReLU, as tools that
quantise leave the ReLU out where the range says it.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.fx

from golden.frontend.builder import Array, NodeProblem, Value
from golden.frontend.onnx.step import Step

QONNX = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general")
"""Domains of QONNX's operators."""

Range = tuple[float, float, str]
"""(scale, zero point, type) of quantised values."""


def dequantized(step: Step) -> Value:
    """DequantizeLinear of weights: (integer - zero point) times scale, along an axis."""
    codes, scale = step.array(0), step.floats(1).numpy()
    zero = step.array(2) if step.has(2) else np.zeros((), codes.dtype)
    step.demand_attribute("block_size", 0)
    step.ignore("output_dtype")
    axis = step.attribute("axis", 1)
    if codes.dtype.kind not in "iu" or scale.ndim > 1:
        found = f"DequantizeLinear of {codes.dtype} with scales {scale.shape}"
        raise NodeProblem(found, "integers, and scales along one axis")
    if scale.ndim == 1 and scale.size > 1:
        axis = 0 if codes.ndim == 1 else axis
        if not -codes.ndim <= axis < codes.ndim or codes.shape[axis] != scale.size:
            found = f"DequantizeLinear: {scale.size} scales on axis {axis} of shape {codes.shape}"
            raise NodeProblem(found, "a scale for each index of an axis")
        shape = [1] * codes.ndim
        shape[axis] = -1
        scale, zero = scale.reshape(shape), zero.reshape(shape if zero.size > 1 else ())
    values: Array = ((codes.astype(np.int64) - zero.astype(np.int64)) * scale).astype(np.float32)
    return values


@dataclass
class Ranges:
    """What is quantised among that which follows from the images: file's tensor → range."""

    found: dict[str, Range] = field(default_factory=dict)

    def quantize(self, step: Step) -> Value:
        """QuantizeLinear."""
        value, scale = step.value(), step.floats(1)
        zero = step.array(2) if step.has(2) else np.zeros((), np.uint8)
        step.ignore("axis", "saturate", "block_size", "output_dtype", "precision")
        if scale.numel() != 1 or zero.size != 1 or zero.dtype.kind not in "iu":
            raise NodeProblem(
                f"QuantizeLinear to {zero.dtype} with {scale.numel()} scales",
                "integers, one scale for a tensor",
            )
        low, high = np.iinfo(zero.dtype).min, np.iinfo(zero.dtype).max
        point = int(zero.reshape(-1)[0])
        self.found[step.node.output[0]] = (float(scale), point, str(zero.dtype))
        made = self._limited(step, value, point == low)
        step.builder.rounded(made, float(scale), low - point, high - point)
        return made

    def dequantize(self, step: Step) -> Value:
        """DequantizeLinear of what follows from the images."""
        value, scale = step.value(), step.floats(1)
        zero = step.array(2) if step.has(2) else np.zeros((), np.uint8)
        step.ignore("axis", "block_size", "output_dtype")
        given = self.found.get(step.node.input[0])
        if scale.numel() != 1 or zero.size != 1:
            raise NodeProblem(f"DequantizeLinear with {scale.numel()} scales", "one scale for a tensor")
        own = (float(scale), int(zero.reshape(-1)[0]), str(zero.dtype))
        # Integers at the network's input stand for the images themselves.
        if given is not None and given[:2] != own[:2]:
            raise NodeProblem(
                f"DequantizeLinear with scale {own[0]:.4g}, zero point {own[1]} of what was quantised with "
                f"{given[0]:.4g}, {given[1]}",
                "equal ones",
            )
        self.found[step.node.output[0]] = own
        return value

    def quant(self, step: Step) -> Value:
        """QONNX's Quant: of weights their values, of activations a range."""
        scale, zero, bits = (step.array(it) for it in (1, 2, 3))
        signed, narrow = step.attribute("signed", 1), step.attribute("narrow", 0)
        mode = str(step.attribute("rounding_mode", "ROUND")).upper()
        if np.size(bits) != 1:
            raise NodeProblem(f"Quant with {np.size(bits)} bit widths", "one for a tensor")
        whole = 1 << int(np.reshape(bits, -1)[0])
        low, high = (-whole // 2 + int(narrow), whole // 2 - 1) if signed else (0, whole - 1 - int(narrow))
        if isinstance(step.inputs[0], np.ndarray):
            if mode not in ("ROUND", "HALF_EVEN", "CEIL", "FLOOR", "ROUND_TO_ZERO"):
                raise NodeProblem(
                    f"Quant with rounding_mode = {mode!r}", "ROUND, CEIL, FLOOR or ROUND_TO_ZERO"
                )
            rounded: Any = {"CEIL": np.ceil, "FLOOR": np.floor, "ROUND_TO_ZERO": np.trunc}.get(mode, np.rint)
            integers = np.clip(rounded(step.inputs[0] / scale + zero), low, high)
            found: Array = ((integers - zero) * scale).astype(np.float32)
            return found
        if np.size(scale) != 1 or np.size(zero) != 1:
            raise NodeProblem(f"Quant of activations with {np.size(scale)} scales", "one scale for a tensor")
        point = float(np.reshape(zero, -1)[0])
        self.found[step.node.output[0]] = (float(np.reshape(scale, -1)[0]), point, f"{low}…{high}")
        made = self._limited(step, step.value(), point == low)
        step.builder.rounded(made, float(np.reshape(scale, -1)[0]), low - point, high - point)
        return made

    def bipolar(self, step: Step) -> Value:
        """QONNX's BipolarQuant of weights: their signs times a scale."""
        weight, scale = step.array(0), step.array(1)
        found: Array = (np.where(weight >= 0, 1, -1) * scale).astype(np.float32)
        return found

    def _limited(self, step: Step, value: torch.fx.Node, positive: bool) -> torch.fx.Node:
        if not positive or value in step.builder.positive:
            return value
        made = step.call(torch.relu, value)
        step.builder.positive.add(made)
        return made
