"""Fetch: a channel is read when its turn is done, and not a turn later."""

from dataclasses import replace
from typing import Any

import pytest

from golden.spec import latency
from golden.spec.memories import Memory, Operation, front_record, tap_record
from hw.fetch.fetch import Fetch
from tests.hw.bench import NANO, load_words, simulate


@pytest.mark.parametrize(("first", "step", "channels_of_turn"), [(2, 5, 1), (1, 3, 2), (0, 7, 3), (3, 0, 1)])
@pytest.mark.parametrize("engines", [1, 2, 3])
def test_rows_wait_for_exactly_their_turns(
    engines: int, first: int, step: int, channels_of_turn: int
) -> None:
    """Channel c comes with turn t = c div channels of a turn, and each round of engines takes `step` more."""
    config = replace(NANO, engines=engines, window=64)
    channels = 14
    turn = [channel // channels_of_turn for channel in range(channels)]
    needs = [first + number + number // engines * step for number in turn]
    values = {field.name: 1 for field in front_record(config).fields} | {
        "operation": Operation.LAYER,
        "channels": channels,
        "tap_address": 0,
        "ready_first": first,
        "ready_step": step,
        "ready_channels": channels_of_turn,
    }
    dut = Fetch(config)

    async def bench(ctx: Any) -> None:
        await load_words(ctx, dut, config, Memory.FRONT, [front_record(config).pack(**values), 0])
        await load_words(ctx, dut, config, Memory.TAP, [tap_record(config).pack(mask=0, pixel=0)])
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        pushed = 0
        for done in range(max(needs) + 1):
            ctx.set(dut.turns_done, done)
            for _ in range(latency.FIRST_ROW + latency.ROW_PUSH + channels):
                pushed += ctx.get(dut.push.valid)
                await ctx.tick()
            # The marker comes behind the last channel, and waits for nothing.
            ready = sum(need <= done for need in needs)
            assert pushed == ready + (ready == channels), f"{done} turns done"

    simulate(dut, bench)
