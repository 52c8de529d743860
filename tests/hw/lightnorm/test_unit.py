"""The whole unit: y, dx, statistics, gradients and places bit for bit; channels overlapped, with stalls."""

from dataclasses import replace
from typing import Any

import pytest

from golden.lightnorm import scalars
from golden.spec import block
from golden.spec.block import Rounding, Spikes
from hw.lightnorm.layouts import Op
from hw.lightnorm.unit import LightNorm
from hw.verilog import component_verilog
from sim.lightnorm.beats import joint_beats, joint_seen, pass_beats
from sim.lightnorm.numbers import as_number, constant, numbers
from sim.lightnorm.samples import CHANNELS, GAMMA, sample
from tests.hw.bench import seeded
from tests.hw.lightnorm.drive import run_streams

LIGHT = replace(block.light(), spike=1)
MIXED = replace(LIGHT, gradient=block.light(32, Rounding.TRUNCATE).gradient, gradient_window=14, spike=3)
RUNS = [
    ("light", LIGHT, 4, 101, 8, 0.2, Spikes.CLIP),
    ("light", LIGHT, 8, 61, 1, 0.0, Spikes.APART),
    ("light", LIGHT, 16, 100, 8, 0.2, Spikes.CLIP),
    ("light32", block.light(32), 8, 100, 8, 0.2, Spikes.BLOCK),
    ("wide", block.wide(8), 4, 61, 1, 0.2, Spikes.BLOCK),
    ("wide", block.wide(8), 16, 100, 8, 0.0, Spikes.APART),
    ("mxint8", block.mxint8(), 8, 101, 8, 0.2, Spikes.CLIP),
    ("mixed", MIXED, 8, 100, 8, 0.2, Spikes.CLIP),
    ("long", LIGHT, 8, 2048, 8, 0.0, Spikes.CLIP),
]
"""Formats, lanes, values, chunks, stalls, treatment of spikes."""


@pytest.mark.parametrize(("fmt", "lanes", "values", "wanted", "stall", "spikes"), [run[1:] for run in RUNS])
def test_unit(
    fmt: block.NormFormat, lanes: int, values: int, wanted: int, stall: float, spikes: Spikes
) -> None:
    rng = seeded(values)
    case = sample(values, values, wanted, fmt, spikes)
    host = case.constants
    gammas, betas = numbers(scalars.from_floats(GAMMA)), numbers(case.beta)
    means, scales = numbers(case.found.mean), numbers(case.found.scale)
    i: list[dict[str, Any]] = []
    parameters: list[dict[str, Any]] = []
    right: list[dict[str, Any]] = []
    for first, second, blocks in ((Op.STAT, Op.APPLY, case.y), (Op.REDUCE, Op.GRAD, case.dx)):
        # STAT 0, STAT 1, APPLY 0, STAT 2, APPLY 1 …
        order = [(first, 0)]
        for channel in range(1, CHANNELS):
            order += [(first, channel), (second, channel - 1)]
        order.append((second, CHANNELS - 1))
        for op, channel in order:
            i += pass_beats(op, case.x, case.dy, channel, lanes)
        for channel in range(CHANNELS):
            fields = (gammas[channel], betas[channel], means[channel], scales[channel])
            parameters.append(dict(zip(("gamma", "beta", "mean", "scale"), fields, strict=True)))
            right += joint_beats(fmt, blocks, channel, lanes, second == Op.GRAD)
    pairs = zip(case.found.highest.reshape(-1), case.found.lowest.reshape(-1), strict=True)
    places = [{"highest": int(a), "lowest": int(b)} for a, b in pairs]
    inputs = {"i": i, "parameters": parameters, "places_in": [] if spikes == Spikes.APART else places}
    counts = {"o": len(right), "found": 2 * CHANNELS, "places_out": len(places)}
    ports = {
        "chunk_beats": host.chunks.length // lanes,
        "chunks": host.chunks.count,
        "inverse": constant(host.inverse),
        "spread": constant(host.spread),
        "epsilon": constant(host.epsilon),
    }
    results, cycles = run_streams(LightNorm(fmt, lanes, spikes, 12), inputs, counts, rng, stall, ports)
    assert [joint_seen(result.beat) for result in results["o"]] == right
    forward, backward = results["found"][:CHANNELS], results["found"][CHANNELS:]
    for key in ("mean", "scale", "spread"):
        assert [as_number(result[key]) for result in forward] == numbers(getattr(case.found, key))
    assert [bool(result.flat) for result in forward] == case.found.flat.tolist()
    gradients = case.gradients
    for key, exact in (
        ("d_gamma", gradients.gamma),
        ("d_beta", gradients.beta),
        ("spike", gradients.spike),
    ):
        assert [as_number(result[key]) for result in backward] == numbers(exact)
    assert [{"highest": p.highest, "lowest": p.lowest} for p in results["places_out"]] == places
    if values == 2048:
        # The beats hide the arithmetic but of the first and the last channel of each direction.
        assert cycles <= len(i) + 2 * 450


def test_verilog() -> None:
    part = LightNorm(LIGHT, 8, Spikes.CLIP)
    text = component_verilog(part, "lightnorm")
    assert "module lightnorm(" in text
    for stream in part.signature.members:
        assert stream in text
