"""Global sum pooling of output words."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats
from golden.spec.config import Config
from golden.spec.memories import log2
from hw.parts.rounding import RoundShift

SUM_BITS = 24
"""1,023 tiles of 64 lanes of int8 fit."""


class Pool(wiring.Component):
    """o = saturate(round_shift(Σ values of a channel, shift)).

    Golden: `golden.graph`.  Latency: `latency.POOL` cycles from the last value.  Throughput: one slice
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
                "shift": In(formats.SUM_SHIFT_BITS),
                "o": Out(signed(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        values = [self.i.word_select(i, 8).as_signed() for i in range(self._config.basis)]
        index, first, valid = self.index, self.first, self.valid
        # The sum of a word takes two cycles.
        for stage, count in enumerate((1 << log2(len(values)) // 2, 1)):
            sums = [sum(values[at::count]) for at in range(count)]
            values = [
                Signal(signed(SUM_BITS), name=f"sum{stage}_{at}", reset_less=True) for at in range(count)
            ]
            m.d.sync += [value.eq(sum_) for value, sum_ in zip(values, sums, strict=True)]
            names = ("index", "first", "valid")
            later = [
                Signal.like(signal, name=f"{name}{stage}")
                for name, signal in zip(names, (index, first, valid), strict=True)
            ]
            m.d.sync += Cat(later).eq(Cat(index, first, valid))
            index, first, valid = later
        (part,) = values
        m.submodules.sums = totals = memory.Memory(shape=SUM_BITS, depth=self._channels, init=[])
        read = totals.read_port(domain="comb")
        write = totals.write_port()
        total = Signal(signed(SUM_BITS))
        done = Signal(signed(SUM_BITS), reset_less=True)
        m.d.comb += [
            read.addr.eq(index),
            total.eq(Mux(first, 0, read.data.as_signed()) + part),
            write.addr.eq(index),
            write.data.eq(total),
            write.en.eq(valid),
        ]
        m.d.sync += done.eq(total)
        m.submodules.round = unit = RoundShift(SUM_BITS, formats.SUM_SHIFT_BITS)
        m.d.comb += [unit.i.eq(done), unit.shift.eq(self.shift), self.o.eq(unit.o)]
        return m
