"""A unit between two pins, so that it can be placed on a part whatever the number of its ports."""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

FAN = 4
"""Inputs of one exclusive-or: a LUT4."""


class TwoPins(wiring.Component):
    """All inputs of a unit come from a shift register, all outputs end in one exclusive-or.

    Every output is registered, and so is every level of the exclusive-or, so that the slowest path
    is one of the unit. Its cells are those of the unit, one flip-flop an input bit, one an output bit
    and a third of a LUT4 with a flip-flop an output bit.

    Parameters
    ----------
    unit: a component.

    Members
    -------
    i: In, next bit of the shift register.  o: Out, exclusive-or of the outputs, some cycles later.
    """

    def __init__(self, unit: wiring.Component) -> None:
        self._unit = unit
        super().__init__({"i": In(1), "o": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.unit = self._unit
        inputs: list[Value] = []
        outputs: list[Value] = []
        for _, member, port in self._unit.signature.flatten(self._unit):
            (inputs if member.flow == In else outputs).append(Value.cast(port))
        driven = Cat(inputs)
        register = Signal(len(driven), reset_less=True)
        m.d.sync += register.eq(Cat(self.i, register))
        m.d.comb += driven.eq(register)
        level: Value = Signal(len(Cat(outputs)), reset_less=True)
        m.d.sync += level.eq(Cat(outputs))
        while len(level) > 1:
            following = Signal(-(-len(level) // FAN), reset_less=True)
            m.d.sync += following.eq(Cat(level[at : at + FAN].xor() for at in range(0, len(level), FAN)))
            level = following
        m.d.comb += self.o.eq(level)
        return m
