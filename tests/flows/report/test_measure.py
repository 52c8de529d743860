"""What is measured, against counts made another way."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flows.asic.engine import EngineCost
from flows.asic.gates import Activity
from flows.asic.sta import Part, Power, Timing
from flows.base.energy import layer_energy, network_energy
from flows.report import measure
from flows.report.power import SCALE, cost_metrics, table_of_engine
from flows.report.programs import COMPONENTS, dram_bytes, on_chip_bytes, program_metrics
from flows.report.wide import DENSITY, wide_networks
from flows.synth.area import Area
from flows.synth.netlist import Synthesis
from golden.compiler import compile_network
from golden.cycles.timing import count_cycles
from golden.graph.operations.weights import Factored, Plain
from golden.spec.config import SMALL, TINY
from golden.spec.errors import ProgramError
from golden.spec.program import Program
from sim.drivers.ports import ToolError
from tests.golden import networks


@pytest.fixture(scope="module")
def program() -> Program:
    return compile_network(networks.random_network(np.random.default_rng(11), TINY), TINY)


def test_metrics_of_a_program_add_up(program: Program) -> None:
    found = {metric.name: metric.value for metric in program_metrics("it", program, "test")}
    paths = [layer.path for layer in program.layers]
    assert found["it.cycles"] == count_cycles(program).cycles
    assert sum(found[f"it.layers.{path}.cycles"] for path in paths) == found["it.cycles"]
    assert found["it.energy"] == pytest.approx(network_energy(program).total / 1000)
    assert sum(found[f"it.energy.{name}"] for name in COMPONENTS) == pytest.approx(found["it.energy"])
    assert sum(found[f"it.layers.{path}.energy"] for path in paths) == pytest.approx(found["it.energy"])
    assert found["it.kept_macs"] <= found["it.macs"] * 3  # an int8 weight is at most a few digits
    assert found["it.utilisation"] == pytest.approx(
        found["it.kept_macs"] / (TINY.engines * TINY.lanes * found["it.cycles"])
    )
    for path in paths:
        assert found[f"it.layers.{path}.rate"] <= TINY.adders


def test_bytes_on_the_chip_and_outside(program: Program) -> None:
    run_and_instructions = on_chip_bytes(TINY) - (
        # In order: features and window, weights (pairs of a code of 4 bits, a slot of 3 and an
        # advance of 2), terms, sums of both banks, biases and shifts.
        (TINY.feature_words + TINY.window) * TINY.lanes
        + TINY.engines * TINY.coefficient_words * 2 * (4 + 3 + 2) / 8
        + TINY.term_words
        + 2 * TINY.accumulators * TINY.adders * TINY.accumulator_bits / 8
        + TINY.filter_words * (32 + 5) / 8
    )
    assert 0 < run_and_instructions < 0.5 * on_chip_bytes(TINY)
    words = dram_bytes(program) - sum(layer.weight_bits for layer in program.layers) / 8
    shapes = [program.tensor(name).shape for name in (program.input, program.output)]
    assert words >= sum(int(np.prod(shape)) for shape in shapes)
    assert words % TINY.lanes == 0


def test_power_is_scaled_and_never_added(program: Program) -> None:
    area = Synthesis(
        name="engine",
        target="cells",
        dsp=False,
        area=Area({"INV": 3}, 0, 1, 0, 0, 0, 1234.5),
        blocks={},
        macros=(),
        folder=Path(),
        versions="yosys",
        command="synth",
    )
    # 3 mW for 10 ns are 30 pJ.
    power = Power(10.0, Part(0.8e-3, 0.2e-3, 0.25e-3), Part(0.2e-3, 1.3e-3, 0.25e-3), 0.5e-3, "sta")
    cost = EngineCost(area, Timing(9.96, "path", "sta"), Activity(4000, 4100, {}), power)
    found = {metric.name: metric.value for metric in cost_metrics(cost, program, "test")}
    assert found["power.gates"] == pytest.approx(30)
    assert found["power.total"] == pytest.approx(3)
    assert pytest.approx(1 / 16) == SCALE
    assert found["power.gates_scaled"] == pytest.approx(30 / 16)
    energy = layer_energy(program, program.layers[0]) + layer_energy(program, program.layers[1])
    cycles = TINY.engines * count_cycles(program).layer_ends[1]
    table = (energy.window + energy.partial_sums + energy.lanes) / cycles
    assert found["power.table"] == pytest.approx(table) == table_of_engine(program)
    assert found["power.gates_over_table"] == pytest.approx(30 / 16 / table)
    assert found["power.unclocked_over_table"] == pytest.approx(25 / 16 / table)
    assert found["power.sequential"] + found["power.combinational"] == pytest.approx(found["power.total"])


def test_the_wide_layer_has_the_density_that_it_states() -> None:
    found = wide_networks(replace(SMALL, accumulator_bits=24))
    for name in ("smartdeal", "no_basis"):
        weights = found[name].layers[0].convolution.weights
        assert isinstance(weights, Factored)
        assert weights.mask.mean() == pytest.approx(DENSITY, abs=0.01)
    assert found["rebuild"] is found["smartdeal"]
    dense, rows = (found[name].layers[0].convolution.weights for name in ("int8", "rows_int8"))
    assert isinstance(dense, Plain)
    assert isinstance(rows, Plain)
    assert (dense.weights != 0).mean() > 0.9
    zero_rows = (rows.weights.reshape(8, 8, -1) == 0).all(axis=1)
    assert zero_rows.mean() > 0.5


def test_missing_programs_are_named_with_their_command(tmp_path: Path) -> None:
    with pytest.raises(
        ProgramError, match=r"digits\.json: missing; make it with: lightdeal arithmetics --data digits"
    ):
        measure.measure_network("digits", tmp_path, tmp_path)
    with pytest.raises(ProgramError, match=r"digits-int8\.ldp: cannot be read"):
        measure.load_program("digits", "int8", tmp_path)


def test_steps_that_lack_a_tool_are_left_out_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    def lacks() -> None:
        raise ToolError("sta is missing: install it with the Debian package opensta")

    monkeypatch.setattr(
        measure,
        "steps",
        lambda: {"one": lambda: ran.append("one"), "gates": lacks, "two": lambda: ran.append("two")},
    )
    seen = []
    left_out = measure.measure_all(lambda _, fraction: seen.append(fraction))
    assert left_out == ("gates: sta is missing: install it with the Debian package opensta",)
    assert ran == ["one", "two"]
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
