"""Both kinds of a channel's arithmetic equal the model, in both passes, for every kind of channel."""

import random
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from golden.lightnorm import channel, scalars
from golden.lightnorm.scalars import Scalars
from golden.spec import block
from golden.spec.block import SCALAR_BITS, Constants, NormFormat
from golden.spec.learning import NORM_FORMAT
from hw.lightnorm.channel_arithmetic import ChannelArithmetic
from hw.lightnorm.layouts import result_bits
from hw.lightnorm.parallel_arithmetic import ParallelArithmetic
from sim.lightnorm.numbers import Number, as_number, constant, numbers
from sim.lightnorm.samples import CHANNELS, GAMMA, Sample, sample
from tests.hw.bench import seeded
from tests.hw.lightnorm.drive import run_streams
from tests.selection import first_or_long

Kind = type[ChannelArithmetic] | type[ParallelArithmetic]
PARAMETERS = ("gamma", "beta", "mean", "scale")
ZERO = {"mantissa": 0, "sign": 0, "exponent": 0}
CASES = first_or_long([(61, 1, 0.3), (2, 1, 0.0), (130, 8, 0.0)])
"""Values of a channel, chunks wanted, stalls."""
SLOWEST = {"light": 960, "light32": 960, "wide": 1000, "mxint8": 2400}
"""Cycles of a forward and a backward channel together, a bit a cycle."""
PARALLEL_SLOWEST = 170
"""The same of ParallelArithmetic: always the same time, and the time from its result to the next channel."""
FORMATS = {**block.PRESETS, "learning": NORM_FORMAT}
PARALLEL = ("light", "wide", "learning")
KINDS = [
    *((ChannelArithmetic, name) for name in block.PRESETS),
    *((ParallelArithmetic, name) for name in PARALLEL),
]
EDGE_KINDS = first_or_long(
    sorted((it for it in KINDS if it[1] in PARALLEL), key=lambda it: it not in (KINDS[0], KINDS[-1])), 2
)
INDEX_BITS = 10
EDGES = 24
"""Channels of the tests with sums at the edges of rounding."""


def forward_channels(case: Sample, gamma: list[Number], beta: list[Number]) -> list[dict[str, Any]]:
    exact = case.x.integers()
    inputs = []
    for index, (high, low) in enumerate(zip(case.found.highest, case.found.lowest, strict=True)):
        row = exact[index]
        stat = {
            "total": sum(row),
            "ranges": sum(row[high]) - sum(row[low]),
            "width": max(row) - min(row),
        }
        inputs.append({"backward": 0, "sums": {"stat": stat}, "gamma": gamma[index], "beta": beta[index]})
    return inputs


def backward_channels(case: Sample) -> list[dict[str, Any]]:
    x, dy = case.x.integers(), case.dy.integers()
    gamma, mean, scale = (numbers(v) for v in (scalars.from_floats(GAMMA), case.found.mean, case.found.scale))
    inputs = []
    for index in range(CHANNELS):
        top = max(abs(int(error)) for error in dy[index]).bit_length()
        moments = {"total": sum(dy[index]), "product": sum(x[index] * dy[index]), "top": top}
        parameters = {"gamma": gamma[index], "mean": mean[index], "scale": scale[index]}
        inputs.append({"backward": 1, "sums": {"reduce": moments}, **parameters})
    return inputs


