"""Engine, requantiser and output pipeline as emitted Verilog, under cocotb on both simulators."""

from dataclasses import replace

import pytest

from golden.spec import formats, latency
from golden.spec.formats import round_shift, saturate
from golden.spec.memories import Memory
from hw.engine.engine import Engine
from hw.parts.rounding import RoundShift
from hw.writeback.output import OutputPipeline
from sim.backends.cocotb_runner import run_unit
from sim.backends.simulators import SIMULATORS
from tests.hw.bench import NANO, join, seeded, some
from tests.hw.outputs import random_vectors
from tests.hw.streams import random_work

CONFIG = replace(NANO, engines=2, accumulators=8, accumulator_bits=24)


@pytest.mark.parametrize("late", [pytest.param(0.0, marks=pytest.mark.long), 0.5])
@pytest.mark.parametrize("simulator", SIMULATORS)
def test_engine(simulator: str, late: float) -> None:
    seed = 11
    work = random_work(seeded(seed), CONFIG, blocks=8, rows=12)
    bits = CONFIG.accumulator_bits
    jobs = range(len(work.jobs))
    cases = {
        "memory": Memory.COEFFICIENT + 1,
        "words": work.words(CONFIG),
        "window": CONFIG.window,
        "slots": CONFIG.accumulators,
        "rows": [
            {"data": join(row.values, 8), "zero": row.zero, "marker": row.marker, "rewind": row.rewind}
            for row in work.rows
        ],
        "sums": [[join(lanes, bits) for lanes in work.sums(job, CONFIG)] for job in jobs],
        "skip": 1,
        "late": late,
        "slow": late,
        "seed": seed,
        "limit": 5000,
    }
    run_unit(Engine(CONFIG, 1), "sim.benches.engine", cases, simulator)


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_requantiser(simulator: str) -> None:
    rng = seeded(5)
    top = 1 << (formats.OUTPUT_BITS - 1)
    cases = []
    for shift in range(1 << formats.SHIFT_BITS):
        values = [some(rng, -top, top - 1) for _ in range(5)]
        values += [rng.randint(-520, 520) << shift >> 1 for _ in range(20)]
        cases += [(value, shift) for value in values if -top <= value < top]
    expected = [(saturate(round_shift(value, shift)) & 255, 255) for value, shift in cases]
    mask = (1 << formats.OUTPUT_BITS) - 1
    vectors = {
        "still": {},
        "inputs": [{"i": value & mask, "shift": shift} for value, shift in cases] + [{}] * latency.ROUND,
        "expected": [{}] * latency.ROUND + [{"o": pair} for pair in expected],
    }
    unit = RoundShift(formats.OUTPUT_BITS, formats.SHIFT_BITS)
    run_unit(unit, "sim.benches.vectors", vectors, simulator)


def test_a_wrong_value_is_told() -> None:
    vectors = {
        "still": {"shift": 1},
        "inputs": [{"i": 6}] + [{}] * latency.ROUND,
        "expected": [{}] * latency.ROUND + [{"o": (2, 255)}],
    }
    said = rf"icarus: .*cycle {latency.ROUND}: o: expected 0x2, got 0x3"
    with pytest.raises(AssertionError, match=said):
        run_unit(
            RoundShift(formats.OUTPUT_BITS, formats.SHIFT_BITS), "sim.benches.vectors", vectors, "icarus"
        )


@pytest.mark.parametrize("bubbles", [pytest.param(0.0, marks=pytest.mark.long), 0.5])
@pytest.mark.parametrize("simulator", SIMULATORS)
def test_output_pipeline(simulator: str, bubbles: float) -> None:
    for seed, (residual, pool) in enumerate([(True, False), (False, True), (False, False)]):
        vectors = random_vectors(seed, CONFIG, residual, pool, bubbles)
        everything = (1 << CONFIG.lanes * 8) - 1
        expected: list[dict[str, tuple[int, int]]] = []
        for cycle in range(len(vectors.inputs)):
            shown = {"write__valid": (int(cycle in vectors.writes), 1)}
            shown["turn_done"] = (int(cycle in vectors.turns), 1)
            if cycle in vectors.writes:
                address, enable, data = vectors.writes[cycle]
                mask = sum(255 << 8 * lane for lane in range(CONFIG.lanes) if enable >> lane & 1)
                shown["write__address"] = (address, CONFIG.feature_words - 1)
                shown["write__enable"] = (enable, (1 << CONFIG.lanes) - 1)
                shown["write__data"] = (data, mask & everything)
            expected.append(shown)
        given = {"still": {"layer": vectors.layer}, "inputs": vectors.inputs, "expected": expected}
        run_unit(OutputPipeline(CONFIG), "sim.benches.vectors", given, simulator)
