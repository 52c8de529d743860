"""Scalars, the numbers that a channel has once; their arithmetic is slow and small, a bit each cycle.

Golden: `golden.lightnorm.scalars`. Zero has mantissa 0, sign 0 and exponent 0.
"""

from amaranth.hdl import Value, signed, unsigned
from amaranth.lib import data

from golden.spec.block import GRID_BITS, SCALAR_BITS, BlockFormat


def scalar_layout() -> data.StructLayout:
    """±mantissa · 2**exponent; the mantissa's top bit is set unless the number is zero."""
    return data.StructLayout(
        {"mantissa": unsigned(SCALAR_BITS), "sign": unsigned(1), "exponent": signed(GRID_BITS)}
    )


def below_step(fmt: BlockFormat, mean: data.View, spread: data.View) -> Value:
    """Whether a spread is less than one step of the format at the mean; `scalar_layout` each.

    Golden: `golden.lightnorm.channel.coarse`.  A scalar is less than a power of two if its top bit is worth
    less, so the exponents alone tell.
    """
    some, far = spread.mantissa[-1], mean.mantissa[-1]
    at_mean = far & (spread.exponent + fmt.magnitude_bits <= mean.exponent)
    return ~some | at_mean | (spread.exponent <= fmt.grid - SCALAR_BITS)
