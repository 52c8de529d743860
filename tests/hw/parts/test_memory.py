"""FeatureMemory and LoadedMemory against a list of bytes and a list of words."""

import re
from dataclasses import replace
from typing import Any

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import TINY
from golden.spec.memories import Memory, filter_record, memory_shape
from hw.core.accelerator import Accelerator
from hw.interfaces import load_bits
from hw.parts.layouts import layout
from hw.parts.memory import FeatureMemory, LoadedMemory, columns
from tests.hw.bench import NANO, any_value, join, load_words, seeded, simulate

LUT_RAM_WORDS = 16
"""Of a TRELLIS_DPR16X4."""


def test_feature_memory_reads_unaligned_words_while_port_b_works() -> None:
    rng = seeded(1)
    lanes, depth = NANO.lanes, NANO.feature_words
    dut = FeatureMemory(NANO)
    model = [rng.randrange(256) for _ in range(depth * lanes)]

    async def bench(ctx: Any) -> None:
        ctx.set(dut.port.enable, (1 << lanes) - 1)
        for word in range(depth):
            ctx.set(dut.port.address, word)
            ctx.set(dut.port.write, join(model[word * lanes :][:lanes], 8))
            await ctx.tick()
        for _ in range(1500):
            start = rng.randrange(depth * lanes)
            word, rotation = divmod(start, lanes)
            ctx.set(dut.rows.word, word)
            ctx.set(dut.rows.next_word, (word + 1) % depth)
            ctx.set(dut.rows.rotation, rotation)
            b_address = rng.randrange(depth)
            enable = rng.choice([0, 0, rng.randrange(1 << lanes)])
            value = [rng.randrange(256) for _ in range(lanes)]
            ctx.set(dut.port.address, b_address)
            ctx.set(dut.port.enable, enable)
            ctx.set(dut.port.write, join(value, 8))
            expected = {(start + lane) % (depth * lanes) for lane in range(lanes)}
            before = list(model)
            for lane in range(lanes):
                if enable >> lane & 1:
                    model[b_address * lanes + lane] = value[lane]
            await ctx.tick()
            got = ctx.get(dut.rows.data)
            for byte in expected:
                if before[byte] == model[byte]:  # else written in the cycle of the read
                    assert got >> byte % lanes * 8 & 255 == model[byte]
            if not enable:
                assert ctx.get(dut.port.read) == join(model[b_address * lanes :][:lanes], 8)

    simulate(dut, bench)


def test_feature_memory_reads_one_word_per_cycle_on_port_b() -> None:
    dut = FeatureMemory(NANO)

    async def bench(ctx: Any) -> None:
        for word in range(NANO.feature_words):
            ctx.set(dut.port.address, word)
            ctx.set(dut.port.enable, (1 << NANO.lanes) - 1)
            ctx.set(dut.port.write, word * 0x01010101)
            await ctx.tick()
        ctx.set(dut.port.enable, 0)
        for word in reversed(range(NANO.feature_words)):
            ctx.set(dut.port.address, word)
            await ctx.tick()
            assert ctx.get(dut.port.read) == word * 0x01010101

    simulate(dut, bench)


def test_loaded_memory_takes_its_own_words_only() -> None:
    rng = seeded(2)
    record = filter_record()
    dut = LoadedMemory(NANO, Memory.FILTER, layout(record))
    depth = memory_shape(NANO, Memory.FILTER).depth
    fields = [{f.name: any_value(rng, f) for f in record.fields} for _ in range(depth)]

    async def bench(ctx: Any) -> None:
        await load_words(ctx, dut, NANO, Memory.FILTER, (record.pack(**values) for values in fields))
        other = (rng.randrange(256) for _ in range(depth))
        await load_words(ctx, dut, NANO, Memory.TERM, other)
        for address in rng.choices(range(depth), k=3 * depth):
            ctx.set(dut.address, address)
            await ctx.tick()
            # The layout puts every field where `Record.pack` does.
            for name, value in fields[address].items():
                assert ctx.get(dut.data[name]) == value

    simulate(dut, bench)


def test_load_bus_holds_the_widest_word() -> None:
    shapes = [memory_shape(NANO, number) for number in (Memory.RUN, Memory.FRONT, Memory.BACK, Memory.FILTER)]
    assert load_bits(NANO) % 32 == 0
    assert load_bits(NANO) - 32 < max(shape.bits for shape in shapes) <= load_bits(NANO)
    assert isinstance(layout(filter_record()), data.StructLayout)


def test_no_read_port_passes_a_write_through() -> None:
    """yosys#5082, PR#6055, amaranth#1589: transparent ports came out dead of a vendor's tool."""
    config = replace(TINY, tables=1, gates=True)
    masks = re.findall(r"TRANSPARENCY_MASK (\S+)", rtlil.convert(Accelerator(config)))
    assert len(masks) > 20
    assert all(set(mask.partition("'")[2]) <= {"0"} for mask in masks)


def test_no_register_behind_a_large_memory_can_become_its_reset() -> None:
    """little-cpu PR#272: reads that fill a block RAM have a clock of their own, and no reset."""
    text = rtlil.convert(Accelerator(replace(TINY, tables=1, gates=True)))
    large = 0
    for module in re.split(r"^(?=module )", text, flags=re.MULTILINE):
        sizes = {
            name.lstrip("\\"): int(size)
            for size, name in re.findall(r"^  memory width \d+ size (\d+) (\S+)$", module, re.MULTILINE)
        }
        for cell in re.findall(r"^  cell \$memrd_v2 .*\n(?:    .*\n)*?  end$", module, re.MULTILINE):
            (name,) = re.findall(r'MEMID "\\*([^"]+)"', cell)
            if sizes[name] > LUT_RAM_WORDS:
                large += 1
                assert re.findall(r"CLK_ENABLE (\S+)", cell) == ["1"], name
                assert re.findall(r"connect \\[SA]RST (\S+)", cell) == ["1'0", "1'0"], name
    assert large > 10


class _Columns(wiring.Component):
    """Words in columns, written and read."""

    def __init__(self, bits: int, depth: int) -> None:
        self._bits, self._depth = bits, depth
        self.widths: list[int] = []
        address = range(depth)
        super().__init__(
            {
                "write": In(1),
                "write_address": In(address),
                "word": In(bits),
                "address": In(address),
                "read": Out(bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for part, ram in columns(m, "ram", self._bits, self._depth):
            self.widths.append(part.stop - part.start)
            write, read = ram.write_port(), ram.read_port()
            m.d.comb += [
                write.en.eq(self.write),
                write.addr.eq(self.write_address),
                write.data.eq(self.word[part]),
                read.addr.eq(self.address),
                self.read[part].eq(read.data),
            ]
        return m


CASES = [(5, 8192, [2, 2, 1]), (20, 2048, [9, 9, 2]), (7, 16, [7])]


@pytest.mark.parametrize(("bits", "depth", "widths"), CASES)
def test_columns_hold_whole_words_and_fill_block_rams(bits: int, depth: int, widths: list[int]) -> None:
    rng = seeded(1)
    dut = _Columns(bits, depth)
    model = {rng.randrange(depth): rng.getrandbits(bits) for _ in range(40)}

    async def bench(ctx: Any) -> None:
        ctx.set(dut.write, 1)
        for address, word in model.items():
            ctx.set(dut.write_address, address)
            ctx.set(dut.word, word)
            await ctx.tick()
        ctx.set(dut.write, 0)
        for address, word in model.items():
            ctx.set(dut.address, address)
            await ctx.tick()
            assert ctx.get(dut.read) == word

    simulate(dut, bench)
    assert dut.widths == widths
