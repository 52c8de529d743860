"""What a Program says about itself: work, cycles, traffic, energy, in all and by layer."""

from collections.abc import Iterator
from dataclasses import asdict

from flows.base.energy import TABLE, layer_energy, network_energy
from flows.base.metrics import Metric
from golden.cycles.timing import count_cycles
from golden.spec.config import Config
from golden.spec.memories import memories, memory_shape, run_record
from golden.spec.program import Program

CODE = (
    *(f"golden/{name}" for name in ("timing.py", "timing_layers.py", "decode.py", "datapath", "baselines")),
    "flows/base/energy.py",
)
"""What the metrics depend on beside the Program and this file."""

COMPONENTS = {
    "dram": "DRAM, weights",
    "weight_memory": "weight memories",
    "feature_memory": "feature memory",
    "window": "row registers",
    "partial_sums": "partial sums",
    "lanes": "lanes",
    "basis": "basis stage",
}
"""Field of `flows.base.energy.Energy` → title."""


def on_chip_bytes(config: Config) -> float:
    """Bytes of all memories of a configuration: loaded ones, features, partial sums, the row window."""
    loaded = sum(memory_shape(config, it).bits * memory_shape(config, it).depth for it in memories(config))
    sums = 2 * config.accumulators * config.adders * config.accumulator_bits
    rows = (config.feature_words + config.window) * config.lanes * 8
    return (loaded + sums + rows) / 8


def dram_bytes(program: Program) -> float:
    """Bytes from and to external memory for one image: all weights once, the image, the result."""
    run = run_record(program.config).unpack(program.run)
    words = run["input_words"] + run["result_words"]
    return sum(layer.weight_bits for layer in program.layers) / 8 + words * program.config.lanes


def program_metrics(prefix: str, program: Program, what: str) -> Iterator[Metric]:
    """Metrics named `prefix`.…, zero rows not skipped.

    Parameters
    ----------
    what: the file of the program, or how it was made, for the sources.
    """
    config = program.config
    where = f"{what}, configuration {config.name} {config.digest:08x}"
    timing = count_cycles(program)
    run = run_record(config).unpack(program.run)
    steps = sum(layer.steps * layer.output_pixels for layer in program.layers)
    moved = dram_bytes(program)
    energy = network_energy(program)

    def metric(name: str, value: float, unit: str, better: str, source: str) -> Metric:
        return Metric(f"{prefix}.{name}", value, unit, better, f"{source}; {where}")

    counts = "golden.compiler, LayerCounts"
    model = "golden.cycles.timing.count_cycles, which RTL equals"
    yield metric("macs", sum(layer.macs for layer in program.layers), "1", "neither", counts)
    yield metric("kept_macs", steps, "1", "less", f"{counts}: steps × output pixels")
    yield metric("cycles", timing.cycles, "cycles", "less", model)
    between = run["input_words"] + run["result_words"]
    yield metric("words", between, "1", "less", "words of the image and of the result, one a cycle")
    yield metric(
        "utilisation", steps / (config.adders * timing.cycles), "1", "more", "kept_macs ÷ lanes ÷ cycles"
    )
    yield metric("on_chip_bytes", on_chip_bytes(config), "byte", "less", "all memories of the configuration")
    yield metric("dram_bytes", moved, "byte", "less", "weights, image and result, once an image")
    yield metric("dram_bytes_per_kept_mac", moved / steps, "byte", "less", "dram_bytes ÷ kept_macs")
    table = f"flows.base.energy, counts × table of {TABLE.source.partition(':')[0]}"
    yield metric("energy", energy.total / 1000, "nJ", "less", table)
    for name, value in asdict(energy).items():
        yield metric(f"energy.{name}", value / 1000, "nJ", "less", table)
    ends = [*timing.layer_ends[:-1], timing.cycles]
    for layer, start, end in zip(program.layers, [0, *ends], ends, strict=False):
        work = layer.steps * layer.output_pixels
        name = f"layers.{layer.path}"
        yield metric(
            f"{name}.cycles", end - start, "cycles", "less", f"{model}, between the layers' last terms"
        )
        yield metric(f"{name}.energy", layer_energy(program, layer).total / 1000, "nJ", "less", table)
        yield metric(
            f"{name}.intensity", work / layer.bytes_moved, "1", "neither", "kept MACs for each byte moved"
        )
        yield metric(f"{name}.rate", work / (end - start), "1", "more", "kept MACs in a cycle")
