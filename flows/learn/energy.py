"""Energy of a step of training by counting, as `flows.base.energy` counts that of an image.

Three ways to train the same network with the same batch, the same norm and the same order of rows:

* the device: kept codes of a power of two, twice (forward, transposed), counters; errors as powers of two.
* dense int8: the array of `int8` multiplies every weight with every pixel and every error; its weights are
  int8 and move by stochastic rounding.
* FP32, of whose energy only that of weights counts here: weights, gradients and momentum of 32 bits.

What is kept from step to step comes from external memory once a step. What a step may change goes back:
codes (in both streams) and counters of the device, weights of the others; where codes stand never changes.
Maps, errors and sums stay on the chip.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

from flows.base.energy import TABLE, EnergyTable
from golden.device.plan import StepPlan
from golden.learning.state import State
from golden.spec.arithmetics import PAIR, coefficient_record
from golden.spec.config import Config
from golden.spec.formats import ACTIVATION_BITS, CODE_BITS, EXPONENTS
from golden.spec.learning import GRADIENT_BITS, UPDATE_RANDOM_BITS
from golden.spec.memories import counter_record, place_record

PARTS = ("forward", "error", "gradient", "norm", "update", "controller")

TREE_BITS = 20
"""Of a lane's share in the sum over lanes of a gradient."""
NORM_BITS = 24
"""Of LightNorm's words."""
NORM_FACTORS = (6, 12)
"""Widths of a product of LightNorm: a magnitude of a block and a scale."""
NORM_KEPT = 20
"""Bytes that stand for a channel between its words: sums, ranks of extremes."""
WORD_BYTES = 6
"""Of a register of the controller."""
INSTRUCTION_BYTES = 4
FLOAT_BYTES = 4


@dataclass(frozen=True)
class Split:
    """pJ of a part, by where they go: operations; memories and registers of the chip; external memory."""

    arithmetic: float = 0.0
    on_chip: float = 0.0
    dram: float = 0.0

    @property
    def total(self) -> float:
        """All of it."""
        return self.arithmetic + self.on_chip + self.dram

    def __add__(self, other: "Split") -> "Split":
        return Split(*(getattr(self, it.name) + getattr(other, it.name) for it in fields(self)))

    def over(self, other: "Split") -> dict[str, float]:
        """Ratio of the totals, and of each field that the other one has."""
        found = {"": self.total / other.total}
        for it in fields(self):
            if getattr(other, it.name):
                found[f".{it.name}"] = getattr(self, it.name) / getattr(other, it.name)
        return found


@dataclass(frozen=True)
class LayerWork:
    """Of a layer in a step with everything learning.

    Parameters
    ----------
    weights, kept: of all, and those that are kept.
    entries, back_entries: of both streams, all engines.
    back_reads: reads of entries in the error pass: each for every tile of its part.
    pixels, below: of the layer's map and of the one it reads, the whole batch.
    rows, back_rows: that are fetched in the pass forward and in that of errors.
    filters, channels: of the layer.  adds: a map is added.
    """

    weights: int
    kept: int
    entries: int
    back_entries: int
    back_reads: int
    pixels: int
    below: int
    rows: int
    back_rows: int
    filters: int
    channels: int
    adds: bool


def layer_works(plan: StepPlan, state: State) -> Iterator[LayerWork]:
    """Of every layer."""
    network, config = plan.network, plan.config
    for layer, it, planned in zip(network.layers, state.layers, plan.layers, strict=True):
        channels, height, width = network.shape(layer.source)
        filters, high, wide = network.shape(network.layers.index(layer) + 1)
        pixels, below = plan.images * high * wide, plan.images * height * width
        taps = layer.kernel**2
        streams = planned.transposed
        entries = [PAIR * sum(it.pairs) * config.engines for it in streams]
        parts = [part for run in planned.runs for part in run]
        yield LayerWork(
            weights=it.mask.numel(),
            kept=int(it.mask.sum()),
            entries=PAIR * sum(planned.forward.pairs) * config.engines,
            back_entries=sum(entries),
            back_reads=sum(entries[part.stream] * part.tiles for part in parts),
            pixels=pixels,
            below=below,
            rows=len(planned.forward.pairs) * pixels // config.lanes * channels * taps,
            back_rows=sum(
                len(streams[part.stream].pairs) * part.tiles * filters * len(part.positions) for part in parts
            ),
            filters=filters,
            channels=channels,
            adds=layer.add is not None,
        )


@dataclass(frozen=True)
class Weights:
    """How an array holds and uses weights.

    Parameters
    ----------
    weight_bits: in a stream.  step: pJ of what a lane does with a weight before it adds.
    changed_bits: of `weight_bits`, those that a step may change.
    kept_bits: from step to step, of an entry of the forward stream, read and written, and read alone.
    error_bits: of an error in a gradient.
    """

    weight_bits: float
    step: float
    changed_bits: float
    kept_bits: tuple[float, float]
    error_bits: int


def device_weights(config: Config, table: EnergyTable = TABLE) -> Weights:
    """A shift; codes with their places, counters, and where the same code stands again."""
    return Weights(
        weight_bits=coefficient_record(config).bits,
        step=table.add * (ACTIVATION_BITS + EXPONENTS) / 8,
        changed_bits=CODE_BITS,
        kept_bits=(counter_record().bits, place_record(config).bits),
        error_bits=CODE_BITS,
    )


def int8_weights(table: EnergyTable = TABLE) -> Weights:
    """A product; nothing but the weight is kept."""
    return Weights(8, table.multiply, 8, (0, 0), ACTIVATION_BITS)


