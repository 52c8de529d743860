"""OutputPipeline: terms and partial sums become words, `WRITE` or `POOLED_WRITE` cycles later.

Throughput: one term per cycle.
"""

from dataclasses import replace
from typing import Any

import pytest
from amaranth.hdl import Value

from golden.spec import latency
from golden.spec.memories import back_record
from hw.writeback.output import OutputPipeline
from tests.hw.bench import NANO, member, simulate
from tests.hw.outputs import RESIDUAL_READ, random_vectors
from tests.selection import first_or_long

CONFIG = replace(NANO, engines=2, accumulators=8)


@pytest.mark.parametrize("bubbles", first_or_long([0.5, 0.0]))
@pytest.mark.parametrize("pool", [False, True], ids=["words", "pool"])
@pytest.mark.parametrize("residual", [False, True], ids=["plain", "residual"])
@pytest.mark.parametrize("basis", [1, 2, 4])
def test_random_layers(basis: int, residual: bool, pool: bool, bubbles: float) -> None:
    config = replace(CONFIG, basis=basis)
    for seed in range(3):
        vectors = random_vectors(seed, config, residual, pool, bubbles)
        dut = OutputPipeline(config)
        fields = back_record(config).unpack(vectors.layer)

        async def bench(ctx: Any, dut: Any = dut, vectors: Any = vectors, fields: Any = fields) -> None:
            ctx.set(Value.cast(dut.layer), vectors.layer)
            turns = []
            for cycle, inputs in enumerate(vectors.inputs):
                for name, value in inputs.items():
                    ctx.set(Value.cast(member(dut, name)), value)
                if ctx.get(dut.turn_done):
                    turns.append(cycle)
                written = vectors.writes.get(cycle)
                assert ctx.get(dut.write.valid) == (written is not None), f"cycle {cycle}"
                if written is not None:
                    enable, data = ctx.get(dut.write.enable), ctx.get(dut.write.data)
                    mask = sum(255 << 8 * lane for lane in range(config.lanes) if enable >> lane & 1)
                    assert (ctx.get(dut.write.address), enable, data & mask) == written, f"cycle {cycle}"
                late = vectors.writes.get(cycle + latency.WRITE - RESIDUAL_READ)
                if fields["residual"] and not fields["pool"]:
                    assert ctx.get(dut.residual.valid) == (late is not None)
                    if late is not None:
                        place = late[0] - fields["output_address"] + fields["residual_address"]
                        assert ctx.get(dut.residual.address) == place % config.feature_words
                await ctx.tick()
            assert turns == vectors.turns

        simulate(dut, bench)
