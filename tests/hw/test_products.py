"""Products: exact for each arithmetic that multiplies; two cycles from the weight, one from the row."""

from dataclasses import replace
from typing import Any

import pytest

from golden.spec import formats
from golden.spec.config import Arithmetic
from hw.products import Products
from tests.hw.bench import NANO, join, pipeline, seeded, some


@pytest.mark.parametrize("arithmetic", [Arithmetic.INT8, Arithmetic.ROWS_INT8, Arithmetic.REBUILD])
def test_products_are_exact(arithmetic: Arithmetic) -> None:
    config = replace(NANO, arithmetic=arithmetic)
    rng = seeded(2)
    inputs: list[dict[str, int]] = [{} for _ in range(402)]
    expected = []
    for cycle in range(400):
        pixels = [some(rng, -128, 127) for _ in range(config.lanes)]
        if arithmetic == Arithmetic.REBUILD:
            codes = [rng.choice([*range(8), *range(8, 15)]) for _ in range(formats.BASIS)]
            column = [some(rng, -128, 127) for _ in range(formats.BASIS)]
            weight = sum(formats.decode_coefficient(c) * b for c, b in zip(codes, column, strict=True))
            inputs[cycle] |= {"operand": join(codes, formats.CODE_BITS), "column": join(column, 8)}
        else:
            weight = some(rng, -128, 127)
            inputs[cycle]["operand"] = weight & 255
        inputs[cycle + 1]["row"] = join(pixels, 8)
        expected.append([weight * pixel for pixel in pixels])
    dut = Products(config)

    def read(ctx: Any) -> list[int]:
        return [ctx.get(addend) + ctx.get(carry) for addend, carry in zip(dut.addend, dut.carry, strict=True)]

    assert pipeline(dut, inputs, 2, read)[:400] == expected
