"""Bits that the unit moves, counted from the blocks at its ports."""

from dataclasses import dataclass
from fractions import Fraction

from golden.lightnorm.blocks import Blocks
from golden.spec.block import Constants, Spikes

SCALAR_WORD = 32
"""A scalar travels as a float32."""


@dataclass(frozen=True)
class Traffic:
    """Bits of a forward and a backward pass over one tensor.

    Parameters
    ----------
    elements: C · n.
    payload: of blocks, at all ports, counted once for every read and every write.
    indices: positions of the extremes, written by STAT and read by GRAD.
    parameters: scalars: γ, β in; mean and scale out of STAT and into APPLY and REDUCE (with γ);
        dγ, dβ out; GRAD's mean, scale, spike out of REDUCE and in; spikes carried apart.
    """

    elements: int
    payload: int
    indices: int
    parameters: int

    @property
    def bits_per_element(self) -> Fraction:
        """Payload alone."""
        return Fraction(self.payload, self.elements)


def traffic(
    x: Blocks,
    y: Blocks,
    dy: Blocks,
    dx: Blocks,
    constants: Constants,
    fused: bool = False,
    spikes: Spikes = Spikes.BLOCK,
) -> Traffic:
    """What one training step moves.

    Parameters
    ----------
    fused: STAT listens to x as the array writes it, so that pass reads nothing.

    Payload: STAT reads x (not if fused), APPLY reads x and writes y, REDUCE reads x and dy, GRAD
    reads dy and writes dx. The writing of x and the reading of y and dx belong to their neighbours.
    """
    channels = len(x.magnitudes)
    reads = x.payload_bits * (2 if fused else 3) + 2 * dy.payload_bits
    scalars = 2 + 2 * 2 + 1 + 2 + 2 * 3 + (spikes == Spikes.APART)
    split = constants.chunks
    return Traffic(
        elements=x.magnitudes.size,
        payload=reads + y.payload_bits + dx.payload_bits,
        indices=2 * channels * 2 * split.count * split.index_bits,
        parameters=channels * scalars * SCALAR_WORD,
    )


def two_pass_bits(word: int) -> int:
    """Bits per element of two-pass batch norm in words of `word` bits: 9 reads and writes of a value.

    Forward: mean, variance and normalisation read x, y is written; backward: the sums read x and dy,
    dx reads x and dy and is written.
    """
    return 9 * word
