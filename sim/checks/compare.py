"""Where a backend first differs from golden, and how much was compared."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from golden.machine.result import Mismatch, Result
from golden.spec.program import Program


def first_mismatch(expected: Mapping[str, Any], result: Result, program: Program) -> Mismatch | None:
    """The first difference in order of layers, then images, then (channel, row, column).

    Parameters
    ----------
    expected: tensor name → int8 array (images, channels, height, width), from golden.
    result: of any backend; a value that was never written differs from every value.

    Returns None if every value of every layer's output is equal.
    Raises KeyError if `expected` lacks a layer's tensor.
    """
    return next(mismatches(expected, result, program), None)


def mismatches(expected: Mapping[str, Any], result: Result, program: Program) -> Iterator[Mismatch]:
    """The first difference of every layer that differs, in order of layers."""
    for layer in program.layers:
        right = np.asarray(expected[layer.output])
        got, cycles = _padded(result, layer.output, right)
        wrong = (got != right) | (cycles == 0)
        if not wrong.any():
            continue
        image, channel, row, column = place = np.unravel_index(int(wrong.argmax()), wrong.shape)
        cycle = int(cycles[place])
        yield Mismatch(
            layer=layer.path,
            image=int(image),
            index=(int(channel), int(row), int(column)),
            expected=int(right[place]),
            got=int(got[place]) if cycle else None,
            cycle=cycle if cycle and layer.output in result.write_cycles else None,
        )


def mismatch_count(expected: Mapping[str, Any], result: Result, program: Program) -> int:
    """Values of all layers' outputs that differ or were never written."""
    count = 0
    for layer in program.layers:
        right = np.asarray(expected[layer.output])
        got, cycles = _padded(result, layer.output, right)
        count += int(np.count_nonzero((got != right) | (cycles == 0)))
    return count


def values_compared(expected: Mapping[str, Any], program: Program) -> int:
    """Values that `first_mismatch` looks at: sizes of all layers' outputs × images."""
    return sum(int(np.asarray(expected[layer.output]).size) for layer in program.layers)


def _padded(result: Result, name: str, right: Any) -> tuple[Any, Any]:
    """The values and their cycles in the shape of `right`; cycle 0 where there is no value.

    A backend without cycles has written everything that it returned: cycle 1 stands for that.
    """
    got = np.asarray(result.tensors.get(name, np.zeros((0, *right.shape[1:]), np.int8)))
    if got.shape[1:] != right.shape[1:] or len(got) > len(right):
        raise ValueError(f"tensor {name!r}: shape {got.shape}; expected {right.shape}")
    cycles = np.asarray(result.write_cycles.get(name, np.ones(got.shape, np.uint32)))
    missing = len(right) - len(got)
    if missing:
        fill = np.zeros((missing, *right.shape[1:]))
        got = np.concatenate([got, fill.astype(np.int8)])
        cycles = np.concatenate([cycles, fill.astype(np.uint32)])
    return got, cycles
