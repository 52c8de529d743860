"""Scalars, the numbers that a channel has once; their arithmetic is slow and small, a bit each cycle.

Golden: `golden.lightnorm.scalars`. Zero has mantissa 0, sign 0 and exponent 0.
"""

from amaranth.hdl import Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data

from golden.spec.block import SCALAR_BITS
from hw.lightnorm.layouts import GRID_BITS


def scalar_layout() -> data.StructLayout:
    """±mantissa · 2**exponent; the mantissa's top bit is set unless the number is zero."""
    return data.StructLayout(
        {"mantissa": unsigned(SCALAR_BITS), "sign": unsigned(1), "exponent": signed(GRID_BITS)}
    )


def round_scalar(m: Module, target: data.View, top: Value, sign: Value, exponent: Value) -> None:
    """Writes a normalised number into a scalar: `top` has its leading one at its top bit, or is zero.

    `exponent` belongs to the bit SCALAR_BITS − 1 below the leading one. Ties to even.
    """
    kept = top[-SCALAR_BITS:]
    guard = top[-SCALAR_BITS - 1]
    sticky = top[: -SCALAR_BITS - 1].any()
    total = Signal(SCALAR_BITS + 1)
    carry = total[SCALAR_BITS]
    some = top[-1]
    m.d.comb += total.eq(kept + (guard & (sticky | kept[0])))
    m.d.sync += [
        target.mantissa.eq(Mux(carry, total >> 1, total)),
        target.sign.eq(sign & some),
        target.exponent.eq(Mux(some, exponent + carry, 0)),
    ]
