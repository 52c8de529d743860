"""The whole unit: y, dx, statistics, gradients and places bit for bit; channels overlapped, with stalls."""

from dataclasses import replace

import pytest

from golden.spec import block
from golden.spec.block import Rounding, Spikes
from golden.spec.learning import NORM_FORMAT
from hw.lightnorm.unit import LightNorm
from hw.tops.verilog import component_verilog
from sim.lightnorm.beats import joint_seen
from sim.lightnorm.numbers import as_number
from sim.lightnorm.samples import sample
from sim.lightnorm.streams import streams
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
    ("device", NORM_FORMAT, 4, 100, 8, 0.2, Spikes.APART),
    ("long", LIGHT, 8, 2048, 8, 0.0, Spikes.CLIP),
]
"""Formats, lanes, values, chunks, stalls, treatment of spikes."""


SHORT = (1, 4, 8)
"""Runs of each treatment of spikes, on the formats that differ most; the others are long."""


@pytest.mark.parametrize(
    ("fmt", "lanes", "values", "wanted", "stall", "spikes"),
    [
        pytest.param(*run[1:], marks=[pytest.mark.long] * (number not in SHORT))
        for number, run in enumerate(RUNS)
    ],
)
def test_unit(
    fmt: block.NormFormat, lanes: int, values: int, wanted: int, stall: float, spikes: Spikes
) -> None:
    rng = seeded(values)
    case = sample(values, values, wanted, fmt, spikes)
    flow = streams(case, fmt, lanes, spikes)
    counts = {name: len(payloads) for name, payloads in flow.results.items()}
    unit = LightNorm(fmt, lanes, spikes, 12)
    results, cycles = run_streams(unit, flow.inputs, counts, rng, stall, flow.still)
    assert [{"beat": joint_seen(result.beat)} for result in results["o"]] == flow.results["o"]
    for result, right in zip(results["found"], flow.results["found"], strict=True):
        seen = {
            key: as_number(result[key]) if isinstance(it, dict) else int(result[key])
            for key, it in right.items()
        }
        assert seen == right
    places = [{"highest": p.highest, "lowest": p.lowest} for p in results["places_out"]]
    assert places == flow.results["places_out"]
    if values == 2048:
        # The beats hide the arithmetic but of the first and the last channel of each direction.
        assert cycles <= len(flow.inputs["i"]) + 2 * 450


def test_verilog() -> None:
    part = LightNorm(LIGHT, 8, Spikes.CLIP)
    text = component_verilog(part, "lightnorm")
    assert "module lightnorm(" in text
    for stream in part.signature.members:
        assert stream in text
