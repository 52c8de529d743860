"""Proofs that no sum of the machine can wrap, from the weights and the range of the input."""

import numpy as np

from golden.datapath.entries import Entries
from golden.graph.network import Layer
from golden.spec import formats
from golden.spec.errors import CapacityError


def prove_no_overflow(
    layer: Layer, entries: Entries, input_range: tuple[int, int], accumulator_bits: int
) -> None:
    """Every partial sum fits `accumulator_bits`, every output sum with its bias OUTPUT_BITS.

    Bounds are worst cases over all inputs in `input_range` = (low ≤ 0, high ≥ 0) and hold after
    every single addition, in any order: each addend's range contains zero.

    Raises CapacityError naming layer, filter, bound and limit.
    """
    low, high = _slot_ranges(entries, input_range)
    half = 1 << (accumulator_bits - 1)
    if low.min(initial=0) < -half or high.max(initial=0) >= half:
        unit = int(np.argmax(np.maximum(-low - 1, high).max(axis=1)))
        raise CapacityError(
            f"layer {layer.path}: a partial sum of filter {unit * entries.group} may reach "
            f"{low[unit].min()}…{high[unit].max()}; accumulator_bits = {accumulator_bits} holds "
            f"{-half}…{half - 1}"
        )
    _prove_outputs(layer, entries, low, high)


def _slot_ranges(entries: Entries, input_range: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """(smallest, largest) value of each partial sum, int64, shape (units, unit_slots)."""
    low, high = input_range
    size = entries.units * entries.unit_slots
    part = np.zeros_like(entries.unit) if entries.part is None else entries.part
    parts = int(part.max(initial=0)) + 1
    index = part * size + entries.unit * entries.unit_slots + entries.slot
    # bincount sums in float64: exact, since every sum of these small integers is far below 2**53.
    plus = np.bincount(index, np.maximum(entries.value, 0), parts * size).astype(np.int64)
    minus = np.bincount(index, np.maximum(-entries.value, 0), parts * size).astype(np.int64)
    shape = (parts, entries.units, entries.unit_slots)
    least = plus * low - minus * high
    most = plus * high - minus * low
    return least.reshape(shape).min(axis=0), most.reshape(shape).max(axis=0)


def _prove_outputs(layer: Layer, entries: Entries, low: np.ndarray, high: np.ndarray) -> None:
    unit = np.arange(layer.product.filters) // entries.group
    # Terms run over the slots, for COLUMN with the kernel columns inside.
    repeat = entries.filter_terms // entries.unit_slots
    small, large = (np.repeat(bound[unit], repeat, axis=1) for bound in (low, high))
    products = np.stack([entries.terms * small, entries.terms * large])
    least = products.min(axis=0).sum(axis=1) + np.minimum(layer.requantise.bias, 0)
    most = products.max(axis=0).sum(axis=1) + np.maximum(layer.requantise.bias, 0)
    half = 1 << (formats.OUTPUT_BITS - 1)
    if least.min() < -half or most.max() >= half:
        worst = int(np.argmax(np.maximum(-least - 1, most)))
        raise CapacityError(
            f"layer {layer.path}: the output sum of filter {worst} may reach "
            f"{least[worst]}…{most[worst]}; {formats.OUTPUT_BITS} bits hold {-half}…{half - 1}"
        )
