"""The verb zoo: every network to RTL, what it took, and a table."""

from dataclasses import dataclass
from functools import partial

from flows.base.files import write_whole
from flows.base.jobs import run_jobs
from flows.base.measure import bits_each
from flows.base.metrics import Metric, percent, table, write_metrics
from flows.base.progress import say, step
from flows.base.sources import ROOT
from flows.figures.kept import RESULTS, read_all
from flows.zoo.commands import NAMES, Zoo
from flows.zoo.networks import CONFIG, Made, made
from golden.compiler import compile_network
from golden.cycles.bounds import cycle_bound, dense_cycles
from golden.cycles.timing import count_cycles
from golden.machine.run import run_program
from golden.machine.tensors import quantise
from golden.progress import Progress
from golden.spec.errors import LightDealError
from golden.spec.memories import memory_shape
from golden.spec.program import Program
from golden.workloads.zoo import ZOO
from golden.workloads.zoo.training import zoo_data
from sim.checks.compare import mismatch_count, values_compared
from sim.run import run


@dataclass(frozen=True)
class Row:
    """What is known of a network."""

    name: str
    found: Made
    program: Program
    cycles: int
    mismatches: int
    compared: int


def zoo(options: Zoo) -> tuple[str, bool]:
    """Runs the networks; returns a table, and whether RTL and golden agree in all of them.

    Leaves metrics.json, zoo.md and the network files in `options.out`.
    """
    names = NAMES[1:] if options.name == "all" else (options.name,)
    options.out.mkdir(parents=True, exist_ok=True)
    with step(f"{len(names)} networks: training and compression"):
        found = run_jobs({name: partial(_made, name, options) for name in names})
    rows, refused = [], {}
    for name, it in found.items():
        if isinstance(it, str):
            refused[name] = it
            continue
        with step(f"{name}: RTL and golden, {options.images} images"):
            rows.append(_row(name, it, options.images))
    mhz = routed_mhz()
    text = "\n\n".join([_table(rows, mhz), *(f"REFUSED: {name}: {why}" for name, why in refused.items())])
    write_whole(options.out / "zoo.md", text + "\n")
    write_metrics([metric for row in rows for metric in _metrics(row, mhz)], options.out / "metrics.json")
    for row in rows:
        if row.mismatches:
            say(f"MISMATCH: {row.name}: {row.mismatches} values")
    return text, not refused and not any(row.mismatches for row in rows)


def _made(name: str, options: Zoo, progress: Progress) -> Made | str:
    """The network, or why there is none."""
    try:
        return made(name, options, progress)
    except LightDealError as error:
        return str(error)


def _row(name: str, it: Made, images: int) -> Row:
    program = compile_network(it.network, CONFIG)
    test = zoo_data(ZOO[name], 1, images)[1].images
    shaped = test.reshape(len(test), *program.tensor(program.input).shape)
    inputs = quantise(shaped.numpy(), program.tensor(program.input).scale)
    golden = run_program(program, inputs)
    result = run(program, inputs, on="compiled", skip=False)
    model = count_cycles(program).cycles
    wrong = mismatch_count(golden.tensors, result, program)
    wrong += sum(cycles != model for cycles in result.cycles)
    return Row(name, it, program, model, wrong, values_compared(golden.tensors, program))


def used_bytes(program: Program) -> float:
    """Bytes that the memories of the device must have for this program: words in use, features included."""
    config = program.config
    loaded = sum(len(words) * memory_shape(config, number).bits for number, words in program.contents()) / 8
    ends = [it.address + it.shape[0] * it.stride for it in program.tensors]
    return loaded + max(ends) * config.lanes


def routed_mhz() -> float | None:
    """Frequency of SMALL, whose array this is, placed and routed on ECP5, as kept; None if nothing is."""
    kept = read_all(ROOT / RESULTS).get("ecp5")
    return kept.values.get("ecp5.small.accelerator.fmax_mhz") if kept else None


def _table(rows: list[Row], mhz: float | None) -> str:
    header = ["network", "parameters", "kept", "bits a weight", "cycles"]
    header += [f"ms at {mhz:.1f} MHz" if mhz else "ms", "ideal dense", "utilisation", "bytes on chip"]
    header += ["float", "integers", "values compared", "mismatches"]
    lines = []
    for row in rows:
        accuracies = (row.found.floats, row.found.integers)
        lines.append(
            [
                row.name,
                f"{row.found.parameters:,}",
                percent(row.found.kept),
                f"{bits_each(row.program):.2f}",
                f"{row.cycles:,}",
                f"{row.cycles / mhz / 1000:.2f}" if mhz else "–",
                f"{dense_cycles(row.program):,.0f}",
                percent(_utilisation(row)),
                f"{used_bytes(row.program):,.0f}",
                *("–" if it is None else percent(it) for it in accuracies),
                f"{row.compared:,}",
                row.mismatches,
            ]
        )
    return table(header, lines)


def _utilisation(row: Row) -> float:
    """Shift-adds ÷ (shift-adders × cycles)."""
    steps = sum(layer.steps * layer.output_pixels for layer in row.program.layers)
    return steps / (row.program.config.adders * row.cycles)


def _metrics(row: Row, mhz: float | None) -> list[Metric]:
    program, name = row.program, row.name
    where = f"flows.zoo, configuration {program.config.name} {program.config.digest:08x}"
    learnt = f"{where}, Fashion-MNIST in the shape of its images"
    layers = program.layers
    density = sum(it.kept for it in layers) / sum(it.weights for it in layers)
    metrics = [
        Metric(f"{name}.cycles", row.cycles, "cycles", "less", f"{where}, zero rows not skipped"),
        Metric(f"{name}.cycles_dense", dense_cycles(program), "cycles", "neither", where),
        Metric(f"{name}.cycles_bound", cycle_bound(program).total, "cycles", "neither", where),
        Metric(f"{name}.density", density, "1", "less", f"{where}, kept / all weights"),
        Metric(f"{name}.rtl_mismatches", row.mismatches, "1", "less", f"{where}, {row.compared:,} values"),
        Metric(f"{name}.bits_each", bits_each(program), "bit", "less", where),
        Metric(f"{name}.on_chip_bytes", used_bytes(program), "byte", "less", f"{where}, words in use"),
        Metric(f"{name}.utilisation", _utilisation(row), "1", "more", where),
    ]
    if mhz:
        at = f"{where}, at the routed frequency of SMALL, {mhz:.1f} MHz"
        metrics.append(Metric(f"{name}.ms", row.cycles / mhz / 1000, "ms", "less", at))
    for kind, value in (("float", row.found.floats), ("integers", row.found.integers)):
        if value is not None:
            metrics.append(Metric(f"{name}.accuracy_{kind}", value, "1", "more", learnt))
    return metrics
