"""The checksum of a program image, a word a cycle."""

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.crc import Algorithm
from amaranth.lib.wiring import In, Out

_ONES = (1 << 32) - 1


def _crc32(register: int, output: int, word: int) -> int:
    """The CRC-32 of Ethernet of one word, from a state of its register on, inverted by `output`."""
    algorithm = Algorithm(
        crc_width=32,
        polynomial=0x04C11DB7,
        initial_crc=register,
        reflect_input=True,
        reflect_output=True,
        xor_output=output,
    )
    return algorithm(data_width=32).compute([word])


class Checksum(wiring.Component):
    """CRC-32 of 32-bit words that follow one that is known.

    Golden: `golden.spec.program.checksum`.  Latency: 1 cycle.  Throughput: a word per cycle.

    A word changes the register only by their sum modulo 2, so that one network of exclusive-ors serves both.

    Parameters
    ----------
    first: the word that is known.

    Members
    -------
    start: In, the first word has been, and no other.  word, valid: In, the next one; not with `start`.
    crc: Out, of all words so far.
    """

    def __init__(self, first: int) -> None:
        self._first = first
        super().__init__({"start": In(1), "word": In(32), "valid": In(1), "crc": Out(32)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        columns = [_crc32(0, 0, 1 << bit) for bit in range(32)]
        total = self.crc ^ _ONES ^ self.word
        # For each bit of the register those of the sum that it follows.
        masks = [
            sum((column >> place & 1) << bit for bit, column in enumerate(columns)) for place in range(32)
        ]
        with m.If(self.start):
            m.d.sync += self.crc.eq(_crc32(_ONES, _ONES, self._first))
        with m.Elif(self.valid):
            m.d.sync += self.crc.eq(~Cat((total & mask).xor() for mask in masks))
        return m
