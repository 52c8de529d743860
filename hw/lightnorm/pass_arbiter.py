"""Joins the array's statistics and a host's passes into the one stream of a LightNorm unit."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import NormFormat
from hw.lightnorm.layouts import pass_beat

MOST_WAITING = 2
"""Channels of a LightNorm unit that wait for their second pass."""


class PassArbiter(wiring.Component):
    """Keeps the beats of a channel and pass together, and lets a pass begin when the unit can end it.

    A first pass (STAT, REDUCE) begins while fewer than two channels wait for their second one; a second
    pass (APPLY, GRAD) when its channel's words are there.  Until then it does not stand in the way of the
    other input.  Where both may begin, the array does.

    Golden: none; the order of channels and passes changes no result.  Throughput: one beat per cycle.
    Latency: none.

    Parameters: fmt, lanes: as the unit's.

    Members
    -------
    i_array, i_host: streams of `pass_beat`; the array's are of STAT.  o: the same.
    solved: In, the words of a channel are found in this cycle.
    """

    i_array: stream.Interface
    i_host: stream.Interface
    o: stream.Interface

    def __init__(self, fmt: NormFormat, lanes: int) -> None:
        beat = stream.Signature(pass_beat(fmt, lanes))
        super().__init__({"i_array": In(beat), "i_host": In(beat), "o": Out(beat), "solved": In(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        array, host = self.i_array, self.i_host
        waiting = Signal(range(MOST_WAITING + 1))
        # `known`: the unit has the words of the next second pass.  `inside`: a channel's beats go by.
        known, inside, by_host = Signal(), Signal(), Signal()
        room = waiting != MOST_WAITING
        from_host, may = Signal(), Signal()
        m.d.comb += [
            from_host.eq(Mux(inside, by_host, ~(array.valid & room))),
            may.eq(inside | Mux(from_host & host.payload.op[0], known, room)),
            self.o.payload.eq(Mux(from_host, host.payload, array.payload)),
            self.o.valid.eq(may & Mux(from_host, host.valid, array.valid)),
            array.ready.eq(may & ~from_host & self.o.ready),
            host.ready.eq(may & from_host & self.o.ready),
        ]
        second = self.o.payload.op[0]
        ends = self.o.valid & self.o.ready & self.o.payload.last
        with m.If(self.o.valid):
            # What has been offered stays.
            m.d.sync += [inside.eq(~ends), by_host.eq(from_host)]
        with m.If(ends):
            m.d.sync += waiting.eq(Mux(second, waiting - 1, waiting + 1))
        m.d.sync += known.eq(self.solved | (known & ~(ends & second)))
        return m
