"""The controller's registers."""

from amaranth.hdl import Module
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.controller import REGISTERS, WORD_BITS

NUMBER_BITS = (REGISTERS - 1).bit_length()


class ScalarRegisters(wiring.Component):
    """Two reads and a write in a cycle; a read sees what was written in the cycle before.

    Golden: `golden.machine.controller`.  Latency: reads none, a write 1 cycle.

    Members
    -------
    a, b: In, registers.  a_word, b_word: Out, their words in the same cycle.
    put, number, word: In, the register `number` gets `word`. Register 0 too: it is the controller's to keep 0
        in it.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "a": In(NUMBER_BITS),
                "b": In(NUMBER_BITS),
                "a_word": Out(WORD_BITS),
                "b_word": Out(WORD_BITS),
                "put": In(1),
                "number": In(NUMBER_BITS),
                "word": In(WORD_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.ram = ram = memory.Memory(shape=WORD_BITS, depth=REGISTERS, init=[])
        write = ram.write_port()
        for number, word in ((self.a, self.a_word), (self.b, self.b_word)):
            read = ram.read_port(domain="comb")
            m.d.comb += [read.addr.eq(number), word.eq(read.data)]
        m.d.comb += [write.en.eq(self.put), write.addr.eq(self.number), write.data.eq(self.word)]
        return m
