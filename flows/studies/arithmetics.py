"""The same network in five arithmetics, on accelerators that differ in nothing else."""

import json
import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from flows.base.fidelity import check
from flows.base.files import save_whole, write_whole
from flows.base.jobs import Job, run_jobs
from flows.base.kept import code, digest
from flows.base.measure import label_accuracy
from flows.base.metrics import percent, table
from flows.base.progress import step
from flows.base.provenance import write_provenance
from flows.base.roots import ARITHMETICS as ROOTS
from flows.studies.commands import Arithmetics
from flows.studies.training import Outcome, dense, jobs, load, pretrained, recipe, retrain, standard
from golden.compiler import compile_network
from golden.compress import LayerPlan, import_module
from golden.compress.decompose import choose_mask
from golden.compress.fold import fold, unfold
from golden.cycles.timing import count_cycles
from golden.graph import network_file
from golden.graph.network import Network
from golden.machine.run import run_program
from golden.machine.tensors import quantise
from golden.spec.baselines import INT8, REBUILD, ROWS_INT8
from golden.spec.config import SMALL, Config, load_config
from golden.spec.errors import LightDealError
from golden.spec.program import Program
from golden.workloads import Dataset
from golden.workloads.loop import Progress
from sim.checks.compare import first_mismatch
from sim.run import run

NAMES = ("smartdeal", "no_basis", "int8", "rows_int8", "rebuild")
"""Shift-add with a basis, shift-add without one, and the baselines."""

ROWS = LayerPlan("group", pattern="rows", shared=8)
"""Rows of weights that are zero for 6 filters: what an engine of SMALL takes of 24 filters."""

ROWS_DENSITY = 0.25
"""Kept fraction of those rows, in the layers between the first and the last: more were no more accurate on
digits."""

OUT = Path("build/arithmetics")
"""Where `arithmetics` leaves its results, and keeps trained networks."""

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


def matched(config: Config = SMALL) -> dict[str, Config]:
    """The configurations of the five: same array, buffers and sequencer.

    The multipliers behind the array are as few as do not slow it: an output takes S terms with a
    basis, one without. Sums are as wide, and the memories of weights as deep, as the demo networks need.
    """
    few = max(1, config.basis // 4)
    wider = min(32, config.accumulator_bits + 1)
    return {
        "smartdeal": config,
        "no_basis": replace(config, name=f"{config.name}-no-basis", basis=few),
        "int8": replace(
            config,
            name=f"{config.name}-int8",
            basis=few,
            arithmetic=INT8.name,
            accumulator_bits=wider,
            coefficient_words=4 * config.coefficient_words,
        ),
        "rows_int8": replace(
            config,
            name=f"{config.name}-rows-int8",
            basis=few,
            arithmetic=ROWS_INT8.name,
            accumulator_bits=wider,
        ),
        "rebuild": replace(
            config,
            name=f"{config.name}-rebuild",
            basis=few,
            arithmetic=REBUILD.name,
            accumulator_bits=min(32, config.accumulator_bits + 6),
            coefficient_words=2 * config.coefficient_words,
        ),
    }


def finish_rows(start: bytes, data: str, density: float, seed: int, progress: Progress) -> Outcome:
    """The pickled pre-trained network, pruned by rows (`ROWS`), re-trained in float, in int8."""
    network: nn.Module = pickle.loads(start)
    masks = _masks(network, load(data)[0].images[: recipe(data).samples], density)

    def prune(_: float) -> None:
        with torch.no_grad():
            for path, mask in masks.items():
                weight = network.get_submodule(path).weight
                assert isinstance(weight, torch.Tensor)
                weight *= mask

    retrain(network, data, seed, progress, prune)
    prune(1.0)
    return dense(network, data)


def _masks(network: nn.Module, samples: torch.Tensor, density: float) -> dict[str, torch.Tensor]:
    """Path of each layer in between → which weights stay."""
    layers = import_module(network, samples).layers[1:-1]
    masks = {}
    for layer in layers:
        weight = layer.product.weight
        kept = choose_mask(unfold(weight.abs(), ROWS), ROWS, density, len(weight))
        masks[layer.path] = fold(kept.float(), ROWS, weight.shape)
    return masks


def kept_job(folder: Path, name: str, job: Job, progress: Progress) -> Network:
    """The network that `job` trains, or the one that an equal earlier job left in `folder`."""
    path = folder / f"{name}.net"
    if not path.is_file():
        made: Outcome | dict[str, Outcome] = job(progress)
        network = (made["int8"] if isinstance(made, dict) else made).network
        assert network is not None
        save_whole(path, partial(network_file.save, network))
    return network_file.load(path)


def train_all(data: str, seed: int, config: Config = SMALL, out: Path = OUT) -> dict[str, Network]:
    """The five networks from one pre-trained float network, with as many epochs each.

    Each one is kept in `out`/networks as soon as it is trained, under a digest of what it depends on: code of
    training and compression, recipe, configuration, seed; not the cycle model, which chooses foldings.
    """
    folder = out / "networks"
    names = {"no basis": "no_basis", "SmartDeal": "smartdeal", "float": "int8", "rows": "rows_int8"}
    trainer = code("golden/train", "golden/compress", "flows/studies/training.py")
    key = digest(trainer, repr(config), repr(recipe(data)), repr(ROWS), str(ROWS_DENSITY), data, str(seed))
    files = {kind: f"{data}-{name}-{key}" for kind, name in names.items()}
    start = b""
    if not all((folder / f"{file}.net").is_file() for file in files.values()):
        with step(f"float network, {data}"):
            start = run_jobs({"float network": partial(pretrained, data, seed)})["float network"]
    wanted = jobs(start, standard(data), data, seed, config)
    wanted["rows"] = partial(finish_rows, start, data, ROWS_DENSITY, seed)
    with step("every variant, the same number of epochs in all"):
        found = run_jobs({kind: partial(kept_job, folder, files[kind], wanted[kind]) for kind in names})
    networks: dict[str, Network] = {name: found[kind] for kind, name in names.items()}
    return {name: networks["smartdeal" if name == "rebuild" else name] for name in NAMES}


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
    hardware = run(program, images, on="cxxrtl")
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
