"""A unit between two pins: nothing of it is lost, whatever its ports."""

import random
from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from flows.synth.wrap import FAN, TwoPins
from tests.hw.bench import simulate

BITS = 21


class Through(wiring.Component):
    """Ports of several shapes, each led from an input to an output; an array reversed."""

    def __init__(self) -> None:
        super().__init__(
            {
                "i": In(5),
                "i_array": In(4).array(2),
                "i_bus": In(wiring.Signature({"a": Out(7), "b": Out(1)})),
                "o": Out(5),
                "o_array": Out(4).array(2),
                "o_bus": Out(wiring.Signature({"a": Out(7), "b": Out(1)})),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        wiring.connect(m, wiring.flipped(self.i_bus), wiring.flipped(self.o_bus))
        m.d.comb += [self.o.eq(self.i), *(self.o_array[n].eq(self.i_array[1 - n]) for n in range(2))]
        return m


def test_every_bit_goes_in_and_comes_out() -> None:
    dut = TwoPins(Through())
    rng = random.Random(1)
    sent = [rng.getrandbits(1) for _ in range(200)]
    came: list[int] = []

    async def bench(ctx: Any) -> None:
        for bit in sent:
            ctx.set(dut.i, bit)
            came.append(ctx.get(dut.o))
            await ctx.tick()

    simulate(dut, bench)
    levels = 0
    width = BITS
    while width > 1:
        width, levels = -(-width // FAN), levels + 1
    # Shift register, outputs, levels of the exclusive-or: the window of BITS bits ends so much earlier.
    late = 1 + levels
    for cycle in range(BITS + late, len(sent)):
        window = sent[cycle - late - BITS : cycle - late]
        assert came[cycle] == sum(window) % 2
