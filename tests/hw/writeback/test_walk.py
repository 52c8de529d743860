"""Walk: the steps of a layer in order, one for each cycle in which it may advance."""

from dataclasses import replace
from typing import Any

import pytest
from amaranth.hdl import Value

from golden.spec.memories import Fold, back_record
from hw.writeback.walk import Walk
from tests.hw.bench import NANO, seeded, simulate
from tests.hw.writeback.tokens import expected_tokens, random_back

CONFIG = replace(NANO, engines=2, accumulators=8)


@pytest.mark.parametrize("pauses", [0.0, 0.5])
@pytest.mark.parametrize("basis", [1, 4])
@pytest.mark.parametrize("fold", list(Fold))
def test_layers_one_after_another(fold: Fold, basis: int, pauses: float) -> None:
    config = replace(CONFIG, basis=basis)
    rng = seeded(basis)
    dut = Walk(config)

    async def bench(ctx: Any) -> None:
        job = 0
        for number in range(4):
            back = random_back(10 * basis + number, config, False, fold)
            # Addresses stand where operands would.
            tokens = expected_tokens(back, config, lambda *place: (place[-1],), job)
            job += back["rounds"] * back["tiles"]
            ctx.set(Value.cast(dut.layer), back_record(config).pack(**back))
            await ctx.tick()
            ctx.set(dut.begin, 1)
            await ctx.tick()
            ctx.set(dut.begin, 0)
            for token in tokens:
                while rng.random() < pauses:
                    await ctx.tick()
                ctx.set(dut.advance, 1)
                await ctx.tick()
                ctx.set(dut.advance, 0)
                right = {"engine": token.engine, "bank": token.bank, "turn_end": token.turn_end}
                right |= {"empty": int(token.fields is None), "layer_end": int(token is tokens[-1])}
                if token.fields is not None:
                    right |= {"slot": token.slot, "part": token.part, "read": token.read}
                    right |= {"term": token.operands[0], "filter": token.operands[1]}
                    right |= {name: value for name, value in token.fields.items() if name != "valid"}
                step = ctx.get(dut.step)
                assert {name: step[name] for name in right} == right, f"layer {number}, {token}"

    simulate(dut, bench)


def test_a_start_begins_with_bank_0() -> None:
    """Also after a run with an odd number of jobs."""
    back = random_back(1, CONFIG, False, Fold.GROUP) | {"rounds": 1, "tiles": 1, "plane_tiles": 1}
    dut = Walk(CONFIG)

    async def bench(ctx: Any) -> None:
        ctx.set(Value.cast(dut.layer), back_record(CONFIG).pack(**back))
        for _ in range(2):
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            ctx.set(dut.begin, 1)
            await ctx.tick()
            ctx.set(dut.begin, 0)
            ctx.set(dut.advance, 1)
            for _ in range(1000):
                await ctx.tick()
                assert ctx.get(dut.step.bank) == 0
                if ctx.get(dut.step.layer_end):
                    break
            else:
                raise AssertionError("the layer does not end")
            ctx.set(dut.advance, 0)

    simulate(dut, bench)
