"""The loader: from the words of a program image to the memories, with its checksum."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import memories
from golden.spec.config import ADDRESS_BITS, Config
from golden.spec.errors import ERROR_BITS, ErrorCode
from golden.spec.memories import END_SECTION, SECTION, Memory, memory_shape, run_record
from golden.spec.program import MAGIC
from hw.interfaces import load_bits, load_signature
from hw.parts.checksum import Checksum
from hw.parts.layouts import layout


class Loader(wiring.Component):
    """Checks a program image and writes its memories (`golden.spec.program.Program.image`).

    Golden: `golden.machine.load`.  Throughput: one 32-bit word per cycle, and one cycle more at each
    section.

    After MAGIC, CONFIGURATION, SECTION and CHECKSUM nothing more is taken until reset, since nobody knows
    where the next image would begin. PROGRAM stands until the next image begins. `loaded` is true from the
    checksum of a right image until the next image begins.

    Members
    -------
    i: In, the image.  enable: In, words may be taken now.
    load: Out, load bus.  loaded: Out.  error: Out, ErrorCode.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "i": In(stream.Signature(32)),
                "enable": In(1),
                "load": Out(load_signature(config)),
                "loaded": Out(1),
                "error": Out(ERROR_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        m.submodules.checksum = checksum = Checksum(MAGIC)
        word = self.i.payload
        chunk = Signal(range(load_bits(config) // 32))
        last_chunk = Signal.like(chunk)
        section = data.View(layout(SECTION), word)
        left = Signal(ADDRESS_BITS + 1)
        # Words of the memory from the section's address on; negative beyond its end.
        room = Signal(signed(ADDRESS_BITS + 2))
        taken = Signal()
        counts = Signal()
        body = Signal(load_bits(config))
        brought = self._brought(m)
        m.d.comb += [
            taken.eq(self.i.valid & self.i.ready),
            checksum.word.eq(word),
            checksum.valid.eq(self.i.valid & counts),
        ]
        m.d.sync += self.load.valid.eq(0)

        with m.FSM():
            with m.State("MAGIC"):
                # The checksum begins behind MAGIC, so that it does not wait for `enable`.
                m.d.comb += [self.i.ready.eq(self.enable), checksum.start.eq(1)]
                with m.If(taken):
                    m.d.sync += [self.loaded.eq(0), self.error.eq(ErrorCode.NONE), brought.eq(0)]
                    with m.If(word == MAGIC):
                        m.next = "DIGEST"
                    with m.Else():
                        m.d.sync += self.error.eq(ErrorCode.MAGIC)
                        m.next = "ERROR"
            with m.State("DIGEST"):
                m.d.comb += [self.i.ready.eq(1), counts.eq(1)]
                with m.If(taken):
                    m.next = "SECTION"
                    with m.If(word != Const(config.digest, 32)):
                        m.d.sync += self.error.eq(ErrorCode.CONFIGURATION)
                        m.next = "ERROR"
            with m.State("SECTION"):
                m.d.comb += [self.i.ready.eq(1), counts.eq(1)]
                with m.If(taken):
                    m.d.sync += [
                        self.load.memory.eq(section.memory),
                        self.load.address.eq(section.address - 1),
                        room.eq(-section.address),
                        chunk.eq(0),
                    ]
                    m.next = "KIND"
            with m.State("KIND"):
                m.next = "COUNT"
                with m.Switch(self.load.memory):
                    for number in memories.memories(config):
                        shape = memory_shape(config, number)
                        with m.Case(number):
                            m.d.sync += [
                                last_chunk.eq(-(-shape.bits // 32) - 1),
                                room.eq(room + shape.depth),
                            ]
                    with m.Case(END_SECTION):
                        m.next = "CHECKSUM"
                    with m.Default():
                        m.d.sync += self.error.eq(ErrorCode.SECTION)
                        m.next = "ERROR"
            with m.State("COUNT"):
                m.d.comb += [self.i.ready.eq(1), counts.eq(1)]
                with m.If(taken):
                    m.d.sync += left.eq(word)
                    m.next = "WORD"
                    with m.If((word == 0) | (word > room)):
                        m.d.sync += self.error.eq(ErrorCode.SECTION)
                        m.next = "ERROR"
            with m.State("WORD"):
                m.d.comb += [self.i.ready.eq(1), counts.eq(1)]
                with m.If(taken):
                    m.d.sync += body.word_select(chunk, 32).eq(word)
                    with m.If(chunk == last_chunk):
                        m.d.sync += [
                            chunk.eq(0),
                            self.load.valid.eq(1),
                            self.load.address.eq(self.load.address + 1),
                            left.eq(left - 1),
                        ]
                        with m.If(left == 1):
                            m.next = "SECTION"
                    with m.Else():
                        m.d.sync += chunk.eq(chunk + 1)
            with m.State("CHECKSUM"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(taken):
                    with m.If(word == checksum.crc):
                        m.d.sync += [
                            self.loaded.eq(brought.all()),
                            self.error.eq(Mux(brought.all(), ErrorCode.NONE, ErrorCode.PROGRAM)),
                        ]
                        m.next = "MAGIC"
                    with m.Else():
                        m.d.sync += self.error.eq(ErrorCode.CHECKSUM)
                        m.next = "ERROR"
            with m.State("ERROR"):
                pass
        m.d.comb += self.load.data.eq(body)
        return m

    def _brought(self, m: Module) -> Signal:
        """A bit each for a run word that can be and the first front and back word: this image brought it.

        A bit stands in the cycle after its word is on the load bus; the checksum comes later.
        """
        record = run_record(self._config)
        run = data.View(layout(record), self.load.data[: record.bits])
        possible = Signal()
        ranges = ((run.input_address, run.input_words), (run.result_address, run.result_words))
        m.d.comb += possible.eq(Cat(_is_range(*each) for each in ranges).all())
        brought = Signal(3)
        for place, (memory, good) in enumerate(
            ((Memory.RUN, possible), (Memory.FRONT, Const(1)), (Memory.BACK, Const(1)))
        ):
            with m.If(self.load.valid & (self.load.memory == memory) & (self.load.address == 0)):
                m.d.sync += brought[place].eq(good)
        return brought


def _is_range(address: Value, words: Value) -> Value:
    """Whether so many words from an address on, one at least, end with the memory's last word or before.

    The address is as wide as the depth of the memory, a power of two, asks for.
    """
    bits = len(address)
    end = address + words
    return (words != 0) & ~end[bits + 1] & ~(end[bits] & end[:bits].any())
