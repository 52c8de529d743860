"""Global sum pooling of output words."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import Config
from golden.spec.memories import log2
from hw import rounding
from hw.rounding import RoundShift

SUM_BITS = 24
"""1,023 tiles of 64 lanes of int8 fit."""

LATENCY = 2 + rounding.LATENCY


class Pool(wiring.Component):
    """o = saturate(round_shift(Σ values of a channel, shift)).

    Golden: `golden.ops`.  Latency: `LATENCY` cycles from the last value.  Throughput: one slice
    per cycle, channels interleaved at will.

    Members
    -------
    i: In, `basis` bytes.  valid: In.  index: In, number of the channel within its round.
    first: In, the first slice of that channel.  shift: In, 0…15.
    o: Out, one signed byte.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._channels = 1 << (config.engines * config.accumulators - 1).bit_length()
        super().__init__(
            {
                "i": In(config.basis * 8),
                "valid": In(1),
                "index": In(log2(self._channels)),
                "first": In(1),
                "shift": In(4),
                "o": Out(signed(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        values = [self.i.word_select(i, 8).as_signed() for i in range(self._config.basis)]
        while len(values) > 1:
            values = [sum(values[i : i + 2]) for i in range(0, len(values), 2)]
        part = Signal(signed(SUM_BITS))
        index = Signal.like(self.index)
        first, valid = Signal(), Signal()
        m.d.sync += [
            part.eq(values[0]),
            index.eq(self.index),
            first.eq(self.first),
            valid.eq(self.valid),
        ]
        m.submodules.sums = sums = memory.Memory(shape=SUM_BITS, depth=self._channels, init=[])
        read = sums.read_port(domain="comb")
        write = sums.write_port()
        total = Signal(signed(SUM_BITS))
        done = Signal(signed(SUM_BITS))
        m.d.comb += [
            read.addr.eq(index),
            total.eq(Mux(first, 0, read.data.as_signed()) + part),
            write.addr.eq(index),
            write.data.eq(total),
            write.en.eq(valid),
        ]
        m.d.sync += done.eq(total)
        m.submodules.round = unit = RoundShift(SUM_BITS, 4)
        m.d.comb += [unit.i.eq(done), unit.shift.eq(self.shift), self.o.eq(unit.o)]
        return m
