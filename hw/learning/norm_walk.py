"""The order in which a layer's words go through LightNorm."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.commands import norm_record
from golden.spec.config import Config
from hw.learning.run_steps import RunSteps
from hw.learning.word_reader import word_request
from hw.parts.layouts import layout


def norm_tag() -> data.StructLayout:
    """op: the pass of a word (`hw.lightnorm.layouts.Op`).  last: it ends the channel's pass."""
    return data.StructLayout({"op": unsigned(2), "last": unsigned(1)})


class NormWalk(wiring.Component):
    """Forward channel after channel has APPLY, as the statistics are known. Backward step i has REDUCE of
    channel i, and GRAD of channel i − 1; so the arithmetic of a channel is hidden behind another's words. A
    lone command has no GRAD.

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
        on, first, second = Signal(), Signal(), Signal()
        channels, runs = Signal.like(command.channels), Signal.like(command.runs)
        m.submodules.steps = steps = RunSteps(self._config)
        # Of REDUCE and of the second passes.
        pointers = [Signal(address_shape, name=name) for name in ("first_address", "second_address")]
        here = Signal(address_shape)
        taken, ends = self.o.valid & self.o.ready, Signal()
        final = channels == Mux(command.backward, 0, 1)
        m.d.comb += [
            steps.start.eq(self.start),
            steps.command.eq(command),
            steps.step.eq(taken),
            ends.eq(steps.ends & (runs == 1)),
            here.eq(Mux(second, pointers[1], pointers[0])),
            out.tag.op.eq(Cat(second, command.backward)),
            self.o.valid.eq(on),
            out.address.eq(here),
            out.tag.last.eq(ends),
        ]
        with m.If(taken):
            with m.If(steps.ends):
                m.d.sync += runs.eq(Mux(ends, command.runs, runs - 1))
            for is_second, pointer in enumerate(pointers):
                with m.If(second == is_second):
                    m.d.sync += pointer.eq(here + steps.o)
            with m.If(ends):
                # Backward the first step has no GRAD, the last one, of no channel, no REDUCE.
                with m.If(first | second):
                    m.d.sync += [
                        channels.eq(channels - 1),
                        first.eq(command.lone),
                        second.eq(~command.backward | ((channels == 1) & ~command.lone)),
                        on.eq(Mux(command.lone, channels != 1, ~final)),
                    ]
                with m.Else():
                    m.d.sync += second.eq(1)
        with m.If(self.start):
            m.d.sync += [
                on.eq(1),
                first.eq(command.backward),
                second.eq(~command.backward),
                channels.eq(command.channels),
                runs.eq(command.runs),
                pointers[0].eq(command.x_address),
                pointers[1].eq(Mux(command.backward, command.other_address, command.x_address)),
            ]
        return m
