"""What is known of one network of the zoo, as metrics that are kept as soon as it is done."""

import time
from dataclasses import asdict, dataclass

import numpy as np
import torch

from flows.base.fidelity import distance_table
from flows.base.files import write_whole
from flows.base.kept import digest, kept
from flows.base.measure import bits_each
from flows.base.metrics import Metric
from flows.base.roots import ZOO as ROOTS
from flows.base.sources import sources_digest
from flows.zoo.commands import Zoo
from flows.zoo.networks import CONFIG, Made, Pictures, made
from golden.compiler import compile_network
from golden.cycles.bounds import cycle_bound, dense_cycles
from golden.cycles.timing import count_cycles
from golden.graph.side import put_beside, side_by_side
from golden.machine.run import run_program
from golden.machine.tensors import quantise
from golden.progress import Progress
from golden.spec.config import DEFAULT
from golden.spec.errors import CapacityError, LightDealError, UnsupportedError
from golden.spec.memories import memory_shape
from golden.spec.program import Program
from sim.checks.compare import mismatch_count, values_compared
from sim.checks.fidelity import Fidelity, fidelity
from sim.run import run

ROWS = "rows"
"""Folder of the kept rows."""

COMPARED = 64
"""Images whose tensors are compared with floats."""


def row_key(name: str, options: Zoo) -> str:
    """A digest of all that a row depends on."""
    asked = {key: value for key, value in asdict(options).items() if key not in ("name", "out", "fuzz")}
    return digest(sources_digest(ROOTS), torch.__version__, name, repr(sorted(asked.items())))


def row(name: str, key: str, options: Zoo, pictures: Pictures, progress: Progress) -> list[Metric] | str:
    """The metrics of a network, new or kept under `key`; or why there is no such network."""
    try:
        return kept(options.out / ROWS, name, key, lambda: _measured(name, options, pictures, progress))
    except LightDealError as error:
        return str(error)


def _measured(name: str, options: Zoo, pictures: Pictures, progress: Progress) -> list[Metric]:
    """Trains, compresses, compiles and runs; leaves the tensors' distances in a file."""
    started = time.process_time()
    found = made(name, options, pictures, progress)
    program = compile_network(found.network, CONFIG)
    progress("RTL", 1.0)
    images = found.test.images.reshape(-1, *program.tensor(program.input).shape).numpy()
    inputs = quantise(images[: options.images], program.tensor(program.input).scale)
    golden = run_program(program, inputs)
    result = run(program, inputs, on="compiled", skip=False)
    model = count_cycles(program).cycles
    wrong = mismatch_count(golden.tensors, result, program)
    wrong += sum(cycles != model for cycles in result.cycles)
    progress("tensors beside floats", 1.0)
    near = fidelity(program, images[:COMPARED])
    if near.distances is not None:
        write_whole(options.out / f"{name}.tensors.md", distance_table(near.distances) + "\n")
    compared = values_compared(golden.tensors, program)
    beside = _beside(name, found)
    if beside is not None:
        wrong, compared = wrong + beside.wrong, compared + beside.compared
    metrics = [*_costs(name, program, model), *_trained(name, options, found), *_near(name, near)]
    where = f"{_where(program)}, {options.images} images, {compared:,} values and the cycles"
    metrics += [
        Metric(f"{name}.rtl_mismatches", wrong, "1", "less", where),
        Metric(f"{name}.rtl_compared", compared, "1", "more", where),
        Metric(f"{name}.seconds", time.process_time() - started, "s", "less", "flows.zoo, processor time"),
    ]
    return [*metrics, *([beside.metric] if beside else []), *_on_default(name, found)]


def _on_default(name: str, found: Made) -> list[Metric]:
    """Cycles on DEFAULT as it is, by the cycle model; nothing where its memories or sums do not hold it."""
    try:
        program = compile_network(found.network, DEFAULT)
    except (CapacityError, UnsupportedError):
        return []
    where = _where(program)
    return [Metric(f"{name}.default_cycles", count_cycles(program).cycles, "cycles", "less", where)]


@dataclass(frozen=True)
class _Beside:
    """A run of as many images as there are lanes, side by side: its cycles, and the values compared."""

    metric: Metric
    wrong: int
    compared: int


