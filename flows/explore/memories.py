"""Which RAM cells of an ECP5 hold the memories of a configuration, by Yosys' rules."""

from dataclasses import dataclass

from golden.spec import memories
from golden.spec.config import Config
from golden.spec.memories import Memory, memory_shape

BLOCK_RAM_SHAPES = ((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36))
"""Words × bits of one block RAM (DP16KD; the last one PDPW16KD)."""

LUT_RAM_WORDS, LUT_RAM_BITS = 16, 4
"""Words × bits of one TRELLIS_DPR16X4."""


@dataclass(frozen=True)
class Rams:
    """Cells of memories with clocked reads."""

    block_rams: int
    lut_rams: int


def block_rams_of(words: int, bits: int) -> int:
    """Block RAMs of one memory."""
    return min(-(-words // depth) * -(-bits // width) for depth, width in BLOCK_RAM_SHAPES)


def lut_rams_of(words: int, bits: int) -> int:
    """LUT RAMs of one memory with one read port."""
    return -(-words // LUT_RAM_WORDS) * -(-bits // LUT_RAM_BITS)


def clocked_rams(config: Config) -> Rams:
    """Feature memory and loaded memories.

    A bank of features uses both ports of its block RAMs. Instructions of up to 16 layers lie in LUT RAM.
    """
    block_rams = config.lanes * block_rams_of(config.feature_words, 8)
    lut_rams = 0
    for number in memories.memories(config):
        if number == Memory.RUN:
            continue  # registers
        shape = memory_shape(config, number)
        if shape.depth <= LUT_RAM_WORDS:
            lut_rams += lut_rams_of(shape.depth, shape.bits)
        else:
            block_rams += block_rams_of(shape.depth, shape.bits)
    return Rams(block_rams, lut_rams)
