"""Power of one engine from its gates, beside the table's energy for the same work."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flows.asic.engine import LAYERS, EngineCost, engine_cost
from flows.base.energy import layer_energy
from flows.base.metrics import Metric
from flows.base.progress import step
from golden.cycles.timing import count_cycles
from golden.spec.program import Program

GATES_NM, GATES_VOLTS = 180.0, 1.8
"""OSU018: feature size and nominal voltage."""

TABLE_NM, TABLE_VOLTS = 45.0, 0.9
"""Of `flows.base.energy.TABLE`."""

SCALE = TABLE_NM / GATES_NM * (TABLE_VOLTS / GATES_VOLTS) ** 2
"""Energy C·V² of a gate of the table's process ÷ one of OSU018, capacitance in proportion to the size."""

SCALING = (
    f"C·V²: {TABLE_NM:g} nm ÷ {GATES_NM:g} nm × ({TABLE_VOLTS:g} V ÷ {GATES_VOLTS:g} V)²; capacitance taken "
    "in proportion to the feature size"
)


def table_of_engine(program: Program, layers: int = LAYERS) -> float:
    """pJ of a cycle that the table says for one engine without memories: registers, sums, lanes.

    A mean over the cycles of the first layers of an image, and over all engines.
    """
    energies = [layer_energy(program, layer) for layer in program.layers[:layers]]
    cycles = count_cycles(program).layer_ends[:layers][-1] * program.config.engines
    return sum(it.window + it.partial_sums + it.lanes for it in energies) / cycles


def power_metrics(
    program: Program, image: npt.NDArray[np.int8], what: str, folder: Path, out: Path
) -> Iterator[Metric]:
    """Area, period and power of engine 0 on one image, and how far gates and table differ.

    Raises MissingTool without Icarus or OpenSTA, LightDealError if gates and RTL differ.
    """
    with step(f"one engine of {program.config.name} in standard cells, gates beside RTL, power"):
        cost = engine_cost(program, image, folder, out=out)
    yield from cost_metrics(cost, program, what)


def cost_metrics(cost: EngineCost, program: Program, what: str) -> Iterator[Metric]:
    """The figures of `power_metrics` from a measured engine."""
    config = program.config
    where = f"engine 0 of {what}, configuration {config.name} {config.digest:08x}"
    cells = f"{cost.area.versions}: {cost.area.command}; {cost.area.target}; {where}"
    tool = f"{cost.power.versions}, {cost.area.target}; {where}"
    counted = f"{cost.activity.cycles} cycles, the first {LAYERS} layers"
    active = f"{tool}; toggles of {counted}, of gates that equalled RTL"
    power, period = cost.power, cost.power.period
    gates = power.joules_per_cycle * 1e12
    clock = power.clock * period * 1e3
    table = table_of_engine(program)
    yield Metric("power.cell_area", cost.area.area.cell_area, "µm²", "less", cells)
    yield Metric("power.flip_flops", cost.area.area.flip_flops, "1", "less", cells)
    yield Metric(
        "power.compared",
        cost.activity.compared,
        "cycles",
        "more",
        f"gates beside RTL, all outputs equal; {where}",
    )
    yield Metric("power.mhz", cost.timing.mhz, "MHz", "more", f"{cost.timing.versions}; {where}")
    for name in ("internal", "switching", "leakage", "total"):
        yield Metric(f"power.{name}", getattr(power, name) * 1000, "mW", "less", active)
    for name, watts in (
        ("clock", power.clock),
        ("sequential", power.sequential.total),
        ("combinational", power.combinational.total),
    ):
        yield Metric(f"power.{name}", watts * 1000, "mW", "less", active)
    yield Metric("power.gates", gates, "pJ", "less", f"power.total × clock period; {active}")
    yield Metric(
        "power.table",
        table,
        "pJ",
        "less",
        "flows.base.energy: row registers, partial sums and lanes of an engine, mean of a cycle of the same "
        f"layers; {where}",
    )
    yield Metric("power.scale", SCALE, "1", "neither", SCALING)
    yield Metric("power.gates_scaled", gates * SCALE, "pJ", "less", "power.gates × power.scale")
    ratio = "power.gates × power.scale ÷ power.table"
    yield Metric("power.gates_over_table", gates * SCALE / table, "1", "neither", ratio)
    yield Metric(
        "power.unclocked_over_table",
        (gates - clock) * SCALE / table,
        "1",
        "neither",
        "the same without power.clock",
    )
