"""Operands: each term meets its sum, read now or kept from before.

Latency: `OPERANDS` cycles. Throughput: one term per cycle.
"""

from typing import Any

import pytest
from amaranth.hdl import Value

from golden.spec import latency
from hw.writeback.operands import Operands
from hw.writeback.terms import token_layout
from tests.hw.bench import NANO, member, seeded, simulate


@pytest.mark.parametrize("bubbles", [0.0, 0.5])
def test_terms_meet_their_sums(bubbles: float) -> None:
    rng = seeded(int(bubbles * 2))
    dut = Operands(NANO)
    width = NANO.lanes * NANO.accumulator_bits
    token_bits = token_layout(NANO).size
    cycles = 300
    inputs: list[dict[str, int]] = [{} for _ in range(cycles + latency.OPERANDS + 2)]
    expected: list[dict[str, int]] = [{} for _ in inputs]
    kept: dict[int, int] = {}
    for cycle in range(cycles):
        if rng.random() < bubbles:
            continue
        part = rng.randrange(4)
        token = rng.getrandbits(token_bits)
        inputs[cycle] |= {"i__token": token, "reads__part": part, "reads__read": 0}
        if part not in kept or rng.random() < 0.4:
            kept[part] = rng.getrandbits(width)
            inputs[cycle]["reads__read"] = 1
            inputs[cycle + latency.OPERANDS]["reads__sums"] = kept[part]
        extra = {name: rng.getrandbits(bits) for name, bits in (("term", 7), ("bias", 31), ("shift", 5))}
        inputs[cycle + 1] |= {f"i__{name}": value for name, value in extra.items()}
        at = cycle + latency.OPERANDS
        expected[at]["o__token"] = token
        expected[at + 1] |= {f"o__{name}": value for name, value in extra.items()}
        expected[at + 1]["o__sums"] = kept[part]

    async def bench(ctx: Any) -> None:
        for cycle, (given, right) in enumerate(zip(inputs, expected, strict=True)):
            # What stands at the inputs without `read` does not matter.
            ctx.set(dut.reads.read, 0)
            ctx.set(dut.reads.sums, rng.getrandbits(width))
            for name, value in given.items():
                ctx.set(Value.cast(member(dut, name)), value)
            for name, value in right.items():
                assert ctx.get(Value.cast(member(dut, name))) == value, f"cycle {cycle}, {name}"
            await ctx.tick()

    simulate(dut, bench)
