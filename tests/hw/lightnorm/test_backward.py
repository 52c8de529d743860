"""REDUCE to GRAD in one piece: dx and gradients bit for bit, channels back to back, with stalls."""

import pytest

from golden.lightnorm import scalars
from golden.spec import block
from golden.spec.block import Spikes
from hw.lightnorm.backward import Backward
from tests.hw.bench import seeded
from tests.hw.lightnorm.drive import beats, run_streams, seen
from tests.hw.lightnorm.samples import CHANNELS, GAMMA, sample
from tests.hw.lightnorm.scalar_numbers import as_number, constant, numbers

FORMATS = {**block.PRESETS, "wide": block.wide(8)}


SHORT = [
    (4, 101, 8, 0.2, Spikes.CLIP),
    (8, 61, 1, 0.2, Spikes.APART),
    (16, 100, 8, 0.0, Spikes.BLOCK),
]
LONG = [(8, 2040, 8, 0.0, Spikes.CLIP)]
"""Lanes, values, chunks, stalls, treatment of spikes."""

RUNS = [(name, *run) for name in FORMATS for run in SHORT + (LONG if name == "light" else [])]


@pytest.mark.parametrize(("name", "lanes", "values", "wanted", "stall", "spikes"), RUNS)
def test_backward(name: str, lanes: int, values: int, wanted: int, stall: float, spikes: Spikes) -> None:
    rng = seeded(values)
    fmt = FORMATS[name]
    case = sample(values, values, wanted, fmt, spikes)
    host = case.constants
    dy = [beat for channel in range(CHANNELS) for beat in beats(case.dy, channel, lanes)]
    x = [beat for channel in range(CHANNELS) for beat in beats(case.x, channel, lanes)]
    known = zip(
        numbers(scalars.from_floats(GAMMA)), numbers(case.found.mean), numbers(case.found.scale), strict=True
    )
    pairs = zip(case.found.highest.reshape(-1), case.found.lowest.reshape(-1), strict=True)
    inputs = {
        "reduce": [{"x": a, "dy": b} for a, b in zip(x, dy, strict=True)],
        "grad": dy,
        "channels": [{"gamma": a, "mean": b, "scale": c} for a, b, c in known],
        "places": [{"highest": int(a), "lowest": int(b)} for a, b in pairs],
    }
    counts = {"dx": len(dy), "gradients": CHANNELS}
    ports = {
        "chunk_beats": host.chunks.length // lanes,
        "chunks": host.chunks.count,
        "inverse": constant(host.inverse),
        "spread": constant(host.spread),
    }
    results, cycles = run_streams(Backward(fmt, lanes, spikes, 12), inputs, counts, rng, stall, ports)
    right = [beat for channel in range(CHANNELS) for beat in beats(case.dx, channel, lanes)]
    assert [seen(result.beat) for result in results["dx"]] == right
    for key, exact in (
        ("d_gamma", case.gradients.gamma),
        ("d_beta", case.gradients.beta),
        ("spike", case.gradients.spike),
    ):
        assert [as_number(result[key]) for result in results["gradients"]] == numbers(exact)
    if values == 2040:
        # 255 beats hide the arithmetic: GRAD follows a channel behind REDUCE, without a pause.
        beats_each = len(dy) // CHANNELS
        assert cycles <= (CHANNELS + 1) * beats_each + 350
