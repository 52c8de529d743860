"""BasisStage: Σ terms × partial sums + bias, with neighbours, slices and bubbles.

Latency: `BASIS` cycles from a term to the sum that holds it. Throughput: one term per cycle.
"""

import random
from dataclasses import replace

import pytest

from golden.spec import formats, latency
from golden.spec.config import Config
from hw.writeback.basis import BasisStage, slice_bits
from tests.hw.bench import NANO, join, pipeline, seeded, signed, some, split
from tests.hw.writeback.tokens import neighbour


def run(
    config: Config,
    rng: random.Random,
    outputs: int,
    column_fold: bool,
    bubbles: float,
    largest: bool = False,
) -> None:
    """Random outputs of one to nine terms; checks every total that the stage shows."""
    dut = BasisStage(config)
    top = 1 << (config.accumulator_bits - 1)
    widths = [1 << i for i in range(config.lanes.bit_length())]
    inputs: list[dict[str, int]] = []
    expected: list[list[int] | None] = []
    for _ in range(outputs):
        width = rng.choice(widths)
        place = rng.randrange(config.lanes // config.basis)
        bias = some(rng, -(1 << 31), (1 << 31) - 1)
        terms = 9 if column_fold else rng.randint(1, 4)
        totals = [bias] * config.basis
        for number in range(terms):
            sums = [some(rng, -top, top - 1) for _ in range(config.lanes)]
            column = number % 3 if column_fold else 1
            term = some(rng, -128, 127)
            while rng.random() < bubbles:
                # What stands at the inputs without `valid` does not matter.
                inputs.append(
                    {name: rng.getrandbits(1) for name in ("term", "first", "slice")} | {"valid": 0}
                )
                expected.append(expected[-1] if expected else None)
            for i in range(config.basis):
                product = term * neighbour(sums, place * config.basis + i, column, width)
                if not largest:
                    totals[i] += product
                elif number == 0 or signed(product, 8) > signed(totals[i], 8):
                    totals[i] = bias + product
            inputs.append(
                {
                    "sums": join(sums, config.accumulator_bits),
                    "term": term,
                    "slice": place,
                    "column": column,
                    "row_width": width,
                    "valid": 1,
                    "first": number == 0,
                    "largest": largest,
                    "bias": bias,
                }
            )
            expected.append([signed(total, formats.OUTPUT_BITS) for total in totals])
    if slice_bits(config) == 0:
        inputs = [{name: value for name, value in word.items() if name != "slice"} for word in inputs]
    # The slice and the column come a cycle before their sums, the width of rows two.
    inputs = [{"valid": 0}, {"valid": 0}, *inputs]
    for name, sooner in (("slice", 1), ("column", 1), ("row_width", 2)):
        values = [word.pop(name, None) for word in inputs]
        for word, value in zip(inputs, values[sooner:], strict=False):
            word |= {} if value is None else {name: value}
    expected = [None, None, *expected]
    bits = formats.OUTPUT_BITS
    results = pipeline(dut, inputs, latency.BASIS, lambda ctx: split(ctx.get(dut.o), bits, config.basis))
    for cycle, (result, right) in enumerate(zip(results, expected, strict=True)):
        assert right is None or result == right, f"cycle {cycle}"


@pytest.mark.parametrize("column_fold", [False, True], ids=["group", "column"])
@pytest.mark.parametrize("bubbles", [0.0, 0.4])
@pytest.mark.parametrize(("lanes", "width"), [(4, 1), (4, 2), (8, 8), (16, 4)])
def test_random_outputs(lanes: int, width: int, bubbles: float, column_fold: bool) -> None:
    config = replace(NANO, lanes=lanes, basis=width)
    run(config, seeded(lanes + width), 60, column_fold, bubbles)


@pytest.mark.parametrize("bits", [16, 28])
def test_every_width_of_partial_sums(bits: int) -> None:
    run(replace(NANO, accumulator_bits=bits), seeded(bits), 40, True, 0.2)


@pytest.mark.parametrize("bubbles", [0.0, 0.4])
def test_the_largest_product_stays(bubbles: float) -> None:
    run(NANO, seeded(3), 200, False, bubbles, largest=True)
