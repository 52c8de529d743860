"""Position: every value once, the last one known as such, for any limit."""

from typing import Any

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.parts.position import Position
from tests.hw.bench import simulate

BITS = 4


class Place(wiring.Component):
    """A position with wires for all that it can be asked."""

    def __init__(self, first: int) -> None:
        self._first = first
        pins = {"load": In(1), "clear": In(1), "next": In(1)}
        super().__init__({"limit": In(BITS), **pins, "value": Out(BITS), "last": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        place = Position(m, "place", self.limit, self._first)
        for asked, act in ((self.load, place.load), (self.clear, place.clear), (self.next, place.next)):
            assert isinstance(asked, Signal)
            with m.If(asked):
                act()
        m.d.comb += [self.value.eq(place.value), self.last.eq(place.last)]
        return m


@pytest.mark.parametrize("first", [0, 1])
def test_counts_up_to_its_last_value_again_and_again(first: int) -> None:
    dut = Place(first)

    async def bench(ctx: Any) -> None:
        for limit in range(1, (1 << BITS) - 1):
            ctx.set(dut.limit, limit)
            for ask in (dut.load, dut.clear):
                ctx.set(ask, 1)
                await ctx.tick()
                ctx.set(ask, 0)
                # What a limit is afterwards does not matter.
                ctx.set(dut.limit, 0)
                ctx.set(dut.next, 1)
                for value in range(first, first + limit):
                    assert ctx.get(dut.value) == value
                    assert ctx.get(dut.last) == (value == first + limit - 1)
                    await ctx.tick()
                ctx.set(dut.next, 0)

    simulate(dut, bench)
