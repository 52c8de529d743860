# amaranth: UnusedElaboratable=no
"""The whole unit, bit for bit: all passes, channels back to back, with stalls."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from golden.baselines.batchnorm import unit
from golden.baselines.batchnorm.floats import Float32, from_bits, narrow, to_bits
from golden.spec.floats import BF16, FP32, FloatFormat, Pass
from hw.baselines.batchnorm.batch_norm import BatchNorm
from sim.lightnorm.beats import masks, split_beats
from tests.hw.bench import seeded
from tests.hw.lightnorm.drive import run_streams

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


def wild(fmt: FloatFormat, values: int, seed: int) -> tuple[Float32, Float32]:
    """Any patterns, infinities, NaN and denormals among them: the channels are ruined, all in one way."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 1 << fmt.bits, (2, CHANNELS, values))
    bits[:, 1:, 2] |= (0xFF << fmt.bits - 9) | 1
    bits[0, 1, 2] &= ~((1 << fmt.bits - 9) - 1)
    bits[:, :, 3] &= ~(0xFF << fmt.bits - 9)
    x, dy = from_bits(bits, fmt)
    return x, dy


@pytest.mark.parametrize("fmt", [BF16, pytest.param(FP32, marks=pytest.mark.long)], ids=lambda fmt: fmt.name)
@pytest.mark.parametrize(
    ("lanes", "values", "stall", "make"),
    [
        (2, 7, 0.1, wild),
        (1, 5, 0.0, sample),
        *(
            pytest.param(*it, marks=pytest.mark.long)
            for it in ((8, 61, 0.3, sample), (4, 4, 0.0, sample), (2, 31, 0.2, sample))
        ),
    ],
)
def test_batch_norm(
    fmt: FloatFormat,
    lanes: int,
    values: int,
    stall: float,
    make: Callable[[FloatFormat, int, int], tuple[Float32, Float32]],
) -> None:
    rng = seeded(values)
    x, dy = make(fmt, values, values)
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


@pytest.mark.parametrize(
    ("op", "count"),
    [(Pass.MEAN, 70), (Pass.VARIANCE, 480), (Pass.APPLY, 90), (Pass.REDUCE, 150), (Pass.GRAD, 230)],
)
@pytest.mark.long
def test_channels_without_a_pause(op: Pass, count: int) -> None:
    # Channels as long as their scalars take: one more costs its beats and no cycle beside.
    x, dy = (np.repeat(part[:1], 3, 0) for part in sample(BF16, count, 5))
    one = word(np.float32(1.7))
    item = {"op": op, "gamma": one, "beta": one, "mean": one, "scale": one, "d_gamma": one, "d_beta": one}
    ports = {"inverse": word(np.float32(1 / count)), "epsilon": word(np.float32(1e-5))}
    spread = op in (Pass.APPLY, Pass.GRAD)
    taken = []
    for channels in (2, 3):
        inputs = {
            "i": beats(op, x[:channels], dy[:channels], BF16, 1),
            "channels": [item] * (channels if op != Pass.MEAN else 0),
        }
        counts = {"o": count * channels} if spread else {"outcomes": channels, "o": 0}
        counts.setdefault("outcomes", 0)
        taken.append(run_streams(BatchNorm(BF16, 1), inputs, counts, seeded(6), 0.0, ports)[1])
    assert taken[1] - taken[0] == count


def test_lanes_must_be_a_power_of_two() -> None:
    with pytest.raises(ValueError, match="lanes = 6: a beat must have a power of two of them"):
        BatchNorm(FP32, 6)
