"""Units as emitted Verilog, under cocotb on both simulators."""

from dataclasses import replace

import pytest

from golden.spec import latency
from golden.spec.config import TINY
from golden.spec.formats import round_shift, saturate
from golden.spec.memories import memory_shape
from hw.core.loader import Loader
from hw.parts.rounding import RoundShift
from sim.backends.cocotb_runner import run_unit
from sim.backends.simulators import SIMULATORS
from sim.drivers.ports import SimulationError
from tests.sim.programs import random_case

BITS, SHIFT_BITS = 8, 3


def _rounding_cases() -> list[tuple[int, int, int]]:
    return [
        (value, shift, saturate(round_shift(value, shift), 6))
        for value in range(-(1 << (BITS - 1)), 1 << (BITS - 1))
        for shift in range(1 << SHIFT_BITS)
    ]


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_rounding(simulator: str) -> None:
    cases = {"latency": latency.ROUND, "cases": _rounding_cases()}
    run_unit(RoundShift(BITS, SHIFT_BITS, 6), "sim.benches.rounding", cases, simulator)


def test_a_wrong_value_is_told() -> None:
    cases = _rounding_cases()
    value, shift, expected = cases[100]
    cases[100] = (value, shift, expected ^ 1)
    text = rf"icarus: rounds.*case 100: {value} / 2\*\*{shift}: expected {expected ^ 1}, got {expected}"
    with pytest.raises(AssertionError, match=text):
        run_unit(
            RoundShift(BITS, SHIFT_BITS, 6),
            "sim.benches.rounding",
            {"latency": latency.ROUND, "cases": cases},
            "icarus",
        )


@pytest.mark.parametrize("stalls", [pytest.param(0.0, marks=pytest.mark.long), 0.5])
@pytest.mark.parametrize("simulator", SIMULATORS)
def test_loader(simulator: str, stalls: float) -> None:
    config = replace(TINY, term_words=512, coefficient_words=256)
    seed = 7
    print(f"seed {seed}")
    program = random_case(seed, config, largest=4).program
    words = program.image()
    writes = [
        (memory, address, memory_shape(config, memory).bits, word)
        for memory, contents in program.contents()
        for address, word in enumerate(contents)
    ]
    cases = {
        "words": words,
        "writes": writes,
        "stalls": stalls,
        "seed": seed,
        "limit": 100 + 10 * len(words),
    }
    run_unit(Loader(config), "sim.benches.loader", cases, simulator)


def test_unknown_simulator() -> None:
    with pytest.raises(SimulationError, match="simulator 'vcs'; legal: icarus, verilator"):
        run_unit(RoundShift(BITS, SHIFT_BITS, 6), "sim.benches.rounding", {}, "vcs")
