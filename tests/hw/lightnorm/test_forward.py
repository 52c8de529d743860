"""STAT to APPLY in one piece: y, statistics and places bit for bit, channels back to back, with stalls."""

import pytest

from golden.lightnorm import scalars
from golden.spec import block
from hw.lightnorm.forward import Forward
from tests.hw.bench import seeded
from tests.hw.lightnorm.drive import beats, run_streams, seen
from tests.hw.lightnorm.samples import CHANNELS, GAMMA, sample
from tests.hw.lightnorm.scalar_numbers import as_number, constant, numbers

FORMATS = {
    "light": block.light(),
    "light32": block.light(32),
    "wide": block.wide(8),
    "mxint8": block.mxint8(),
}


SHORT = [(4, 101, 8, 0.2), (8, 61, 1, 0.2), (16, 100, 8, 0.0)]
LONG = [(8, 1500, 8, 0.0)]
"""Lanes, values, chunks, stalls."""

RUNS = [(name, *run) for name in FORMATS for run in SHORT + (LONG if name == "light" else [])]


@pytest.mark.parametrize(("name", "lanes", "values", "wanted", "stall"), RUNS)
def test_forward(name: str, lanes: int, values: int, wanted: int, stall: float) -> None:
    rng = seeded(values)
    fmt = FORMATS[name]
    case = sample(values, values, wanted, fmt)
    host = case.constants
    x = [beat for channel in range(CHANNELS) for beat in beats(case.x, channel, lanes)]
    learnt = zip(numbers(scalars.from_floats(GAMMA)), numbers(case.beta), strict=True)
    inputs = {"stat": x, "apply": x, "channels": [{"gamma": gamma, "beta": beta} for gamma, beta in learnt]}
    counts = {"y": len(x), "found": CHANNELS, "places": CHANNELS * host.chunks.count}
    ports = {
        "chunk_beats": host.chunks.length // lanes,
        "chunks": host.chunks.count,
        "inverse": constant(host.inverse),
        "spread": constant(host.spread),
        "epsilon": constant(host.epsilon),
    }
    results, cycles = run_streams(Forward(fmt, lanes, 12), inputs, counts, rng, stall, ports)
    right = [beat for channel in range(CHANNELS) for beat in beats(case.y, channel, lanes)]
    assert [seen(result.beat) for result in results["y"]] == right
    for key in ("mean", "scale", "spread"):
        assert [as_number(result[key]) for result in results["found"]] == numbers(getattr(case.found, key))
    assert [bool(result.flat) for result in results["found"]] == case.found.flat.tolist()
    pairs = zip(case.found.highest.reshape(-1), case.found.lowest.reshape(-1), strict=True)
    assert [(p.highest, p.lowest) for p in results["places"]] == [(int(a), int(b)) for a, b in pairs]
    if values == 1500:
        # 188 beats hide the arithmetic: APPLY follows a channel behind STAT, without a pause.
        beats_each = len(x) // CHANNELS
        assert cycles <= (CHANNELS + 1) * beats_each + 250
