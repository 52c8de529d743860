"""Conductor: commands in the order of their issue, each with its shifts; its counts, before the next one."""

from dataclasses import replace
from typing import Any

from golden.spec import latency
from golden.spec.commands import Command, command_record, payload_bits
from golden.spec.memories import Memory
from hw.learning.conductor import Conductor
from tests.hw.bench import NANO, load_words, seeded, simulate, simulate_with_reset, some

CONFIG = replace(NANO, basis=4, learning=True, instructions=16)
REPORTED = (Command.ERROR, Command.NORM, Command.UPDATE)


def test_commands_in_their_order() -> None:
    rng = seeded(1)
    dut = Conductor(CONFIG)
    kinds = [*Command, *(rng.choice([*Command]) for _ in range(CONFIG.instructions - len(Command)))]
    payloads = [rng.getrandbits(payload_bits(CONFIG)) for _ in kinds]
    words = [
        command_record(CONFIG).pack(kind=kind, payload=payload)
        for kind, payload in zip(kinds, payloads, strict=True)
    ]

    async def bench(ctx: Any) -> None:
        await load_words(ctx, dut, CONFIG, Memory.COMMAND, words)
        for _ in range(60):
            number = rng.randrange(len(kinds))
            shifts = [some(rng, -128, 127) for _ in range(2)]
            assert ctx.get(dut.quiet)
            assert ctx.get(dut.i.ready)
            ctx.set(dut.i.payload, {"command": number, "shift": shifts[0], "addend_shift": shifts[1]})
            ctx.set(dut.i.valid, 1)
            await ctx.tick()
            # Another one is offered meanwhile, and has to wait.
            ctx.set(dut.i.payload, {"command": number ^ 1, "shift": 1, "addend_shift": 2})
            ctx.set(dut.i.valid, rng.getrandbits(1))
            for _ in range(latency.COMMAND - 1):
                assert not ctx.get(dut.start)
                await ctx.tick()
            assert ctx.get(dut.start)
            lasts = rng.randint(1, 9)
            for cycle in range(lasts + 1):
                assert ctx.get(dut.start) == (cycle == 0)
                assert (ctx.get(dut.kind), ctx.get(dut.payload)) == (kinds[number], payloads[number])
                assert [ctx.get(dut.shift), ctx.get(dut.addend_shift)] == shifts
                assert not ctx.get(dut.i.ready)
                assert not ctx.get(dut.quiet)
                assert not ctx.get(dut.report.valid)
                ctx.set(dut.done, cycle == lasts)
                await ctx.tick()
            ctx.set(dut.done, 0)
            address, counts = (
                rng.randrange(CONFIG.controller_words - 1),
                [rng.getrandbits(48) for _ in range(2)],
            )
            ctx.set(dut.report_address, address)
            said = []
            for port, count in zip(dut.counts, counts, strict=True):
                ctx.set(port, count)
            while not ctx.get(dut.quiet):
                assert not ctx.get(dut.i.ready)
                ready = rng.getrandbits(1)
                ctx.set(dut.report.ready, ready)
                if ctx.get(dut.report.valid) and ready:
                    said.append((ctx.get(dut.report.payload.address), ctx.get(dut.report.payload.word)))
                await ctx.tick()
                assert len(said) <= 2
            right = [(address, counts[0]), (address + 1, counts[1])] if kinds[number] in REPORTED else []
            assert said == right
            ctx.set(dut.i.valid, 0)

    simulate(dut, bench)


def test_a_kind_that_there_is_not_stops_it_until_reset() -> None:
    dut = Conductor(CONFIG)

    async def bench(ctx: Any, reset: Any) -> None:
        for kind in (0, Command.READ, 0):
            word = command_record(CONFIG).pack(kind=kind, payload=0)
            await load_words(ctx, dut, CONFIG, Memory.COMMAND, [word])
            ctx.set(dut.i.valid, 1)
            await ctx.tick()
            for _ in range(latency.COMMAND + 4):
                assert not (ctx.get(dut.start) and kind == 0)
                await ctx.tick()
            assert ctx.get(dut.illegal) == (kind == 0)
            assert not ctx.get(dut.i.ready)
            await reset()

    simulate_with_reset(dut, bench)
