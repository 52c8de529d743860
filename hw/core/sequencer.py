"""The sequencer: begins a run, counts what units have done, ends it or stops it."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import memories
from golden.spec.config import Config
from golden.spec.errors import ERROR_BITS, ErrorCode
from golden.spec.memories import Memory, run_record
from hw.interfaces import load_signature
from hw.parts.layouts import layout


class Sequencer(wiring.Component):
    """Tells the units to begin with their first instructions, and keeps the counts that they wait for.

    Each unit has the instructions of its type in a memory of its own and goes through them by itself; where
    one may go on only when others are so far, its instruction says for which count it waits. Today there is
    one count, of turns (docs/machine.md, section 6).

    Golden: `golden.cycles`.  Latency: units begin in the cycle of `go`.

    Members
    -------
    load: load bus (the run word).
    go: In, one cycle, a run begins.  start: Out, to the units, in the same cycle.
    finished: In, every unit has come to its END.  illegal: In, some unit found an illegal instruction.
    bad: In, some engine found its stream and its rows apart.
    turn_done: In, a turn is done.  turns_done: Out, turns of this run.
    busy: Out, a run is under way, from `go` on.  done: Out, its last cycle.
    fault: Out, ErrorCode of a run that stops in this cycle; NONE else. Then nothing goes on until reset.
    cycles: Out, cycles of the run, or of the last one.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "load": In(load_signature(config)),
                "go": In(1),
                "start": Out(1),
                "finished": In(1),
                "illegal": In(1),
                "bad": In(1),
                "turn_done": In(1),
                "turns_done": Out(memories.TURN_BITS),
                "busy": Out(1),
                "done": Out(1),
                "fault": Out(ERROR_BITS),
                "cycles": Out(memories.CYCLE_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        record = run_record(self._config)
        run = data.View(layout(record), self.load.data[: record.bits])
        limit = Signal.like(run.cycle_limit)
        mine = Signal()
        m.d.sync += mine.eq(self.load.memory == Memory.RUN)
        with m.If(self.load.valid & mine):
            m.d.sync += limit.eq(run.cycle_limit)

        with m.If(self.turn_done):
            m.d.sync += self.turns_done.eq(self.turns_done + 1)
        with m.If(self.start):
            m.d.sync += self.turns_done.eq(0)

        m.d.comb += self.start.eq(self.go)
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.busy.eq(self.go)
                with m.If(self.go):
                    m.d.sync += self.cycles.eq(0)
                    m.next = "RUN"
            with m.State("RUN"):
                m.d.comb += self.busy.eq(1)
                m.d.sync += self.cycles.eq(self.cycles + 1)
                with m.If(self.illegal):
                    m.d.comb += self.fault.eq(ErrorCode.INSTRUCTION)
                with m.Elif(self.bad):
                    m.d.comb += self.fault.eq(ErrorCode.STREAM)
                with m.Elif(self.cycles == limit):
                    m.d.comb += self.fault.eq(ErrorCode.TIMEOUT)
                with m.Elif(self.finished):
                    m.d.comb += self.done.eq(1)
                    m.next = "IDLE"
                with m.If(self.fault != ErrorCode.NONE):
                    m.next = "HALT"
            with m.State("HALT"):
                pass
        return m
