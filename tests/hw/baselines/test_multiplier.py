"""Multiplier: o + carry is the exact product.  Latency: none."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.baselines.multiplier import Multiplier, Recoder
from tests.hw.bench import seeded, simulate, some


class Product(wiring.Component):
    """Recoder and multiplier, one after the other."""

    def __init__(self, bits: int) -> None:
        self._bits = bits
        super().__init__({"byte": In(8), "factor": In(bits), "o": Out(bits + 8), "carry": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.recoder = recoder = Recoder()
        m.submodules.unit = unit = Multiplier(self._bits)
        m.d.comb += [recoder.i.eq(self.byte), unit.digits.eq(recoder.o), unit.factor.eq(self.factor)]
        m.d.comb += [self.o.eq(unit.o), self.carry.eq(unit.carry)]
        return m


def products(bits: int, pairs: list[tuple[int, int]]) -> list[int]:
    """What the hardware makes of (byte, factor)."""
    dut = Product(bits)
    found = []

    async def bench(ctx: Any) -> None:
        for byte, factor in pairs:
            ctx.set(dut.byte, byte & 0xFF)
            ctx.set(dut.factor, factor & ((1 << bits) - 1))
            value = (ctx.get(dut.o) + ctx.get(dut.carry)) % (1 << bits + 8)
            found.append(value - (value >> bits + 7 << bits + 8))

    simulate(dut, bench)
    return found


def test_all_products_of_bytes() -> None:
    factors = [-128, -127, -86, -85, -1, 0, 1, 2, 85, 86, 126, 127]
    pairs = [(byte, factor) for byte in range(-128, 128) for factor in factors]
    assert products(8, pairs) == [byte * factor for byte, factor in pairs]


def test_products_of_rebuilt_weights() -> None:
    rng = seeded(1)
    pairs = [(byte, some(rng, -(1 << 16), (1 << 16) - 1)) for byte in range(-128, 128) for _ in range(8)]
    assert products(17, pairs) == [byte * factor for byte, factor in pairs]
