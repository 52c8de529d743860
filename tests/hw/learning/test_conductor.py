"""Conductor and slots: commands in the order of their issue, each with its shifts; NORM beside others;
counts, before the next one."""

from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import latency
from golden.spec.commands import Command, command_record, payload_bits
from golden.spec.memories import Memory
from hw.interfaces import load_signature
from hw.learning.command_slot import CommandSlot
from hw.learning.conductor import Conductor
from hw.learning.ports import issue_layout
from tests.hw.bench import NANO, load_words, seeded, simulate, simulate_with_reset, some

CONFIG = replace(NANO, basis=4, learning=True, instructions=16)
REPORTED = (Command.ERROR, Command.NORM, Command.UPDATE)


class Both(wiring.Component):
    """The conductor with both slots."""

    def __init__(self) -> None:
        self.conductor = Conductor(CONFIG)
        self.slots = [CommandSlot(CONFIG), CommandSlot(CONFIG)]
        super().__init__(
            {
                "load": In(load_signature(CONFIG)),
                "i": In(stream.Signature(issue_layout(CONFIG))),
                "quiet": Out(1),
                "illegal": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.conductor = it = self.conductor
        wiring.connect(m, wiring.flipped(self.load), it.load)
        wiring.connect(m, wiring.flipped(self.i), it.i)
        for name, slot, port in zip(("array", "norm"), self.slots, (it.array, it.norm), strict=True):
            m.submodules[name] = slot
            wiring.connect(m, port, slot.i)
        m.d.comb += [self.quiet.eq(it.quiet), self.illegal.eq(it.illegal)]
        return m


@dataclass
class Issued:
    """A command on its way."""

    kind: Command
    payload: int
    shifts: list[int]
    beside: bool

    @property
    def slot(self) -> int:
        return int(self.kind == Command.NORM)


class Unit:
    """Who answers a slot: takes some cycles, has counts, and stalls reports."""

    def __init__(self, slot: CommandSlot, rng: Random) -> None:
        self._slot, self._rng = slot, rng
        self.left = -1
        self.said: list[tuple[int, int]] = []
        self.right: list[tuple[int, int]] = []

    def set(self, ctx: Any) -> bool:
        """Drives the slot for this cycle; whether its unit starts."""
        slot, rng = self._slot, self._rng
        starts = bool(ctx.get(slot.start))
        if starts:
            assert self.left < 0
            self.left = rng.randint(1, 20)
        ctx.set(slot.done, self.left == 0)
        if self.left == 0:
            address, counts = (
                rng.randrange(CONFIG.controller_words - 1),
                [rng.getrandbits(48) for _ in range(2)],
            )
            ctx.set(slot.report_address, address)
            for port, count in zip(slot.counts, counts, strict=True):
                ctx.set(port, count)
            if ctx.get(slot.runs) in (1 << kind for kind in REPORTED):
                self.right += [(address, counts[0]), (address + 1, counts[1])]
        self.left -= self.left >= 0
        ready = rng.getrandbits(1)
        ctx.set(slot.report.ready, ready)
        if ctx.get(slot.report.valid) and ready:
            self.said.append((ctx.get(slot.report.payload.address), ctx.get(slot.report.payload.word)))
        return starts

    @property
    def busy(self) -> bool:
        return self.left >= 0 or len(self.said) < len(self.right)


def test_commands_in_their_order() -> None:
    rng = seeded(1)
    dut = Both()
    kinds = [*Command, *(rng.choice([*Command]) for _ in range(CONFIG.instructions - len(Command)))]
    payloads = [rng.getrandbits(payload_bits(CONFIG)) for _ in kinds]
    words = [
        command_record(CONFIG).pack(kind=kind, payload=payload)
        for kind, payload in zip(kinds, payloads, strict=True)
    ]

    async def bench(ctx: Any) -> None:
        await load_words(ctx, dut, CONFIG, Memory.COMMAND, words)
        units = [Unit(slot, rng) for slot in dut.slots]
        waiting: Issued | None = None
        age, begun, together = 0, 0, 0
        while begun < 150:
            number, beside = rng.randrange(len(kinds)), bool(rng.getrandbits(1))
            shifts = [some(rng, -128, 127) for _ in range(2)]
            values = {"command": number, "shift": shifts[0], "addend_shift": shifts[1], "beside": beside}
            valid = rng.getrandbits(1)
            ctx.set(dut.i.payload, values)
            ctx.set(dut.i.valid, valid)
            quiet = not any(unit.busy for unit in units) and waiting is None
            assert not quiet or ctx.get(dut.quiet)
            idle = [not unit.busy for unit in units]
            for place, unit in enumerate(units):
                slot = dut.slots[place]
                if unit.set(ctx):
                    assert waiting is not None
                    assert place == waiting.slot
                    assert (ctx.get(slot.runs), ctx.get(slot.payload)) == (1 << waiting.kind, waiting.payload)
                    assert [ctx.get(slot.shift), ctx.get(slot.addend_shift)] == waiting.shifts
                    assert age == latency.COMMAND or (waiting.beside and age > latency.COMMAND)
                    together += not idle[1 - place]
                    waiting = None
                    begun += 1
            taken = valid and ctx.get(dut.i.ready)
            if taken:
                # Nothing waits, and what goes alone finds nothing that is under way.
                assert waiting is None
                assert beside or ctx.get(dut.quiet)
            await ctx.tick()
            age += 1
            if taken:
                waiting, age = Issued(kinds[number], payloads[number], shifts, beside), 1
        assert together > 10
        for unit in units:
            assert unit.said == unit.right[: len(unit.said)]

    simulate(dut, bench)


@pytest.mark.parametrize("beside", [0, 1])
def test_a_kind_that_there_is_not_stops_it_until_reset(beside: int) -> None:
    dut = Both()

    async def bench(ctx: Any, reset: Any) -> None:
        for kind in (0, Command.READ, 0):
            word = command_record(CONFIG).pack(kind=kind, payload=0)
            ctx.set(dut.i.valid, 0)
            await load_words(ctx, dut, CONFIG, Memory.COMMAND, [word])
            ctx.set(dut.i.payload, {"command": 0, "shift": 0, "addend_shift": 0, "beside": beside})
            ctx.set(dut.i.valid, 1)
            started = 0
            for _ in range(latency.COMMAND + 4):
                started |= ctx.get(dut.slots[0].start)
                await ctx.tick()
            assert started == (kind != 0)
            assert ctx.get(dut.illegal) == (kind == 0)
            assert not (ctx.get(dut.i.ready) and kind == 0)
            await reset()

    simulate_with_reset(dut, bench)
