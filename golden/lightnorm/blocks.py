"""Block floating point: from numbers to blocks and back, exact."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from golden.lightnorm.scalars import Float64, Int64, bit_length
from golden.numerics.rounding import round_shift
from golden.spec.block import BlockFormat, Flag, GroupAxis, Rounding

Bool = npt.NDArray[np.bool_]

_NO_TOP = -(1 << 40)
"""Leading bit of zero."""


@dataclass(frozen=True)
class Blocks:
    """A tensor of C channels with n values each, in groups.

    Parameters
    ----------
    magnitudes: int64 (C, n), with sign; |magnitude| ≤ format.largest.
    exponents: int64, (C, ⌈n/G⌉) for groups of pixels, (⌈C/G⌉, n) for groups of channels. The last
        group may be short; a group of zeros has the lowest exponent.
    format, axis: of the tensor.
    """

    magnitudes: Int64
    exponents: Int64
    format: BlockFormat
    axis: GroupAxis

    def element_exponents(self) -> Int64:
        """int64 (C, n): value = magnitude · 2**exponent, exactly."""
        along = _dimension(self.axis)
        whole = np.repeat(self.exponents, self.format.group, axis=along)
        return whole[: self.magnitudes.shape[0], : self.magnitudes.shape[1]] - (
            self.format.magnitude_bits - 1
        )

    def integers(self) -> npt.NDArray[np.object_]:
        """(C, n) exact integers in units of 2**format.grid, of Python's unlimited kind."""
        shifts = self.element_exponents() - self.format.grid
        return self.magnitudes.astype(object) << shifts.astype(object)

    def floats(self) -> Float64:
        """(C, n) float64, exact."""
        return np.ldexp(self.magnitudes.astype(np.float64), self.element_exponents().astype(np.int32))

    @property
    def payload_bits(self) -> int:
        """Stored bits: sign and magnitude of every value, the exponent of every group."""
        return (
            self.magnitudes.size * (1 + self.format.magnitude_bits)
            + self.exponents.size * self.format.exponent_bits
        )


def _dimension(axis: GroupAxis) -> int:
    return 1 if axis == GroupAxis.PIXELS else 0


def _groups(values: npt.NDArray[np.generic], fmt: BlockFormat, axis: GroupAxis, filler: int) -> Int64:
    """(C, n) → (C, groups, G) or (groups, G, n): short groups filled up."""
    along = _dimension(axis)
    missing = -values.shape[along] % fmt.group
    padding = [(0, 0), (0, 0)]
    padding[along] = (0, missing)
    padded = np.pad(values, padding, constant_values=filler)
    shape = list(padded.shape)
    shape[along : along + 1] = [shape[along] // fmt.group, fmt.group]
    return padded.reshape(shape)


def _scaled(magnitude: Int64, shift: Int64, fmt: BlockFormat) -> Int64:
    """Unsigned magnitude · 2**shift, rounded as the format says; saturates far above the largest."""
    down = np.clip(-shift, 0, 62)
    low = round_shift(magnitude, down) if fmt.rounding == Rounding.NEAREST else magnitude >> down
    # Beyond this the value is above the largest magnitude anyway, and must not leave int64.
    far = shift + bit_length(magnitude) > fmt.magnitude_bits + 1
    up = np.where(far, 0, np.clip(shift, 0, fmt.magnitude_bits + 1))
    return np.where(far & (magnitude > 0), 2 * fmt.largest + 2, low << up)


def encode(
    values: Int64,
    exponents: Int64,
    fmt: BlockFormat,
    axis: GroupAxis = GroupAxis.PIXELS,
    spikes: Bool | None = None,
) -> tuple[Blocks, Flag]:
    """values · 2**exponents in blocks: the encoder of docs/lightnorm.md, section 2.

    Parameters
    ----------
    values: int64 (C, n), |value| < 2**60.  exponents: int64, broadcasts to (C, n).
    spikes: bool (C, n) or None: these values have no say in the exponent of a group that has others,
        and saturate.

    Returns the blocks and OVERFLOW, UNDERFLOW as they happened.
    """
    along = _dimension(axis)
    exponents = np.broadcast_to(exponents, values.shape)
    magnitude = np.abs(values)
    top = np.where(values == 0, _NO_TOP, bit_length(values) - 1 + exponents)
    quiet = np.zeros(values.shape, bool) if spikes is None else spikes
    heard = _groups(np.where(quiet, _NO_TOP, top), fmt, axis, _NO_TOP)
    loud = _groups(top, fmt, axis, _NO_TOP)
    # A group of spikes alone takes its exponent from them.
    alone = _groups(quiet, fmt, axis, 1).all(axis=along + 1)
    highest = np.where(alone, loud.max(axis=along + 1), heard.max(axis=along + 1))

    def expand(groups: npt.NDArray[np.generic]) -> npt.NDArray[Any]:
        whole = np.repeat(groups, fmt.group, axis=along)
        return whole[: values.shape[0], : values.shape[1]]

    def magnitudes(shared: Int64) -> Int64:
        return _scaled(magnitude, exponents - expand(shared) + fmt.magnitude_bits - 1, fmt)

    shared = np.maximum(highest, fmt.exponent_low)
    # Rounding up to the next power of two raises the exponent, and all values are rounded afresh.
    counts = ~quiet | expand(np.asarray(alone))
    carry = _groups(counts & (magnitudes(shared) > fmt.largest), fmt, axis, 0).any(axis=along + 1)
    shared = shared + carry
    over = shared > fmt.exponent_high
    shared = np.minimum(shared, fmt.exponent_high)
    result = np.minimum(magnitudes(shared), fmt.largest)
    empty = ~_groups(result, fmt, axis, 0).any(axis=along + 1)
    shared = np.where(empty, fmt.exponent_low, shared)
    flags = Flag.NONE
    if over.any():
        flags |= Flag.OVERFLOW
    if (empty & (loud.max(axis=along + 1) > _NO_TOP)).any():
        flags |= Flag.UNDERFLOW
    return Blocks(np.sign(values) * result, shared, fmt, axis), flags


def encode_floats(
    values: npt.NDArray[np.floating], fmt: BlockFormat, axis: GroupAxis = GroupAxis.PIXELS
) -> tuple[Blocks, Flag]:
    """Floating-point values (C, n) in blocks; NaN becomes zero, an infinity the largest value."""
    wide = values.astype(np.float64)
    flags = Flag.NONE
    if np.isnan(wide).any():
        flags |= Flag.NAN
    if np.isinf(wide).any():
        flags |= Flag.INFINITE
    limit = fmt.largest_value
    mantissa, exponent = np.frexp(np.nan_to_num(wide, nan=0.0, posinf=limit, neginf=-limit))
    integers = np.ldexp(mantissa, 53).astype(np.int64)
    blocks, met = encode(integers, exponent.astype(np.int64) - 53, fmt, axis)
    return blocks, flags | met