def step_energy(
    works: list[LayerWork], config: Config, weights: Weights, dense: bool, instructions: int
) -> dict[str, Split]:
    """pJ of each of PARTS. dense: every weight is there, and is an entry; in one stream."""
    found = dict.fromkeys(PARTS, Split())
    for it in works:
        entries, back_entries, kept = it.entries, it.back_entries, it.kept
        tiles, back_reads = -(-it.pixels // config.lanes), it.back_reads
        if dense:
            # On the way back too a weight meets every error once: parts, wherever there is a stride.
            entries, back_entries, kept = it.weights, it.weights if it.back_entries else 0, it.weights
            back_reads = it.weights * tiles
        steps, outputs, back_outputs = kept * it.pixels, it.filters * it.pixels, it.channels * it.below
        found["forward"] += _sums(config, weights, entries * tiles, it.rows, steps, outputs)
        if back_entries:
            found["error"] += _sums(config, weights, back_reads, it.back_rows, steps, back_outputs)
        found["gradient"] += _gradient(config, weights, entries, it, kept)
        found["norm"] += _norm(it, config)
        found["update"] += _update(weights, entries, 0 if dense else back_entries, kept)
    found["controller"] = _controller(instructions)
    return found


def _sums(config: Config, weights: Weights, reads: int, rows: int, steps: int, outputs: int) -> Split:
    """A pass that adds up; reads: of entries. Its writeback shifts, adds and rounds each sum once."""
    sum_bytes, row_bytes = config.accumulator_bits / 8, rows * config.lanes
    return Split(
        arithmetic=steps * (weights.step + TABLE.add * sum_bytes) + outputs * 3 * TABLE.add * sum_bytes,
        on_chip=reads * weights.weight_bits / 8 * TABLE.weight_memory
        + (row_bytes + outputs) * TABLE.feature_memory
        + (row_bytes * config.engines + steps + 2 * steps * sum_bytes) * TABLE.registers,
    )


def _gradient(config: Config, weights: Weights, entries: int, it: LayerWork, kept: int) -> Split:
    """Lanes go through a tree; a word of the gradient memory is read and written for each entry and tile."""
    steps, tiles, row_bytes = kept * it.pixels, -(-it.pixels // config.lanes), it.rows * config.lanes
    errors, gradient = it.filters * it.pixels, GRADIENT_BITS / 8
    words = kept * tiles
    return Split(
        arithmetic=steps * (weights.step + TABLE.add * TREE_BITS / 8)
        + words * TABLE.add * gradient
        + errors * TABLE.add,
        on_chip=(entries * weights.weight_bits / 8 * tiles + 2 * words * gradient) * TABLE.weight_memory
        + (row_bytes + errors) * TABLE.feature_memory
        + (row_bytes * config.engines + steps * (1 + weights.error_bits / 8)) * TABLE.registers,
    )


def _norm(it: LayerWork, config: Config) -> Split:
    """Forward STAT of what is written, and APPLY; backward REDUCE and GRAD."""
    values = it.filters * it.pixels
    product = TABLE.multiply * NORM_FACTORS[0] * NORM_FACTORS[1] / 64
    add = TABLE.add * NORM_BITS / 8
    # A sum and two comparisons; a product and two sums, with comparisons too; a product, a sum, a rounding.
    ends, line = 2 * TABLE.add, product + 2 * add
    stat, reduce = add + ends, line + ends
    return Split(
        arithmetic=values * (stat + reduce + 2 * line),
        on_chip=values * (2 + it.adds + 4) * TABLE.feature_memory
        + values / config.lanes * 2 * NORM_KEPT * TABLE.registers,
    )


def _update(weights: Weights, entries: int, back_entries: int, kept: int) -> Split:
    """A gradient is shifted, rounded, added; what is kept comes, what may have changed goes."""
    gradient, (moved, still) = GRADIENT_BITS / 8, weights.kept_bits
    bits = weights.weight_bits + moved
    stream = (weights.weight_bits + weights.changed_bits) * (entries + back_entries)
    return Split(
        arithmetic=kept * TABLE.add * (gradient + UPDATE_RANDOM_BITS / 8 + 2 * bits / 8),
        on_chip=(kept * (2 * gradient + 2 * bits / 8) + entries * still / 8) * TABLE.weight_memory,
        dram=(stream + entries * (2 * moved + still)) / 8 * TABLE.dram,
    )


def _controller(instructions: int) -> Split:
    """An instruction is read, two registers are read and one is written, one sum."""
    return Split(
        arithmetic=instructions * TABLE.add * WORD_BYTES,
        on_chip=instructions * (INSTRUCTION_BYTES * TABLE.feature_memory + 3 * WORD_BYTES * TABLE.registers),
    )


def weight_energy(works: list[LayerWork], config: Config, weights: Weights) -> Split:
    """pJ of holding and moving the device's weights, gradients and counters through a step."""
    total = Split()
    for it in works:
        tiles = -(-it.pixels // config.lanes)
        stream = it.entries * weights.weight_bits / 8
        words = it.kept * tiles * GRADIENT_BITS / 8
        update = _update(weights, it.entries, it.back_entries, it.kept)
        back_reads = it.back_reads * weights.weight_bits / 8
        on_chip = (2 * stream * tiles + back_reads + 2 * words) * TABLE.weight_memory
        total += Split(on_chip=on_chip + update.on_chip, dram=update.dram)
    return total


def float_weight_energy(works: list[LayerWork], config: Config) -> Split:
    """The same of dense FP32: weights and momentum come and go, gradients go and come."""
    total = Split()
    for it in works:
        tiles = -(-it.pixels // config.lanes)
        read = it.weights * FLOAT_BYTES
        reads = tiles * (2 if it.back_entries else 1)
        # Gradients are read and written for each tile, and all three tensors by the update.
        total += Split(
            on_chip=read * (reads + 2 * tiles + 6) * TABLE.weight_memory, dram=6 * read * TABLE.dram
        )
    return total
