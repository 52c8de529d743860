"""A single error as a power of two."""

from amaranth.hdl import Module, Mux, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats
from golden.spec.learning import ERROR_RANDOM_BITS
from hw.learning.term_rounder import TermRounder


class ScalarTerm(wiring.Component):
    """TERMS of the controller.

    Golden: `golden.spec.learning.power_term`.  Latency: `latency.TERM_ROUND` cycles.  Throughput: one per
    cycle.

    Members
    -------
    error: In, not −128.  random: In.  term: Out, 0 or ±2^e.
    """

    def __init__(self) -> None:
        value = signed(formats.ACTIVATION_BITS)
        super().__init__({"error": In(value), "random": In(ERROR_RANDOM_BITS), "term": Out(value)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.rounder = rounder = TermRounder(1)
        exponent, minus = rounder.codes[: formats.EXPONENT_BITS], rounder.codes[-1]
        m.d.comb += [rounder.errors.eq(self.error), rounder.random.eq(self.random)]
        for place in range(formats.EXPONENTS):
            with m.If(exponent == place):
                m.d.comb += self.term.eq(Mux(minus, -1 << place, 1 << place))
        return m
