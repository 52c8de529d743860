"""RowWindow: rows, their flags, and the engines that read at their own pace."""

from dataclasses import replace
from typing import Any

from hw.fetch.window import RowWindow
from tests.hw.bench import NANO, join, seeded, simulate, split


def test_rows_and_flags_stand_in_their_places() -> None:
    rng = seeded(1)
    config = replace(NANO, engines=3)
    dut = RowWindow(config)
    window, bits = config.window, config.lanes * 8

    async def bench(ctx: Any) -> None:
        for _ in range(3):
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            rows: list[tuple[int, int, int]] = []
            for _ in range(200):
                push = rng.random() < 0.7
                marker = int(rng.random() < 0.2)
                value = 0 if rng.random() < 0.4 else rng.randrange(1 << bits)
                rewind = rng.randrange(2)
                ctx.set(dut.push.valid, push)
                ctx.set(dut.push.data, value)
                ctx.set(dut.push.busy, join((lane != 0 for lane in split(value, 8, config.lanes)), 1))
                ctx.set(dut.push.marker, marker)
                ctx.set(dut.push.rewind, rewind)
                await ctx.tick()
                if push:
                    rows.append((value, marker, rewind))
                # A pushed row may be read in the next cycle; here all are read after each push.
                assert ctx.get(dut.ahead[0].written) == len(rows) % (2 * window)
                for number in range(max(0, len(rows) - window), len(rows)):
                    value, marker, rewind = rows[number]
                    expected = {"zero": value == 0 and not marker, "marker": marker, "rewind": rewind}
                    engine, other = rng.randrange(3), rng.randrange(2)
                    ctx.set(dut.ahead[engine].look[other], number % window)
                    found = ctx.get(dut.ahead[engine].flags[other])
                    assert {name: found[name] for name in expected} == expected
                if rows:
                    chosen = [rng.randrange(max(0, len(rows) - window), len(rows)) for _ in range(3)]
                    for engine, number in enumerate(chosen):
                        ctx.set(dut.rows[engine].place, number % window)
                    assert [ctx.get(rows.bytes) for rows in dut.rows] == [
                        rows[number][0] for number in chosen
                    ]

    simulate(dut, bench)
