"""The LightNorm unit's Verilog under cocotb: bit for bit the integer model, on both simulators."""

from dataclasses import replace

import pytest

from golden.lightnorm.traffic import traffic
from golden.spec import block
from golden.spec.block import Spikes
from sim.backends.simulators import SIMULATORS
from sim.lightnorm import regression
from sim.lightnorm.regression import Case, port_bits, run_case, sizes, tensor_beats
from sim.lightnorm.samples import CHANNELS, Sample, sample
from sim.lightnorm.streams import Streams, streams

LIGHT = replace(block.light(), spike=1)


@pytest.mark.parametrize(
    "simulator", [pytest.param(it, marks=[pytest.mark.long] * (it != "icarus")) for it in SIMULATORS]
)
def test_the_verilog_equals_the_model(simulator: str) -> None:
    case = Case("light", LIGHT, 4, 8, Spikes.CLIP)
    outcome = run_case(case, [2, 3, 61, 130], simulator, seed=3)
    assert outcome.mismatches == 0, outcome.first
    assert outcome.beats == sum(tensor_beats(values, 4) for values in (2, 3, 61, 130))


def test_a_difference_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's words are changed in one bit, so the bench must object."""

    def spoiled(case: Sample, fmt: block.NormFormat, lanes: int, spikes: Spikes) -> Streams:
        flow = streams(case, fmt, lanes, spikes)
        flow.results["o"][5]["beat"]["magnitudes"][1] ^= 1
        return flow

    monkeypatch.setattr(regression, "streams", spoiled)
    outcome = run_case(Case("light", LIGHT, 4, 8, Spikes.CLIP), [17], "icarus", seed=4)
    assert outcome.mismatches == 1
    assert outcome.first is not None
    assert outcome.first.startswith("o, payload 5, cycle")


@pytest.mark.parametrize("fmt", [LIGHT, block.light(32), block.mxint8()])
def test_bits_at_the_ports_are_those_of_the_blocks(fmt: block.NormFormat) -> None:
    case = sample(5, 101, 8, fmt, Spikes.APART)
    for lanes in (4, 16):
        found = port_bits(streams(case, fmt, lanes, Spikes.APART), fmt, lanes)
        assert found.total() == traffic(case.x, case.y, case.dy, case.dx, case.constants).payload


def test_sizes_reach_the_beats_with_short_and_odd_channels() -> None:
    for lanes in (4, 16):
        found = sizes(lanes, 20_000, 1)
        assert sum(4 * CHANNELS * -(-values // lanes) for values in found) >= 20_000
        assert {2, 3} <= set(found)
        assert any(values % lanes for values in found)
        assert len(found) < 40