def split(channels: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The input streams; a parameter that its pass does not know is zero."""
    return {
        "i": [{key: value for key, value in each.items() if key not in PARAMETERS} for each in channels],
        "parameters": [{key: each.get(key, ZERO) for key in PARAMETERS} for each in channels],
    }


def ports(host: Constants) -> dict[str, Number]:
    return {name: constant(getattr(host, name)) for name in ("inverse", "spread", "epsilon")}


def check_words(words: Any, right: Any, index: int, fmt: NormFormat, addend: str) -> None:
    expected = {key: int(column[index]) for key, column in vars(right).items()}
    mask = (1 << result_bits(fmt)) - 1
    assert int(words.mean) & mask == expected.pop("mean") & mask
    assert int(words.addend) == expected.pop(addend)
    assert {key: int(words[key]) for key in expected} == expected


def check_forward(
    result: Any, found: channel.Statistics, words: channel.ApplyWords, index: int, fmt: NormFormat
) -> None:
    assert not result.backward
    for key in ("mean", "scale", "spread"):
        assert as_number(result[key]) == numbers(getattr(found, key))[index]
    assert result.flat == found.flat[index]
    assert result.coarse == found.coarse[index]
    check_words(result.words, words, index, fmt, "offset")


def check_backward(
    result: Any, found: channel.Gradients, words: channel.GradWords, index: int, fmt: NormFormat
) -> None:
    assert result.backward
    assert not result.flat
    assert not result.coarse
    for key, right in (("d_gamma", "gamma"), ("d_beta", "beta"), ("spike", "spike")):
        assert as_number(result[key]) == numbers(getattr(found, right))[index]
    check_words(result.words, words, index, fmt, "spike")


@pytest.mark.parametrize(("kind", "name"), KINDS)
@pytest.mark.parametrize(("values", "wanted", "stall"), CASES)
def test_words(kind: Kind, name: str, values: int, wanted: int, stall: float) -> None:
    """Forward and backward channels take turns."""
    rng = seeded(values)
    fmt = FORMATS[name]
    case = sample(values, values, wanted, fmt)
    generator = np.random.default_rng(values)
    sizes = 2.0 ** generator.integers(-20, 20, (2, CHANNELS))
    gamma, beta = (scalars.from_floats(row) for row in generator.normal(size=(2, CHANNELS)) * sizes)
    gamma, beta = gamma.where(np.arange(CHANNELS) % 4 != 1), beta.where(np.arange(CHANNELS) % 4 != 3)
    words = channel.apply_words(case.found, gamma, beta, fmt)
    forward = forward_channels(case, numbers(gamma), numbers(beta))
    inputs = [entry for pair in zip(forward, backward_channels(case), strict=True) for entry in pair]
    results, cycles = run_streams(
        kind(fmt, INDEX_BITS), split(inputs), {"o": len(inputs)}, rng, stall, ports(case.constants)
    )
    for index in range(CHANNELS):
        check_forward(results["o"][2 * index], case.found, words, index, fmt)
        check_backward(results["o"][2 * index + 1], case.gradients, case.grad, index, fmt)
    if not stall:
        print(f"{cycles / CHANNELS} cycles for a forward and a backward channel")
        assert cycles <= CHANNELS * (SLOWEST[name] if kind is ChannelArithmetic else PARALLEL_SLOWEST)


def edge(rng: random.Random, bits: int) -> int:
    """A magnitude below 2**bits: runs of ones, powers of two, ties around the 24th bit, any number."""
    size = rng.randint(1, bits)
    top = 1 << (size - 1)
    tie = (rng.getrandbits(24) | 1 << 23) << max(0, size - 24) | 1 << max(0, size - 25)
    return rng.choice(
        [top, 2 * top - 1, min(top + 1, 2 * top - 1), tie & (2 * top - 1), rng.randrange(2 * top)]
    )


def edge_scalar(rng: random.Random, places: int) -> Number:
    mantissa = rng.choice([1 << 23, (1 << 24) - 1, (1 << 23) + 1, (1 << 23) | rng.getrandbits(23)])
    return {
        "mantissa": mantissa,
        "sign": rng.randrange(2),
        "exponent": rng.randint(-24 - places, places - 24),
    }


def from_numbers(values: list[Number]) -> Scalars:
    mantissas = [-v["mantissa"] if v["sign"] else v["mantissa"] for v in values]
    return Scalars(np.array(mantissas), np.array([v["exponent"] for v in values]))


@pytest.mark.parametrize(("kind", "name"), EDGE_KINDS)
@pytest.mark.parametrize("epsilon", first_or_long([1e-5, 0.0, 100.0]))
def test_edges_forward(kind: Kind, name: str, epsilon: float) -> None:
    """Sums at the edges of rounding, of both signs, with parameters of any size."""
    rng = seeded(round(epsilon))
    fmt = FORMATS[name]
    constants = block.constants(1 << INDEX_BITS, 8, epsilon)
    span = fmt.forward.span
    totals = [rng.choice([1, -1]) * edge(rng, span + INDEX_BITS) for _ in range(EDGES)]
    ranges = [edge(rng, span + 1) * rng.choice([1, 1, 1, 0]) for _ in range(EDGES)]
    # A window that is not far below the mean: else no channel has these sums.
    widths = [edge(rng, 10) + (1 << rng.randint(10, span)) for _ in range(EDGES)]
    gamma, beta = ([edge_scalar(rng, 40) for _ in range(EDGES)] for _ in range(2))
    gamma[3], beta[3], gamma[4], beta[5] = ZERO, ZERO, ZERO, ZERO
    grid, none = fmt.forward.grid, np.zeros((EDGES, 1), np.int64)
    total, spread = (scalars.from_integers(v, grid) for v in (totals, ranges))
    window = np.array([w.bit_length() for w in widths]) + grid
    found = channel.statistics(total, spread, window, none, none, constants, fmt)
    words = channel.apply_words(found, from_numbers(gamma), from_numbers(beta), fmt)
    inputs = []
    for index in range(EDGES):
        stat = {"total": totals[index], "ranges": ranges[index], "width": widths[index]}
        inputs.append({"backward": 0, "sums": {"stat": stat}, "gamma": gamma[index], "beta": beta[index]})
    dut = kind(fmt, INDEX_BITS)
    results, _ = run_streams(dut, split(inputs), {"o": EDGES}, rng, 0.0, ports(constants))
    for index, result in enumerate(results["o"]):
        check_forward(result, found, words, index, fmt)


@pytest.mark.parametrize(("kind", "name"), EDGE_KINDS)
def test_edges_backward(kind: Kind, name: str) -> None:
    """Moments that cancel, means on both sides of x's grid, spikes that saturate or vanish."""
    rng = seeded(4)
    fmt = FORMATS[name]
    constants = block.constants(1 << INDEX_BITS)
    low, grid = fmt.gradient.grid, fmt.forward.grid
    gamma, mean, scale = ([edge_scalar(rng, size) for _ in range(EDGES)] for size in (40, 10, 20))
    gamma[3], mean[4], scale[5] = ZERO, ZERO, ZERO
    totals, products, tops = [], [], []
    for index in range(EDGES):
        size = rng.randint(2, fmt.gradient.span)
        total = rng.choice([1, -1]) * edge(rng, size - 1)
        exact = Fraction(mean[index]["mantissa"]) * Fraction(2) ** (mean[index]["exponent"] - grid)
        near = round(exact * total) * (-1 if mean[index]["sign"] else 1)
        any_size = rng.choice([1, -1]) * edge(rng, fmt.gradient.span + fmt.forward.span)
        totals.append(total)
        products.append(rng.choice([near, near + 1, any_size, 0]))
        tops.append(size)
    centred = channel.centred_moments(products, totals, (grid + low, low), from_numbers(mean))
    beta = scalars.from_integers(totals, low)
    nothing = np.zeros(EDGES, np.int64)
    places = nothing[:, None]
    zero = Scalars(nothing, nothing)
    found = channel.Statistics(
        from_numbers(mean), from_numbers(scale), zero, nothing > 0, nothing > 0, nothing, places, places
    )
    window = np.array(tops) + low
    gradients = channel.gradients(beta, centred, window, found, from_numbers(gamma), constants)
    words = channel.grad_words(gradients, fmt)
    inputs = []
    for index in range(EDGES):
        moments = {"total": totals[index], "product": products[index], "top": tops[index]}
        parameters = {"gamma": gamma[index], "mean": mean[index], "scale": scale[index]}
        inputs.append({"backward": 1, "sums": {"reduce": moments}, **parameters})
    dut = kind(fmt, INDEX_BITS)
    results, _ = run_streams(dut, split(inputs), {"o": EDGES}, rng, 0.0, ports(constants))
    for index, result in enumerate(results["o"]):
        check_backward(result, gradients, words, index, fmt)


@pytest.mark.parametrize(("kind", "name"), EDGE_KINDS)
def test_the_flags_of_a_spread_at_its_edge(kind: Kind, name: str) -> None:
    """Spreads just below and at one step of the format, for means of both signs, zero, and so small that the
    format's smallest step counts."""
    rng = seeded(6)
    fmt = FORMATS[name]
    one = fmt.forward
    constants = block.constants(1 << INDEX_BITS, 1)
    inputs: list[dict[str, Any]] = []
    right = []
    for places in (0, one.magnitude_bits, one.magnitude_bits + 2):
        # The mean lies in [2**(places − 1), 2**places) on the format's grid, or is zero.
        largest = (1 << places + INDEX_BITS) - (1 << max(0, places + INDEX_BITS - SCALAR_BITS))
        step = Fraction(2) ** max(0, places - one.magnitude_bits)
        factor = Fraction(constants.spread.mantissa) * Fraction(2) ** constants.spread.exponent
        edge_range = -int(-step // factor)
        for total in (1 << places + INDEX_BITS - 1, -largest) if places else (0,):
            for ranges in (0, edge_range - 1, edge_range):
                stat = {"total": total, "ranges": ranges, "width": ranges}
                inputs.append({"backward": 0, "sums": {"stat": stat}, "gamma": ZERO, "beta": ZERO})
                # What 24 bits keep of the spread decides.
                kept = block.scalar(ranges)
                exact = Fraction(kept.mantissa) * Fraction(2) ** kept.exponent * factor
                spread = block.scalar(exact)
                right.append(Fraction(spread.mantissa) * Fraction(2) ** spread.exponent < step)
    results, _ = run_streams(
        kind(fmt, INDEX_BITS), split(inputs), {"o": len(inputs)}, rng, 0.0, ports(constants)
    )
    assert [bool(result.coarse) for result in results["o"]] == right
    assert [bool(result.flat) for result in results["o"]] == [
        not each["sums"]["stat"]["ranges"] for each in inputs
    ]
    assert 0.3 * len(right) < sum(right) < 0.9 * len(right)
