"""The whole unit, bit for bit: all passes, channels back to back, with stalls."""

from typing import Any

import numpy as np
import pytest

from golden.batchnorm import unit
from golden.batchnorm.floats import Float32, narrow, to_bits
from golden.spec.floats import BF16, FP32, FloatFormat, Pass
from hw.batchnorm.batch_norm import BatchNorm
from tests.hw.bench import seeded
from tests.hw.lightnorm.drive import masks, run_streams, split_beats

CHANNELS = 3


def beats(op: Pass, x: Float32, dy: Float32, fmt: FloatFormat, lanes: int) -> list[dict[str, Any]]:
    """The beats of a pass over all channels; lanes without an element hold NaN."""
    result = []
    for row_x, row_dy in zip(to_bits(x, fmt), to_bits(dy, fmt), strict=True):
        shares = masks(len(row_x), lanes)
        pairs = zip(split_beats(row_x, lanes), split_beats(row_dy, lanes), shares, strict=True)
        for number, (vx, vdy, mask) in enumerate(pairs):
            garbage = (1 << fmt.bits) - 1
            used = [mask >> lane & 1 for lane in range(lanes)]
            result.append(
                {
                    "op": op,
                    "x": [v if u else garbage for v, u in zip(vx, used, strict=True)],
                    "dy": [v if u else garbage for v, u in zip(vdy, used, strict=True)],
                    "mask": mask,
                    "last": number + 1 == len(shares),
                }
            )
    return result


def word(value: Any) -> int:
    """Pattern of one float32."""
    return int(to_bits(value, FP32))


def sample(fmt: FloatFormat, values: int, seed: int) -> tuple[Float32, Float32]:
    """x and dy, (CHANNELS, values): means up to eight deviations off, one channel constant."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(CHANNELS, values)) * [[1.0], [30.0], [0.0]] + [[0.5], [-240.0], [3.0]]
    dy = rng.normal(size=(CHANNELS, values)) * [[1e-3], [2.0], [1.0]] + 1e-4
    return narrow(x.astype(np.float32), fmt), narrow(dy.astype(np.float32), fmt)


@pytest.mark.parametrize("fmt", [FP32, BF16], ids=lambda fmt: fmt.name)
@pytest.mark.parametrize(("lanes", "values", "stall"), [(8, 8, 0.0), (8, 61, 0.3), (2, 31, 0.2), (1, 5, 0.0)])
def test_batch_norm(fmt: FloatFormat, lanes: int, values: int, stall: float) -> None:
    rng = seeded(values)
    x, dy = sample(fmt, values, values)
    gamma = np.array([1.25, -0.5, 2.0], np.float32)
    beta = np.array([0.1, 3.0, -1.0], np.float32)
    host = unit.Host(fmt, lanes, np.float32(1) / np.float32(values), np.float32(1e-5))
    mean = unit.mean(x, host)
    var, scale = unit.variance(x, mean, host)
    y = unit.elementwise(x, np.zeros_like(x), unit.apply_words(gamma, beta, mean, scale, host), fmt)
    d_beta, d_gamma = unit.reduce(x, dy, mean, scale, host)
    dx = unit.elementwise(x, dy, unit.grad_words(gamma, mean, scale, d_gamma, d_beta, host), fmt)

    names = {"gamma": gamma, "beta": beta, "mean": mean, "scale": scale, "d_gamma": d_gamma, "d_beta": d_beta}
    inputs = {
        "i": [beat for op in Pass for beat in beats(op, x, dy, fmt, lanes)],
        "channels": [
            {"op": op, **{name: word(value[channel]) for name, value in names.items()}}
            for op in Pass
            if op != Pass.MEAN
            for channel in range(CHANNELS)
        ],
    }
    each = -(-values // lanes) * CHANNELS
    counts = {"o": 2 * each, "outcomes": 3 * CHANNELS}
    ports = {"inverse": word(host.inverse), "epsilon": word(host.epsilon)}
    results, _ = run_streams(BatchNorm(fmt, lanes), inputs, counts, rng, stall, ports)

    found = [(one.op, one.first, one.second) for one in results["outcomes"]]
    assert [one[:2] for one in found[:CHANNELS]] == [(Pass.MEAN, word(v)) for v in mean]
    pairs = [(Pass.VARIANCE, var, scale), (Pass.REDUCE, d_beta, d_gamma)]
    assert found[CHANNELS:] == [
        (op, word(a), word(b)) for op, one, two in pairs for a, b in zip(one, two, strict=True)
    ]
    for place, right in ((0, y), (each, dx)):
        got = results["o"][place : place + each]
        expected = beats(Pass.APPLY, right, right, fmt, lanes)
        assert [one.mask for one in got] == [one["mask"] for one in expected]
        assert [one.last for one in got] == [one["last"] for one in expected]
        for one, two in zip(got, expected, strict=True):
            used = [lane for lane in range(lanes) if two["mask"] >> lane & 1]
            assert [one["values"][lane] for lane in used] == [two["x"][lane] for lane in used]
