"""The same network in five arithmetics, on accelerators that differ in nothing else."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from flows.base.fidelity import check
from flows.base.files import save_whole, write_whole
from flows.base.measure import label_accuracy
from flows.base.metrics import percent, table
from flows.base.progress import step
from flows.base.provenance import write_provenance
from flows.base.roots import ARITHMETICS as ROOTS
from flows.studies.commands import Arithmetics
from flows.studies.contestants import NAMES, matched, train_all
from flows.studies.training import load
from golden.compiler import compile_network
from golden.cycles.timing import count_cycles
from golden.graph.network import Network
from golden.machine.run import run_program
from golden.machine.tensors import quantise
from golden.spec.config import SMALL, Config, load_config
from golden.spec.errors import LightDealError
from golden.spec.program import Program
from golden.workloads import Dataset
from sim.checks.compare import first_mismatch
from sim.run import run

RTL_IMAGES = 100
"""Test images that run through RTL on each accelerator, unless told otherwise."""


@dataclass(frozen=True)
class ArithmeticResult:
    """One arithmetic on one network.

    Parameters
    ----------
    name: one of `NAMES`.  config: digest of its configuration.  basis: multipliers behind the array.
    accuracy: of the Program on the test images, fraction of 1.
    cycles: of one image, zero rows not skipped; RTL took as many for each of `rtl_images`.
    sqnr_db: smallest signal-to-noise ratio of a tensor against its compressed network in floats.
    changed: share of labels that differ from those of the float network before compression.
    macs: multiply-accumulates of the dense network.
    kept_macs: those that cost a lane a step (shift-adds for a shift-add array).
    weight_bits: bits of the weights in the program's memories, everything included.
    bytes_moved: of input, output, residuals and weights (see `LayerCounts`).
    """

    name: str
    config: str
    basis: int
    accuracy: float
    cycles: int
    rtl_images: int
    sqnr_db: float
    changed: float
    macs: int
    kept_macs: int
    weight_bits: int
    bytes_moved: int


def compare(
    networks: Mapping[str, Network], test: Dataset, config: Config = SMALL, rtl_images: int = RTL_IMAGES
) -> tuple[tuple[ArithmeticResult, ...], dict[str, Program], tuple[str, ...]]:
    """Each network on its configuration: golden on all images, RTL on the first ones.

    Parameters
    ----------
    networks: one for each of `NAMES`.
    rtl_images: how many of the test images run through RTL; 0 for golden and the cycle model alone.

    Returns the results in the order of `NAMES`, the programs, and what `flows.base.fidelity.check` found
    wrong, a sentence each.
    Raises LightDealError if RTL differs from golden or from the cycle model, golden from the reference
    network, or SmartDeal and rebuild-first from each other.
    """
    configs = matched(config)
    programs = {name: compile_network(networks[name], configs[name]) for name in NAMES}
    outputs = {}
    results = []
    faults = []
    for name, program in programs.items():
        with step(f"{name}: golden, {len(test)} images; RTL, {rtl_images} images"):
            images = quantise(test.images.numpy(), program.tensor(program.input).scale)
            golden = run_program(program, images)
            checked = check(program, test.images.numpy(), golden)
            if checked.found is None or checked.found.distances is None or checked.found.mismatches:
                raise LightDealError(f"arithmetic {name}: {'; '.join(checked.faults)}")
            near = checked.found.distances
            faults += [f"{name}: {fault}" for fault in checked.faults]
            outputs[name] = golden.tensors[program.output]
            cycles = count_cycles(program).cycles
            if rtl_images:
                _confirm(name, program, images[:rtl_images], cycles)
        layers = program.layers
        results.append(
            ArithmeticResult(
                name=name,
                config=f"{program.config.digest:08x}",
                basis=program.config.basis,
                accuracy=label_accuracy(outputs[name], test.labels.numpy()),
                cycles=cycles,
                rtl_images=rtl_images,
                sqnr_db=min(it.snr for it in near.tensors),
                changed=near.share,
                macs=sum(layer.macs for layer in layers),
                kept_macs=sum(layer.steps * layer.output_pixels for layer in layers),
                weight_bits=sum(layer.weight_bits for layer in layers),
                bytes_moved=sum(layer.bytes_moved for layer in layers),
            )
        )
    if networks["smartdeal"] is networks["rebuild"] and (outputs["smartdeal"] != outputs["rebuild"]).any():
        raise LightDealError("rebuild-first gives other outputs than SmartDeal on the same network")
    return tuple(results), programs, tuple(faults)


def _confirm(name: str, program: Program, images: npt.NDArray[np.int8], cycles: int) -> None:
    """Raises LightDealError if RTL differs from golden, or takes other than `cycles`."""
    hardware = run(program, images, on="compiled")
    if mismatch := first_mismatch(run_program(program, images).tensors, hardware, program):
        raise LightDealError(f"arithmetic {name}: {mismatch}")
    if set(hardware.cycles) != {cycles}:
        raise LightDealError(
            f"arithmetic {name}: RTL took {hardware.cycles} cycles; the cycle model says {cycles}"
        )


def arithmetics(options: Arithmetics) -> tuple[str, bool]:
    """Train the five, compare them, write `out`/DATA.json and the programs beside it.

    Returns a table, and whether all are near enough to their float networks (`golden.fidelity.Bounds`).

    Raises LightDealError for an unknown data set, or if something differs (see `compare`).
    """
    data, config, out = options.data, load_config(options.config), options.out
    _, _, test = load(data)
    results, programs, faults = compare(train_all(data, options.seed, config, out), test, config)
    for name, program in programs.items():
        save_whole(out / f"{data}-{name}.ldp", program.save)
    write_provenance(options, config, out / f"{data}-about.json", ROOTS)
    text = json.dumps({"results": [asdict(result) for result in results]}, indent=2)
    write_whole(out / f"{data}.json", text + "\n")
    header = [
        "arithmetic",
        "accuracy",
        "changed",
        "signal to noise",
        "cycles",
        "kept MACs",
        "bits of weights",
    ]
    rows = [
        [
            *(it.name, percent(it.accuracy), percent(it.changed), f"{it.sqnr_db:.1f} dB"),
            *(it.cycles, it.kept_macs, it.weight_bits, it.basis),
        ]
        for it in results
    ]
    lines = [table([*header, "multipliers"], rows), *(f"FAILED: {fault}" for fault in faults)]
    return "\n".join(lines), not faults
