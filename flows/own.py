"""A user's own network and images: compress, compile, run, hand off."""

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from flows.handoff import write_handoff
from flows.measure import bits_each, label_accuracy
from flows.metrics import percent, table
from flows.options import DATA, Compile, Compress, Handoff, Run
from flows.progress import bar, counted, step
from flows.training import load
from flows.verilog import write_verilog
from golden import network_file
from golden.bounds import cycle_bound, dense_cycles
from golden.compiler import compile_network
from golden.compress import compress, import_module
from golden.machine import run_program
from golden.spec.config import load_config
from golden.spec.errors import LightDealError
from golden.spec.program import Program
from golden.spec.result import Result
from golden.tensors import quantise
from golden.timing import count_cycles
from golden.train import Dataset
from golden.train.patterns import Pattern, pattern_plan
from sim.compare import first_mismatch, values_compared
from sim.run import run

SAMPLES = 512
"""Images that activations are calibrated on."""


@dataclass(frozen=True)
class Images:
    """Images, and labels where there are any.

    Parameters
    ----------
    images: float32 (N, C, H, W). labels: int64 (N,) or None.
    """

    images: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64] | None


def load_module(place: str) -> nn.Module:
    """The network that "file.py:factory" makes.

    Raises LightDealError if the file, the factory or what it returns is not what it should be.
    """
    file, colon, factory = place.rpartition(":")
    if not colon or not factory.isidentifier():
        raise LightDealError(f"network {place!r}: expected FILE.py:FACTORY")
    path = Path(file)
    if not path.is_file():
        raise LightDealError(f"network {place!r}: no file {file!r}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise LightDealError(f"network {place!r}: {file!r} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # Classes of the module must be found by name when they are pickled.
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
        network = getattr(module, factory)()
    except Exception as error:
        raise LightDealError(f"network {place!r}: {type(error).__name__}: {error}") from error
    if not isinstance(network, nn.Module):
        raise LightDealError(
            f"network {place!r}: {factory} returned {type(network).__name__}; expected a torch.nn.Module"
        )
    return network


def load_images(data: str, training: bool) -> Images:
    """Images of an .npz file, or the training or test images of a named data set.

    Raises LightDealError if the file is missing or does not hold what it should.
    """
    if data in DATA:
        train, _, test = load(data)
        part = train if training else test
        return Images(part.images.numpy(), part.labels.numpy())
    try:
        with np.load(data, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, AttributeError) as error:
        raise LightDealError(f"data {data!r}: neither an .npz file that can be read nor {DATA}") from error
    images, labels = arrays.get("images"), arrays.get("labels")
    if images is None or images.ndim != 4 or len(images) == 0 or images.dtype.kind not in "fiu":
        found = "nothing" if images is None else f"{images.dtype} of shape {images.shape}"
        raise LightDealError(f"data {data!r}: images: found {found}; expected numbers, N×C×H×W")
    if labels is not None and (labels.shape != images.shape[:1] or labels.dtype.kind not in "iu"):
        raise LightDealError(
            f"data {data!r}: labels: found {labels.dtype} of shape {labels.shape}; "
            f"expected {len(images)} integers"
        )
    return Images(images.astype(np.float32), None if labels is None else labels.astype(np.int64))


def compress_own(options: Compress) -> str:
    """Compress a network into a file; returns a table of its layers.

    Raises LightDealError before any work starts if network, data or options cannot work.
    """
    config = load_config(options.config)
    data = load_images(options.data, training=True)
    if options.epochs and data.labels is None:
        raise LightDealError(f"data {options.data!r}: re-training needs labels; give some, or --epochs 0")
    module = load_module(options.module)
    images = torch.from_numpy(data.images)
    labels = None if data.labels is None else torch.from_numpy(data.labels)
    samples = images[:SAMPLES]
    name, _, shared = options.pattern.partition("s")
    pattern = Pattern(options.basis, f"{name}s", int(shared or 1), options.density)
    plan = pattern_plan(import_module(module, samples), pattern, config)
    train = None if labels is None else Dataset(options.data, images, labels)
    with step("compression"), bar("compression") as progress:
        made = compress(module, samples, plan, train, options.epochs, seed=options.seed, progress=progress)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    network_file.save(made.network, options.out)
    rows = [
        [layer.path, layer.kind, layer.weights, layer.kept, f"{layer.error:.3f}"] for layer in made.layers
    ]
    text = table(["layer", "kind", "weights", "kept", "distance"], rows)
    text += f"\n\nkept {percent(made.kept)} of all weights"
    if train is not None:
        text += f"; accuracy on these images {percent(made.accuracy(train))}"
    return f"{text}\nnetwork: {options.out}"


def compile_own(options: Compile) -> str:
    """Compile a network file into a program file; returns what it costs."""
    config = load_config(options.config)
    network = network_file.load(options.network)
    with step("compilation"), counted("compilation", len(network.layers)) as it:
        program = compile_network(network, config, on_layer=lambda _: it.update())
    options.out.parent.mkdir(parents=True, exist_ok=True)
    program.save(options.out)
    bound = cycle_bound(program).total
    cycles = count_cycles(program).cycles
    return (
        f"{cycles} cycles an image without skipping ({cycles / bound:.2f} x the bound, "
        f"{dense_cycles(program) / cycles:.2f} x faster than ideal dense int8), "
        f"{bits_each(program):.2f} bits a weight\nprogram: {options.out}"
    )


def inputs_of(program: Program, data: str, count: int | None) -> tuple[npt.NDArray[np.int8], Images]:
    """The first images of `data` as the program's int8 input, and themselves with their labels.

    Raises LightDealError if they have another shape than the program takes.
    """
    found = load_images(data, training=False)
    tensor = program.tensor(program.input)
    if found.images.shape[1:] != tensor.shape:
        shape = found.images.shape[1:]
        raise LightDealError(f"data {data!r}: images of shape {shape}; the program takes {tensor.shape}")
    some = Images(found.images[:count], None if found.labels is None else found.labels[:count])
    return quantise(some.images, tensor.scale), some


def run_own(options: Run) -> tuple[str, bool]:
    """Run a program on images; returns a text, and whether everything equals golden."""
    program = Program.load(options.program)
    inputs, data = inputs_of(program, options.data, options.images)
    with step("golden machine"):
        golden = run_program(program, inputs)
    result: Result = golden
    if options.on != "golden":
        with step(options.on), counted(options.on, len(inputs)) as it:
            result = run(program, inputs, on=options.on, skip=options.skip, on_image=lambda _: it.update())
    mismatch = first_mismatch(golden.tensors, result, program)
    lines = [f"{options.on}: {len(inputs)} images"]
    if data.labels is not None:
        lines.append(f"accuracy: {percent(label_accuracy(result.tensors[program.output], data.labels))}")
    if result.cycles:
        lines.append(
            f"cycles: {np.mean(result.cycles):.1f} an image (zero rows "
            f"{'skipped' if options.skip else 'not skipped'}), {result.load_cycles} to load one"
        )
    compared = values_compared(golden.tensors, program)
    lines.append(f"MISMATCH: {mismatch}" if mismatch else f"{compared:,} values equal golden")
    return "\n".join(lines), mismatch is None


def handoff_own(options: Handoff) -> str:
    """Write the hand-off folder of a program; returns how to use it."""
    program = Program.load(options.program)
    inputs, _ = inputs_of(program, options.data, options.images)
    with step("golden machine and cycle model"):
        golden = run_program(program, inputs)
        cycles = tuple(
            count_cycles(program, {n: v[i : i + 1] for n, v in golden.tensors.items()}).cycles
            for i in range(len(inputs))
        )
    with step("Verilog"):
        verilog = write_verilog(program.config, options.out.with_suffix(".v"))
    write_handoff(options.out, program, verilog, golden.tensors, cycles, skip=True)
    verilog.unlink()
    return f"sh {options.out}/run.sh    # needs iverilog, no Python"
