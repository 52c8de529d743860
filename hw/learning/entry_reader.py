"""Codes and counters of entries, written where the host can read them."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.arithmetics import PAIR
from golden.spec.commands import read_record
from golden.spec.config import Config
from golden.spec.memories import entry_bits, feature_bits
from hw.interfaces import access_signature
from hw.learning.ports import entries_signature
from hw.parts.layouts import layout


class EntryReader(wiring.Component):
    """Writes a byte for each entry of a range of pairs, engine after engine: the code, above it the counter.

    The last word ends with zeros.

    Golden: `golden.device.readback`.  Throughput: an entry in two cycles, a word in one more.

    Members
    -------
    start: In, takes `command` (`read_record`), which stands until `done`.  done: Out, all is written.
    engines: Out, to the engines; only looks.  port: Out, to the feature memory.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "start": In(1),
                "command": In(layout(read_record(config))),
                "done": Out(1),
                "engines": Out(entries_signature(config)).array(config.engines),
                "port": Out(access_signature(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, command = self._config, self.command
        engine = Signal(range(max(config.engines, 2)))
        entry = Signal(entry_bits(config))
        left = Signal(entry_bits(config) + 1)
        lane = Signal(range(config.lanes))
        word = Signal(config.lanes * 8)
        address = Signal(feature_bits(config))
        ended = Signal()
        looks = Signal()
        byte = Signal(8)
        for number, port in enumerate(self.engines):
            mine = engine == number
            m.d.comb += [port.look.eq(looks & mine), port.entry.eq(entry)]
            with m.If(mine):
                m.d.comb += byte.eq(Cat(port.code, port.counter))
        m.d.comb += [
            self.port.write.eq(1),
            self.port.address.eq(address),
            self.port.data.eq(word),
        ]
        with m.FSM():
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += [
                    engine.eq(0),
                    entry.eq(PAIR * command.pair),
                    left.eq(PAIR * command.pairs),
                    lane.eq(0),
                    word.eq(0),
                    address.eq(command.address),
                    ended.eq(0),
                ]
                m.next = "LOOK"
            with m.State("LOOK"):
                m.d.comb += looks.eq(1)
                m.next = "TAKE"
            with m.State("TAKE"):
                last = left == 1
                m.d.sync += [
                    word.word_select(lane, 8).eq(byte),
                    lane.eq(lane + 1),
                    entry.eq(Mux(last, PAIR * command.pair, entry + 1)),
                    left.eq(Mux(last, PAIR * command.pairs, left - 1)),
                    engine.eq(engine + last),
                ]
                final = last & (engine == config.engines - 1)
                m.d.sync += ended.eq(final)
                m.next = "LOOK"
                with m.If(final | (lane == config.lanes - 1)):
                    m.next = "WRITE"
            with m.State("WRITE"):
                m.d.comb += self.port.valid.eq(1)
                with m.If(self.port.grant):
                    m.d.sync += [address.eq(address + 1), word.eq(0), lane.eq(0)]
                    m.d.comb += self.done.eq(ended)
                    m.next = "LOOK"
                    with m.If(ended):
                        m.next = "IDLE"
        return m
