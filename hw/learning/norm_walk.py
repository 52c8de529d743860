"""The order in which a layer's words go through LightNorm."""

from enum import IntEnum

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.commands import norm_record
from golden.spec.config import Config
from hw.learning.word_reader import word_request
from hw.lightnorm.layouts import Op
from hw.parts.layouts import layout


def norm_tag() -> data.StructLayout:
    """op: the pass of a word (`Op`).  last: it ends the channel's pass."""
    return data.StructLayout({"op": unsigned(2), "last": unsigned(1)})


class _Turn(IntEnum):
    """Passes in the order of a step."""

    STAT = 0
    DROP = 1
    SECOND = 2
    REDUCE = 3


class NormWalk(wiring.Component):
    """Step i has STAT of channel i, the second pass (APPLY, GRAD) of channel i − 1, and backward, at its end,
    REDUCE of channel i; so the arithmetic of a channel is hidden behind another's words.

    Backward, one word of APPLY goes before GRAD, to take the line that STAT's arithmetic leaves: nobody
    reads what comes of it.

    Golden: `golden.cycles.norm` has the order and its time.  Latency: the first word is there in the cycle
    after `start`.  Throughput: a word a cycle.

    Members
    -------
    start: In.  command: In, `norm_record`; stands still.
    o: stream of `word_request` with `norm_tag`.
    """

    o: stream.Interface

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "start": In(1),
                "command": In(layout(norm_record(config))),
                "o": Out(stream.Signature(word_request(config, norm_tag()))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        command, out = self.command, self.o.payload
        address_shape = self.command.x_address.shape()
        on, first = Signal(), Signal()
        turn = Signal(_Turn)
        channels, words = Signal.like(command.channels), Signal.like(command.words)
        stat, second, reduce = (Signal(address_shape, name=name) for name in ("stat", "second", "reduce"))
        here, backward = Signal(address_shape), command.backward
        ends = (words == 1) | (turn == _Turn.DROP)
        final, goes_on = channels == 0, channels != 1
        with m.Switch(turn):
            with m.Case(_Turn.STAT):
                m.d.comb += [here.eq(stat), out.tag.op.eq(Op.STAT)]
            with m.Case(_Turn.DROP):
                m.d.comb += [here.eq(second), out.tag.op.eq(Op.APPLY)]
            with m.Case(_Turn.SECOND):
                m.d.comb += [here.eq(second), out.tag.op.eq(Mux(backward, Op.GRAD, Op.APPLY))]
            with m.Case(_Turn.REDUCE):
                m.d.comb += [here.eq(reduce), out.tag.op.eq(Op.REDUCE)]
        m.d.comb += [self.o.valid.eq(on), out.address.eq(here), out.tag.last.eq(ends)]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += words.eq(Mux(ends, command.words, words - 1))
            for kind, pointer in ((_Turn.STAT, stat), (_Turn.SECOND, second), (_Turn.REDUCE, reduce)):
                with m.If(turn == kind):
                    m.d.sync += pointer.eq(here + 1)
            with m.If(ends):
                following = Mux(goes_on, _Turn.STAT, Mux(backward, _Turn.DROP, _Turn.SECOND))
                steps = (turn == _Turn.REDUCE) | (~backward & ((turn == _Turn.SECOND) | first))
                with m.If(steps):
                    m.d.sync += [channels.eq(channels - 1), first.eq(0), turn.eq(following), on.eq(~final)]
                with m.Elif(turn == _Turn.STAT):
                    m.d.sync += turn.eq(Mux(backward, Mux(first, _Turn.REDUCE, _Turn.DROP), _Turn.SECOND))
                with m.Elif(turn == _Turn.DROP):
                    m.d.sync += turn.eq(_Turn.SECOND)
                with m.Else():
                    m.d.sync += [turn.eq(_Turn.REDUCE), on.eq(~final)]
        with m.If(self.start):
            m.d.sync += [
                on.eq(1),
                first.eq(1),
                turn.eq(_Turn.STAT),
                channels.eq(command.channels),
                words.eq(command.words),
                stat.eq(command.x_address),
                second.eq(Mux(backward, command.other_address, command.x_address)),
                reduce.eq(command.x_address),
            ]
        return m
