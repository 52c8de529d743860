"""What baselines add: exact products; two cycles from the step, one from the row."""

from dataclasses import replace
from typing import Any

import pytest
from amaranth.hdl import Const

from golden.spec import formats
from golden.spec.baselines import INT8, REBUILD, REBUILD_COLUMN, REBUILD_RECORD, ROWS_INT8
from golden.spec.config import Config
from hw.baselines.products import RebuiltAddends, WeightAddends
from hw.engine.steps import step_layout
from tests.hw.bench import NANO, join, pipeline, seeded, some


def step(config: Config, operand: int, slot: int = 0) -> int:
    """A step, packed."""
    return Const.cast(step_layout(config).const({"operand": operand, "slot": slot})).value


def read_from(dut: Any) -> Any:
    return lambda ctx: [
        ctx.get(addend) + ctx.get(carry) for addend, carry in zip(dut.addend, dut.carry, strict=True)
    ]


@pytest.mark.parametrize("arithmetic", [INT8, ROWS_INT8], ids=lambda it: it.name)
def test_products_of_weights_are_exact(arithmetic: Any) -> None:
    config = replace(NANO, arithmetic=arithmetic.name)
    rng = seeded(2)
    inputs: list[dict[str, int]] = [{} for _ in range(402)]
    expected = []
    for cycle in range(400):
        pixels = [some(rng, -128, 127) for _ in range(config.lanes)]
        weight = some(rng, -128, 127)
        inputs[cycle]["step"] = step(config, weight & 255)
        inputs[cycle + 1]["row"] = join(pixels, 8)
        expected.append([weight * pixel for pixel in pixels])
    dut = WeightAddends(config)
    assert pipeline(dut, inputs, 2, read_from(dut))[:400] == expected


def test_products_of_rebuilt_weights_are_exact() -> None:
    """In every other cycle a column of B goes to a slot; the codes in between are of any slot."""
    config = replace(NANO, arithmetic=REBUILD.name)
    rng = seeded(3)
    inputs: list[dict[str, int]] = [{} for _ in range(802)]
    columns = [[0] * formats.BASIS for _ in range(config.accumulators)]
    expected: dict[int, list[int]] = {}
    for cycle in range(0, 800, 2):
        slot = rng.randrange(config.accumulators) if cycle >= 2 * len(columns) else cycle // 2
        columns[slot] = [some(rng, -128, 127) for _ in range(formats.BASIS)]
        word = REBUILD_COLUMN.pack(**{f"b{k}": value for k, value in enumerate(columns[slot])})
        inputs[cycle]["step"] = step(config, word | 1 << REBUILD_RECORD.bits, slot)
        slot = rng.randrange(min(config.accumulators, cycle // 2 + 1))
        codes = [rng.choice([*range(8), *range(8, 15)]) for _ in range(formats.BASIS)]
        pixels = [some(rng, -128, 127) for _ in range(config.lanes)]
        inputs[cycle + 1]["step"] = step(config, join(codes, formats.CODE_BITS), slot)
        inputs[cycle + 2]["row"] = join(pixels, 8)
        weight = sum(formats.decode_coefficient(c) * b for c, b in zip(codes, columns[slot], strict=True))
        expected[cycle + 1] = [weight * pixel for pixel in pixels]
    dut = RebuiltAddends(config)
    got = pipeline(dut, inputs, 2, read_from(dut))
    assert {cycle: got[cycle] for cycle in expected} == expected
