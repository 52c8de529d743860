"""Adder, multipliers and the serial unit against numpy's IEEE arithmetic."""

import numpy as np
import pytest

from golden.spec.floats import BF16, FP32, FloatFormat
from hw.baselines.batchnorm.add import ADD_LATENCY, FloatAdd
from hw.baselines.batchnorm.multiply import FloatMultiply, multiply_latency
from hw.baselines.batchnorm.serial import SerialFloat
from tests.hw.baselines.batchnorm.numbers import flushed, pairs, patterns
from tests.hw.bench import pipeline, seeded
from tests.hw.lightnorm.drive import run_stream


def test_add() -> None:
    vectors = pairs(seeded(1), 8000)
    a, b = (flushed(list(side)) for side in zip(*vectors, strict=True))
    with np.errstate(all="ignore"):
        right = patterns(a + b)
    inputs = [{"advance": 1, "a": a, "b": b} for a, b in vectors]
    dut = FloatAdd()
    assert pipeline(dut, inputs, ADD_LATENCY, lambda ctx: ctx.get(dut.o)) == right


@pytest.mark.parametrize("fmt", [FP32, BF16], ids=lambda fmt: fmt.name)
def test_multiply(fmt: FloatFormat) -> None:
    drop = 32 - fmt.bits
    vectors = [(a >> drop, b >> drop) for a, b in pairs(seeded(2), 6000)]
    with np.errstate(all="ignore"):
        a, b = (flushed([v << drop for v in side]).astype(np.float64) for side in zip(*vectors, strict=True))
        exact = a * b  # 48 bits at most
        tiny = np.abs(exact) < 2.0**-126
        right = patterns(np.where(tiny, np.copysign(0, exact), exact).astype(np.float32))
    inputs = [{"advance": 1, "a": a, "b": b} for a, b in vectors]
    dut = FloatMultiply(fmt)
    assert pipeline(dut, inputs, multiply_latency(fmt), lambda ctx: ctx.get(dut.o)) == right


@pytest.mark.parametrize("multiply", [False, True])
@pytest.mark.long
def test_serial(multiply: bool) -> None:
    rng = seeded(3)
    vectors = rng.sample(pairs(rng, 1500), 500)
    a, b = (flushed(list(side)) for side in zip(*vectors, strict=True))
    with np.errstate(all="ignore"):
        exact = a.astype(np.float64) * b
        product = np.where(np.abs(exact) < 2.0**-126, np.copysign(0, exact), exact).astype(np.float32)
        right = patterns(product if multiply else a - b)
    inputs = [{"a": a, "b": b, "multiply": multiply, "negative": not multiply} for a, b in vectors]
    results, cycles = run_stream(SerialFloat(), inputs, len(inputs), rng, 0)
    assert results == right
    assert cycles <= len(inputs) * (27 if multiply else 54)
