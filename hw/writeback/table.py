"""Tables of 256 entries: functions of one int8 value, such as a sigmoid."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats
from golden.spec.config import Config
from golden.spec.memories import TABLE_ENTRIES, Memory
from hw.interfaces import load_signature
from hw.parts.memory import LoadedMemory


class Table(wiring.Component):
    """o = the entry of `early` in table `number`, or `i` where that is 0; each lane has its own memory.

    Golden: `golden.graph.operations.lookup.looked_up`.  Latency: 1 cycle from `early`, which comes a cycle
    before `i`.  Throughput: one word per cycle.

    Members
    -------
    load: load bus.
    early: In, bytes; `zero`: In, lanes whose result is 0, both a cycle before `i`.
    i: In, bytes.  number: In, 1… of the table, or 0; still during a layer.
    o: Out, bytes.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "load": In(load_signature(config)),
                "early": In(config.basis * 8),
                "zero": In(config.basis),
                "i": In(config.basis * 8),
                "number": In(config.tables.bit_length()),
                "o": Out(config.basis * 8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        # Still from before the first word of a layer.
        first, used = Signal(range(max(config.tables, 2))), Signal()
        m.d.sync += [first.eq(self.number - 1), used.eq(self.number != 0)]
        entry = data.StructLayout({"value": formats.ACTIVATION_BITS})
        index_bits = (TABLE_ENTRIES - 1).bit_length()
        for lane in range(config.basis):
            m.submodules[f"entries{lane}"] = entries = LoadedMemory(config, Memory.TABLE, entry)
            wiring.connect(m, wiring.flipped(self.load), entries.load)
            zero = Signal(name=f"zero{lane}")
            # Entry 0 is that of −128: the sign bit turned round.
            value = self.early.word_select(lane, 8)
            m.d.comb += [
                entries.address.eq(Cat(value[: index_bits - 1], ~value[-1], first)),
                self.o.word_select(lane, 8).eq(
                    Mux(used, Mux(zero, 0, entries.data.value), self.i.word_select(lane, 8))
                ),
            ]
            m.d.sync += zero.eq(self.zero[lane])
        return m
