"""A user's own network and images: compile, run, hand off."""

import math
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from flows.base.fidelity import check
from flows.base.files import save_whole, shell_word
from flows.base.measure import bits_each, label_accuracy
from flows.base.metrics import percent, table
from flows.base.progress import counted, say, step, warn
from flows.base.verb import Said
from flows.user.commands import Compile, Handoff, Run
from flows.user.handoff import write_handoff
from flows.user.own_images import Images, demand_classes, load_images
from flows.user.verilog import write_verilog
from golden.compiler import compile_network
from golden.cycles.bounds import cycle_bound, dense_cycles
from golden.cycles.limits import HELP, layer_limits
from golden.cycles.timing import count_cycles
from golden.fidelity import Bounds
from golden.graph import network_file
from golden.graph.side import put_beside, side_by_side, take_apart, takes_several
from golden.machine.result import Result
from golden.machine.run import run_program
from golden.machine.tensors import NotFiniteError, clipping, quantise
from golden.spec.config import load_config
from golden.spec.errors import ErrorCode, LightDealError, ProgramError
from golden.spec.program import Program
from sim.checks.compare import first_mismatch, values_compared
from sim.run import run


def compile_own(options: Compile) -> Said:
    """Compile a network file into a program file; returns what it costs."""
    config = load_config(options.config)
    network = network_file.load(options.network)
    with step("compilation"), counted("compilation", len(network.layers)) as it:
        beside = side_by_side(network, options.side)
        program = compile_network(beside, config, on_layer=lambda _: it.update())
    save_whole(options.out, program.save)
    bound = cycle_bound(program).total
    cycles = count_cycles(program).cycles
    each = "an image" if options.side == 1 else f"for {options.side} images"
    text = (
        f"{limits_text(program)}\n\n"
        f"{cycles} cycles {each} without skipping ({cycles / bound:.2f} x the bound, "
        f"{dense_cycles(program) / cycles:.2f} x faster than ideal dense int8), "
        f"{bits_each(program):.2f} bits a weight\nprogram: {options.out}"
    )
    values = {
        "program": str(options.out),
        "cycles": cycles,
        "bound": bound,
        "dense": dense_cycles(program),
        "bits_a_weight": bits_each(program),
    }
    return Said(text, values=values)


def limits_text(program: Program) -> str:
    """What each layer waits for, and what would help."""
    found = list(layer_limits(program))
    header = ["layer", "cycles", "utilisation", *found[0].parts, "limit"]
    rows = [
        [it.path, f"{it.cycles:,}", percent(it.utilisation), *(f"{n:,}" for n in it.parts.values()), it.part]
        for it in found
    ]
    said = {it.part for it in found}
    return "\n".join(
        [table(header, rows), "", *(f"{part}: {text}" for part, text in HELP.items() if part in said)]
    )


def inputs_of(program: Program, data: str, count: int | None) -> tuple[npt.NDArray[np.int8], Images]:
    """The first `count` images of `data` as the program's int8 input, and themselves, as it takes them, with
    their labels.

    Says so where they are of another range than the program's.
    Raises LightDealError if they have another shape than the program takes, or are not finite.
    """
    found = load_images(data, training=False)
    tensor = program.tensor(program.input)
    images, labels = found.images[:count], None if found.labels is None else found.labels[:count]
    if images.ndim == 3 and tensor.shape[1] == 1:
        # Sequences are maps of one row.
        images = images[:, :, None]
    elif images.ndim == 2 and (tensor.shape[1:] == (1, 1) or images.shape[1] == tensor.shape[0]):
        # Features are maps of one pixel.
        images = images[:, :, None, None]
    side = 1
    if images.shape[1:] == (tensor.shape[0], 1, 1) and takes_several(program):
        side = tensor.shape[2]
        images = put_beside(images, side)
    if images.shape[1:] != tensor.shape:
        shape = images.shape[1:]
        raise LightDealError(f"data {data!r}: images of shape {shape}; the program takes {tensor.shape}")
    some = Images(images, labels, side)
    demand_classes(data, some, math.prod(program.tensor(program.output).shape) // side)
    try:
        inputs = quantise(some.images, tensor.scale)
    except NotFiniteError as error:
        raise LightDealError(f"data {data!r}: images: {error}") from error
    if (said := clipping(program, some.images)) is not None:
        warn(f"WARNING: data {data!r}: images: {said}")
    return inputs, some


def run_own(options: Run) -> Said:
    """Run a program on images; returns a text, and whether all checks passed.

    They are: the backend equals the golden machine, the golden machine the reference network, and the
    integers are as near to the float networks as `options` demand.
    """
    bounds = Bounds(options.snr, options.changed)
    program = Program.load(options.program)
    inputs, data = inputs_of(program, options.data, options.images)
    with step("golden machine"):
        golden = run_program(program, inputs)
    if golden.error != ErrorCode.NONE:
        raise ProgramError(f"program {options.program}: the machine stops with {golden.error.name}")
    with step("reference network and float networks"):
        checked = check(program, data.images, golden, bounds)
    result: Result = golden
    if options.on != "golden":
        with step(options.on), counted(options.on, len(inputs)) as it:
            result = run(program, inputs, on=options.on, skip=options.skip, on_image=lambda _: it.update())
    mismatch = first_mismatch(golden.tensors, result, program)
    side = f" of {data.side} side by side" if data.side > 1 else ""
    lines = [f"{options.on}: {len(inputs)} images{side}"]
    values: dict[str, object] = {"images": len(inputs), "mismatch": str(mismatch) if mismatch else None}
    if data.labels is not None:
        logits = result.tensors[program.output]
        if data.side > 1:
            logits = take_apart(logits, len(data.labels))
        accuracy = label_accuracy(logits, data.labels)
        lines.append(f"accuracy: {percent(accuracy)}")
        values["accuracy"] = accuracy
    if result.cycles:
        values |= {"cycles": float(np.mean(result.cycles)), "load_cycles": result.load_cycles}
        lines.append(
            f"cycles: {np.mean(result.cycles):.1f} an image (zero rows "
            f"{'skipped' if options.skip else 'not skipped'}), {result.load_cycles} to load one"
        )
    if mismatch:
        lines.append(f"MISMATCH: {mismatch}")
    elif options.on != "golden":
        lines.append(f"{values_compared(golden.tensors, program):,} values equal golden")
    lines.append(checked.text)
    values["faults"] = list(checked.faults)
    return Said("\n".join(lines), mismatch is None and not checked.faults, values)


def handoff_own(options: Handoff) -> tuple[str, bool]:
    """Write the hand-off folder of a program.

    Returns the command that tries it, and whether the comparisons passed that the folder cannot make:
    those of `run` without a backend. What they found is said beside.
    """
    bounds = Bounds(options.snr, options.changed)
    program = Program.load(options.program)
    inputs, data = inputs_of(program, options.data, options.images)
    with step("golden machine and cycle model"):
        golden = run_program(program, inputs)
        cycles = tuple(
            count_cycles(program, {n: v[i : i + 1] for n, v in golden.tensors.items()}).cycles
            for i in range(len(inputs))
        )
    with step("reference network and float networks"):
        checked = check(program, data.images, golden, bounds)
    say(checked.text)
    with step("Verilog"), TemporaryDirectory() as scratch:
        verilog = write_verilog(program.config, Path(scratch) / "accelerator.v")
        write_handoff(options.out, program, verilog, golden.tensors, cycles, skip=True)
    return f"sh {shell_word(options.out / 'run.sh')}    # needs iverilog, no Python", not checked.faults
