"""Timing and power of one engine on real layers: synthesis, recording, gates beside RTL, OpenSTA."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flows.asic.gates import RESET_CYCLES, Activity, Port, ports_of, simulate_gates
from flows.asic.sta import Power, Timing, power, timing
from flows.asic.vcd import samples
from flows.synth.liberty import read_liberty
from flows.synth.netlist import ASIC, BUILD, Synthesis, synthesise
from golden.cycles.timing import count_cycles
from golden.spec.errors import LightDealError
from golden.spec.memories import Memory
from golden.spec.program import Program
from hw.engine.engine import Engine
from sim.run import run

LAYERS = 2
"""So many layers of an image are simulated in gates; of the demo network, about 1,500 cycles."""


@dataclass(frozen=True)
class EngineCost:
    """One engine in standard cells.

    Parameters
    ----------
    area: its netlist; the coefficient memory is a macro and in none of the figures.
    timing: shortest period.  activity: toggles on the image.
    power: watts at `timing`'s period rounded up to 0.1 ns, with those toggles.
    """

    area: Synthesis
    timing: Timing
    activity: Activity
    power: Power


def engine_inputs(
    program: Program, waveform: Path, ports: Sequence[Port], number: int, cycles: int
) -> tuple[list[dict[str, int]], int]:
    """Inputs of an engine, cycle by cycle: its coefficients are loaded, a reset, then those recorded.

    Without the reset, what the engine has read of its memory before it was loaded would still be unknown.
    The second value is the number of cycles before those recorded. `waveform`: of `sim.run.run` on
    "compiled"; `ports`: of the engine. Raises LightDealError if the recording is shorter than `cycles`.
    """
    names = [port.name for port in ports if port.is_input]
    loading = [
        {
            "load__valid": 1,
            "load__memory": Memory.COEFFICIENT + number,
            "load__address": address,
            "load__data": word,
        }
        for address, word in enumerate(program.coefficients[number])
    ]
    paths = [f"accelerator engine{number} {name}" for name in names]
    recorded = [
        dict(zip(names, values, strict=True))
        for values in islice(samples(waveform, "accelerator clk", paths), cycles)
    ]
    if len(recorded) < cycles:
        raise LightDealError(f"waveform {waveform}: {len(recorded)} cycles; {cycles} are wanted")
    before = loading + [{"rst": 1}] * RESET_CYCLES
    return before + recorded, len(before)


def engine_cost(
    program: Program,
    image: npt.NDArray[np.int8],
    folder: Path,
    *,
    number: int = 0,
    layers: int = LAYERS,
    liberty: Path | None = None,
    out: Path = BUILD,
) -> EngineCost:
    """Area, period and power of engine `number` in the first layers of a run on one image.

    Parameters
    ----------
    image: int8 (1, channels, height, width) of the program's input tensor.
    layers: how many of the first layers are simulated.
    folder: for the waveform and what the tools write.
    liberty, out: as for `flows.synth.netlist.synthesise`.

    Raises LightDealError if gates and RTL differ in any cycle; MissingTool without Icarus or OpenSTA.
    """
    library = read_liberty(liberty)
    folder.mkdir(parents=True, exist_ok=True)
    area = synthesise(Engine(program.config, number), "engine", ASIC, liberty=liberty, out=out)
    waveform = folder / "image.vcd"
    run(program, image, on="compiled", waveform=waveform)
    dut = Engine(program.config, number)
    cycles = count_cycles(program).layer_ends[layers - 1]
    inputs, loading = engine_inputs(program, waveform, ports_of(dut), number, cycles)
    activity = simulate_gates(dut, area, library, inputs, loading, folder)
    found = timing(library, folder, "engine")
    period = -(-found.period // 0.1) * 0.1
    return EngineCost(area, found, activity, power(library, folder, "engine", period, activity))
