"""Drain: no term of an engine is issued before its own sums stand."""

from dataclasses import replace
from typing import Any

import pytest

from golden.spec.memories import Fold, Memory, Operation, back_record
from hw.writeback.drain import Drain
from tests.hw.bench import NANO, load_words, simulate

CONFIG = replace(NANO, engines=3, accumulators=8)
LAYER = {
    **{field.name: 0 for field in back_record(CONFIG).fields},
    "operation": Operation.LAYER,
    "rounds": 1,
    "tiles": 2,
    "fold": Fold.GROUP,
    "group": 1,
    "filters": 6,
    "engine_filters": 2,
    "row_width": 1,
    "output_stride": 2,
    "plane_tiles": 2,
    "last_lanes": 4,
}


@pytest.mark.parametrize("missing", range(6))
def test_terms_wait_for_the_engine_that_they_are_of(missing: int) -> None:
    """All banks are full but one; the turns before it are drained, and nothing more."""
    dut = Drain(CONFIG)
    tile, engine = divmod(missing, CONFIG.engines)

    async def bench(ctx: Any) -> None:
        await load_words(ctx, dut, CONFIG, Memory.BACK, [back_record(CONFIG).pack(**LAYER), 0])
        for number in range(CONFIG.engines):
            ctx.set(dut.engines[number].full, 3 ^ (number == engine) << tile)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        terms = turns = 0
        for _ in range(80):
            if ctx.get(dut.terms.token.valid):
                terms += 1
                port = dut.engines[engine]
                assert not (ctx.get(port.read) and ctx.get(port.bank) == tile)
            turns += ctx.get(dut.terms.token.turn_end)
            await ctx.tick()
        # Two filters of two slices a turn.
        assert (terms, turns) == (4 * missing, missing)

    simulate(dut, bench)
