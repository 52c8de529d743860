"""Weights as stream entries, and the numbers of each folding that jobs and bounds need."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from golden.graph.network import Layer, Product
from golden.graph.operations.gate import Gate
from golden.graph.operations.max_pool import MaxPool
from golden.graph.operations.uneven_pool import UnevenPool
from golden.graph.operations.weights import Plain
from golden.spec import formats
from golden.spec.memories import Fold

Int64 = npt.NDArray[np.int64]

_DIGITS = [formats.signed_digits(value) for value in range(-128, 128)]
_DIGIT_COUNT = np.array([len(digits) for digits in _DIGITS])
_DIGIT_TABLE = np.array([digits + [0] * (max(_DIGIT_COUNT) - len(digits)) for digits in _DIGITS])
_LARGEST = 1 << (formats.EXPONENTS - 1)
_CODES = np.full(2 * _LARGEST + 1, -1)
for _value in [0] + [sign << p for p in range(formats.EXPONENTS) for sign in (1, -1)]:
    _CODES[_value + _LARGEST] = formats.encode_coefficient(_value)


def coefficient_codes(values: Int64) -> Int64:
    """The 4-bit code of each value, 0 or ±2^p."""
    return _CODES[values + _LARGEST]


@dataclass(frozen=True)
class Entries:
    """All entries of a layer, in no particular order but digits of one weight largest first.

    A *unit* is what cannot be divided between engines: the filters that share a basis, or one filter.

    Parameters
    ----------
    fold: the machine's Fold.
    name: "plain", "scale", "group", "column", "largest", "average" or "gate", for reports.
    group: filters that share a basis; 1 in COLUMN.
    unit_slots: partial sums of a unit.
    filter_terms: basis terms of a filter.
    units: number of units.
    unit, slot, row, value: int64, one per entry; slot counts inside the unit.
    terms: int64, shape (filters, filter_terms).
    together: units that one engine must take together.
    whole_rows: a row costs a step for every unit of a job if any of them needs it.
    part: int64, one per entry: a lane sees the entries of one part only; None: of all.
    """

    fold: Fold
    name: str
    group: int
    unit_slots: int
    filter_terms: int
    units: int
    unit: Int64
    slot: Int64
    row: Int64
    value: Int64
    terms: Int64
    together: int = 1
    whole_rows: bool = False
    part: Int64 | None = None

    @property
    def filters(self) -> int:
        """Number of filters."""
        return len(self.terms)

    @property
    def codes(self) -> Int64:
        """The 4-bit code of each entry."""
        return coefficient_codes(self.value)


def layer_entries(layer: Layer) -> Entries:
    """The entries of a checked layer; rows are channel · taps + tap."""
    product = layer.product
    if isinstance(product, MaxPool):
        return _taken(product)
    if isinstance(product, UnevenPool):
        return _weighed(product)
    if isinstance(product, Gate):
        return _gated(product)
    entries = _grouped_entries(layer)
    if product.groups == 1:
        return entries
    # So far rows count the channels of a group of filters.
    group = entries.unit * entries.group // (product.filters // product.groups)
    return replace(
        entries, row=entries.row + group * product.group_channels * tap_count(product, entries.fold)
    )


def tap_count(product: Product, fold: Fold) -> int:
    """Rows of a channel: COLUMN takes a kernel row at once."""
    height, width = product.window.kernel
    if isinstance(product, UnevenPool):
        return len(product.classes) * height * width
    return height if fold == Fold.COLUMN else height * width


def _taken(product: MaxPool) -> Entries:
    """Every position of a window in a partial sum of its own."""
    taps, filters = tap_count(product, Fold.LARGEST), product.filters
    unit, slot = (it.reshape(-1) for it in np.indices((filters, taps)))
    return Entries(
        fold=Fold.LARGEST,
        name="largest",
        group=1,
        unit_slots=taps,
        filter_terms=taps,
        units=filters,
        unit=unit,
        slot=slot,
        row=unit * taps + slot,
        value=np.ones_like(unit),
        terms=np.ones((filters, taps), np.int64),
    )


def _weighed(product: UnevenPool) -> Entries:
    """Every position of a window once for each factor, in digits."""
    filters, positions = product.filters, product.kernel[0] * product.kernel[1]
    digits = [
        [_LARGEST] * (factor // _LARGEST) + formats.signed_digits(factor % _LARGEST)
        for factor in product.classes
    ]
    part = np.repeat(np.arange(len(digits)), [positions * len(it) for it in digits])
    tap = np.concatenate([np.repeat(np.arange(positions), len(it)) for it in digits]) + part * positions
    value = np.concatenate([np.tile(np.array(it, np.int64), positions) for it in digits])
    unit = np.repeat(np.arange(filters), len(tap))
    taps = tap_count(product, Fold.GROUP)
    return Entries(
        fold=Fold.GROUP,
        name="average",
        group=1,
        unit_slots=1,
        filter_terms=1,
        units=filters,
        unit=unit,
        slot=np.zeros_like(unit),
        row=unit * taps + np.tile(tap, filters),
        value=np.tile(value, filters),
        terms=np.ones((filters, 1), np.int64),
        part=np.tile(part, filters),
    )


def _gated(product: Gate) -> Entries:
    """Each pixel as it is; the terms are written when the program runs."""
    unit = np.arange(product.filters)
    nothing = np.zeros_like(unit)
    terms = nothing[:, None]
    return Entries(Fold.GROUP, "gate", 1, 1, 1, len(unit), unit, nothing, unit, np.ones_like(unit), terms)


def _grouped_entries(layer: Layer) -> Entries:
    """The entries of a convolution; rows count the channels that a filter sees."""
    weights, filters = layer.convolution.weights, layer.product.filters
    if isinstance(weights, Plain):
        flat = weights.weights.astype(np.int64).reshape(filters, -1)
        unit, row = np.nonzero(flat)
        repeats = _DIGIT_COUNT[flat[unit, row] + 128]
        number = np.arange(repeats.sum()) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        unit, row = np.repeat(unit, repeats), np.repeat(row, repeats)
        value = _DIGIT_TABLE[flat[unit, row] + 128, number]
        terms = weights.scale.astype(np.int64)[:, None]
        return Entries(Fold.GROUP, "plain", 1, 1, 1, filters, unit, np.zeros_like(unit), row, value, terms)
    coefficients, basis = weights.coefficients.astype(np.int64), weights.basis.astype(np.int64)
    units, slots = len(coefficients), coefficients.shape[-1]
    matrices = coefficients.reshape(units, -1, slots)
    unit, row, slot = np.nonzero(weights.mask.reshape(matrices.shape))
    value = matrices[unit, row, slot]
    if weights.fold == Fold.COLUMN:
        terms = basis.reshape(units, -1)
        return Entries(Fold.COLUMN, "column", 1, slots, slots**2, units, unit, slot, row, value, terms)
    # Terms of filter j are column j of its group's basis.
    terms = basis.transpose(0, 2, 1).reshape(units * slots, slots)[:filters]
    name = "scale" if slots == 1 else "group"
    return Entries(Fold.GROUP, name, slots, slots, slots, units, unit, slot, row, value, terms)


def block_steps(entries: Entries, units: int, blocks: int) -> Int64:
    """Steps of each block of `units` units for one output pixel, shape (blocks,)."""
    block = entries.unit // units
    if not entries.whole_rows:
        return np.bincount(block, minlength=blocks).astype(np.int64)
    rows = int(entries.row.max(initial=0)) + 1
    kept = np.bincount(np.unique(block * rows + entries.row) // rows, minlength=blocks)
    members = np.clip(entries.units - np.arange(blocks) * units, 0, units)
    return (kept * members).astype(np.int64)
