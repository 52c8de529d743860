"""Energy of one image by counting: how often each action happens, times a table of energies.

The table is of one process. It ranks designs that share it; it does not predict
the power of a chip, and figures from gates in another process are never added to it.
"""

from dataclasses import dataclass, fields

from golden.spec import formats
from golden.spec.arithmetics import SHIFT_ADD
from golden.spec.baselines import INT8, REBUILD, ROWS_INT8
from golden.spec.program import LayerCounts, Program

REBUILT_BITS = 17
"""Bits of a weight that rebuild makes of an int8 basis and coefficients up to ±64."""


@dataclass(frozen=True)
class EnergyTable:
    """Energies of actions, in pJ.

    Parameters
    ----------
    dram, feature_memory, weight_memory, registers: of 8 bits read or written.
    multiply: of an 8 × 8 bit product; other widths in proportion to the product of the widths.
    add: of an 8-bit addition; other widths in proportion. A barrel shifter counts as an addition of
        its output's width.
    source: where the figures come from.
    """

    dram: float
    feature_memory: float
    weight_memory: float
    registers: float
    multiply: float
    add: float
    source: str


TABLE = EnergyTable(
    dram=162.5,
    feature_memory=2.5,
    weight_memory=1.25,
    registers=0.115,
    multiply=0.2,
    add=0.03,
    source=(
        "45 nm, 0.9 V: Horowitz, Computing's energy problem, ISSCC 2014: 8-bit addition and product; 64 bits "
        "of 8 KiB and of 32 KiB of SRAM, and of DRAM (1.3 nJ, the lower figure), in eighths. Registers: 16 "
        "bits take what an 8-bit product and addition take, after the ratio of register file to MAC of "
        "Eyeriss (ISCA 2016)"
    ),
)


def access_energy(words: int, bits: int, table: EnergyTable = TABLE) -> float | None:
    """pJ of one word read or written in a memory of `words` × `bits`; None beyond the table's largest.

    The table's smaller memory stands for all up to its size, the larger one for those between.
    """
    kib = words * bits / 8 / 1024
    if kib > 32:
        return None
    return bits / 8 * (table.weight_memory if kib <= 8 else table.feature_memory)


@dataclass(frozen=True)
class Energy:
    """Energy by component, in pJ.

    Parameters
    ----------
    dram: weights from external memory, once.  weight_memory: the same words from the engines' memories,
        once a tile.  feature_memory: input rows and output words.  window: the row registers that the
        engines read.  partial_sums: read and write of an accumulator a step.  lanes: shift-adders or
        MACs; with rebuild the making of its weights too.  basis: products after the sums, of a basis
        or of a scale per filter.
    """

    dram: float
    weight_memory: float
    feature_memory: float
    window: float
    partial_sums: float
    lanes: float
    basis: float

    @property
    def total(self) -> float:
        """Sum of the components."""
        return sum(getattr(self, field.name) for field in fields(self))

    def __add__(self, other: "Energy") -> "Energy":
        return Energy(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def layer_energy(program: Program, layer: LayerCounts, table: EnergyTable = TABLE) -> Energy:
    """What a layer takes for one image, zero rows not skipped, idle lanes free."""
    config = program.config
    weight_bytes = layer.weight_bits / 8
    tiles = -(-layer.output_pixels // config.lanes)
    row_bytes = layer.rows_fetched * config.lanes
    channels, height, width = program.tensor(layer.output).shape
    steps = layer.steps * layer.output_pixels
    sum_bytes = config.accumulator_bits / 8
    add = table.add * sum_bytes
    addend_bits = formats.ACTIVATION_BITS + formats.EXPONENTS
    per_step, once = {
        SHIFT_ADD.name: (table.add * addend_bits / 8, 0.0),
        INT8.name: (table.multiply, 0.0),
        ROWS_INT8.name: (table.multiply, 0.0),
        REBUILD.name: (
            table.multiply * REBUILT_BITS / 8,
            layer.steps * tiles * formats.BASIS * 2 * table.add * REBUILT_BITS / 8,
        ),
    }[config.arithmetic]
    product = table.multiply * sum_bytes + table.add * formats.OUTPUT_BITS / 8
    if config.arithmetic == REBUILD.name:
        product = table.add * formats.OUTPUT_BITS / 8
    return Energy(
        dram=weight_bytes * table.dram,
        weight_memory=weight_bytes * tiles * table.weight_memory,
        feature_memory=(row_bytes + channels * height * width) * table.feature_memory,
        window=(row_bytes * config.engines + steps) * table.registers,
        partial_sums=2 * steps * sum_bytes * table.registers,
        lanes=steps * (per_step + add) + once,
        basis=layer.products * product,
    )


def network_energy(program: Program, table: EnergyTable = TABLE) -> Energy:
    """Sum over the layers."""
    total = Energy(*([0.0] * len(fields(Energy))))
    for layer in program.layers:
        total = total + layer_energy(program, layer, table)
    return total