def _beside(name: str, found: Made) -> _Beside | None:
    """None for a network whose images cannot lie side by side."""
    lanes = CONFIG.lanes
    try:
        program = compile_network(side_by_side(found.network, lanes), CONFIG)
    except UnsupportedError:
        return None
    images = found.test.images[:lanes].numpy()
    inputs = put_beside(quantise(images, program.tensor(program.input).scale), lanes)
    golden = run_program(program, inputs)
    result = run(program, inputs, on="compiled", skip=False)
    model = count_cycles(program).cycles
    wrong = mismatch_count(golden.tensors, result, program) + sum(it != model for it in result.cycles)
    where = f"{_where(program)}, {lanes} images side by side, an image's share"
    return _Beside(
        Metric(f"{name}.cycles_beside", model / lanes, "cycles", "less", where),
        wrong,
        values_compared(golden.tensors, program),
    )


def _where(program: Program) -> str:
    return f"flows.zoo, configuration {program.config.name} {program.config.digest:08x}"


def _costs(name: str, program: Program, cycles: int) -> list[Metric]:
    where, layers = _where(program), program.layers
    density = sum(it.kept for it in layers) / sum(it.weights for it in layers)
    steps = sum(layer.steps * layer.output_pixels for layer in layers)
    return [
        Metric(f"{name}.cycles", cycles, "cycles", "less", f"{where}, zero rows not skipped"),
        Metric(f"{name}.cycles_dense", dense_cycles(program), "cycles", "neither", where),
        Metric(f"{name}.cycles_bound", cycle_bound(program).total, "cycles", "neither", where),
        Metric(f"{name}.density", density, "1", "less", f"{where}, kept / all weights"),
        Metric(f"{name}.bits_each", bits_each(program), "bit", "less", where),
        Metric(f"{name}.on_chip_bytes", used_bytes(program), "byte", "less", f"{where}, words in use"),
        Metric(f"{name}.utilisation", steps / (program.config.adders * cycles), "1", "more", where),
    ]


def _trained(name: str, options: Zoo, found: Made) -> list[Metric]:
    again = options.again if found.integers is not None else 0
    where = f"flows.zoo, Fashion-MNIST in the shape of its images, {len(found.test)} test images"
    metrics = [
        Metric(f"{name}.parameters", found.parameters, "1", "neither", "flows.zoo"),
        Metric(f"{name}.train.images", found.learnt, "1", "neither", "flows.zoo, of Fashion-MNIST"),
        Metric(f"{name}.train.epochs", options.epochs, "1", "neither", "flows.zoo, of the float network"),
        Metric(f"{name}.train.again", again, "1", "neither", "flows.zoo, epochs of re-training"),
    ]
    for kind, value in (("float", found.floats), ("integers", found.integers)):
        if value is not None:
            metrics.append(Metric(f"{name}.accuracy_{kind}", value, "1", "more", where))
    return metrics


def _near(name: str, found: Fidelity) -> list[Metric]:
    where = f"flows.zoo, {found.images} images"
    exact = f"{where}, golden.machine against golden.graph.reference"
    metrics = [Metric(f"{name}.reference_mismatches", found.mismatches, "1", "less", exact)]
    if found.distances is not None:
        tensors = found.distances.tensors
        snr, steps = min(it.snr for it in tensors), max(it.steps for it in tensors)
        where += ", against the compressed network in floats, tensor by tensor"
        # Without any noise the ratio is infinite, which no file holds.
        metrics.append(Metric(f"{name}.snr_db", float(np.clip(snr, -999, 999)), "dB", "more", where))
        metrics.append(Metric(f"{name}.steps", min(steps, 1e9), "1", "less", f"{where}, layer by layer"))
    return metrics


def used_bytes(program: Program) -> float:
    """Bytes that the memories of the device must have for this program: words in use, features included."""
    config = program.config
    loaded = sum(len(words) * memory_shape(config, number).bits for number, words in program.contents()) / 8
    ends = [it.address + it.shape[0] * it.stride for it in program.tensors]
    return loaded + max(ends) * config.lanes
