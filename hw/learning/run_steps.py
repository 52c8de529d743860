"""From a word of a map to the next one, where only runs of its words are wanted."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.commands import norm_record
from golden.spec.config import Config
from hw.parts.layouts import layout


class RunSteps(wiring.Component):
    """Counts the words of runs, all of `command.words`.

    Golden: `norm_record`.  Latency: none.  Throughput: a word a cycle.

    Members
    -------
    start: In, the first word of a run comes next.  command: In, fields; it stands still from `start` on.
    step: In, one word further.
    ends: Out, the word is the last one of its run.  o: Out, from its address to that of the next word.
    """

    def __init__(self, config: Config) -> None:
        self._record = norm_record(config)
        super().__init__(
            {
                "start": In(1),
                "command": In(layout(self._record)),
                "step": In(1),
                "ends": Out(1),
                "o": Out(self._record.width("run_step")),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        command = self.command
        # Counted from 1 on, as a reset costs less than a load.
        place = Signal.like(command.words, init=1)
        m.d.comb += [self.ends.eq(place == command.words), self.o.eq(Mux(self.ends, command.run_step, 1))]
        with m.If(self.start | (self.step & self.ends)):
            m.d.sync += place.eq(1)
        with m.Elif(self.step):
            m.d.sync += place.eq(place + 1)
        return m
