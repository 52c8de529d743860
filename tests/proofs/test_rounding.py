"""The requantiser against its definition, for all inputs and shifts.

The definition does not shift: n is i / 2**s rounded to nearest, ties to even, if twice its distance
from i, in units of the divisor, is less than one, or is one and n is even. Every i and s have
exactly one such n.
"""

from pathlib import Path

import pytest
from amaranth.hdl import Assert, Assume, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from golden.spec import formats, latency
from hw.parts.rounding import RoundShift
from tests.proofs.prover import Mode, Verdict, prove


def nearest_even(i: Value, shift: Value, n: Value, most: int) -> Value:
    """Whether n is i / 2**shift, rounded; shift is at most `most`."""
    divisor = Const(1, most + 1) << shift
    distance = 2 * (i - n * divisor)
    away = Mux(distance < 0, -distance, distance)
    return (away < divisor) | ((away == divisor) & ~n[0])


class HalfUp(RoundShift):
    """A fault: ties go up, since they look as if there were more below."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.right = right = RoundShift(self._bits, self._shift_bits, self._out_bits)
        m.d.comb += [
            right.i.eq(self.i | (self.shift > 1)),
            right.shift.eq(self.shift),
            self.o.eq(right.o),
        ]
        return m


class Requantiser(wiring.Component):
    """A requantiser that gets a new value and shift in every cycle.

    i, shift: In.  n: In, claimed to be the rounded quotient of them (assumed so).
    """

    i: Signal
    shift: Signal
    n: Signal

    def __init__(self, bits: int, shift_bits: int, out_bits: int, half_up: bool = False) -> None:
        self._sizes = bits, shift_bits, out_bits
        self._half_up = half_up
        super().__init__({"i": In(signed(bits)), "shift": In(shift_bits), "n": In(signed(bits))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits, shift_bits, out_bits = self._sizes
        rounder = HalfUp if self._half_up else RoundShift
        m.submodules.dut = dut = rounder(bits, shift_bits, out_bits)
        m.d.comb += [dut.i.eq(self.i), dut.shift.eq(self.shift)]
        m.d.comb += Assume(nearest_even(self.i, self.shift, self.n, (1 << shift_bits) - 1))
        n, valid = self.n, Const(1)
        for stage in range(latency.ROUND):
            later = Signal.like(self.n, name=f"n{stage}")
            full = Signal(name=f"valid{stage}")
            m.d.sync += [later.eq(n), full.eq(valid)]
            n, valid = later, full
        low, high = -(1 << (out_bits - 1)), (1 << (out_bits - 1)) - 1
        right = Mux(n < low, low, Mux(n > high, high, n))
        with m.If(valid):
            m.d.comb += Assert(dut.o == right, "the rounded and saturated quotient")
        return m


SIZES = {
    "narrow": (8, 4, 4),
    "no saturation": (5, 3, 6),
    "requantiser": (formats.OUTPUT_BITS, formats.SHIFT_BITS, 8),
    "residual adder": (17, 4, 8),
}


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES.keys())
def test_rounds_and_saturates_as_defined(sizes: tuple[int, int, int], tmp_path: Path) -> None:
    assert prove(Requantiser(*sizes), Mode.ALWAYS, 4, tmp_path) == Verdict.PROVED


def test_half_up_is_found_out(tmp_path: Path) -> None:
    assert prove(Requantiser(8, 3, 4, half_up=True), Mode.BOUNDED, 4, tmp_path) == Verdict.REFUTED
