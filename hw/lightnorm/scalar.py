"""Scalars, the numbers that a channel has once; their arithmetic is slow and small, a bit each cycle.

Golden: `golden.lightnorm.scalars`. Zero has mantissa 0, sign 0 and exponent 0.
"""

from amaranth.hdl import signed, unsigned
from amaranth.lib import data

from golden.spec.block import SCALAR_BITS
from hw.lightnorm.layouts import GRID_BITS


def scalar_layout() -> data.StructLayout:
    """±mantissa · 2**exponent; the mantissa's top bit is set unless the number is zero."""
    return data.StructLayout(
        {"mantissa": unsigned(SCALAR_BITS), "sign": unsigned(1), "exponent": signed(GRID_BITS)}
    )
