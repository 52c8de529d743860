"""The conductor: one command after the other."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.commands import REPORT_BITS, Command, command_record, payload_bits, report_words
from golden.spec.config import Config
from golden.spec.memories import Memory, feature_bits, log2
from hw.interfaces import load_signature
from hw.learning.report_writer import report_item
from hw.parts.layouts import layout
from hw.parts.memory import LoadedMemory


class Conductor(wiring.Component):
    """Reads commands from the first on, starts the unit of each and waits until it is done.

    Golden: `golden.machine.commands`.  Latency: `latency.NEXT_COMMAND` cycles from the end of a command to
    the start of the next.

    Members
    -------
    load: load bus (commands).
    go: In, one cycle: begin with command 0.  finished: Out, STOP was reached.
    illegal: Out, a command is of no kind.
    kind: Out, Command in hand.  payload: Out, its fields.  start: Out, one cycle, its unit begins.
    done: In, one cycle, it ends.
    report_address: In, of the command in hand.  counts: In, two numbers that are reported behind ERROR,
        NORM and UPDATE.  report: Out, stream of `report_item`.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "load": In(load_signature(config)),
                "go": In(1),
                "finished": Out(1),
                "illegal": Out(1),
                "kind": Out(Command),
                "payload": Out(payload_bits(config)),
                "start": Out(1),
                "done": In(1),
                "report_address": In(feature_bits(config)),
                "counts": In(REPORT_BITS).array(2),
                "report": Out(stream.Signature(report_item(config))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        words = layout(command_record(config))
        m.submodules.commands = commands = LoadedMemory(config, Memory.COMMAND, words)
        wiring.connect(m, wiring.flipped(self.load), commands.load)
        counter = Signal(log2(config.instructions))
        now = Signal(words)
        m.d.comb += [
            commands.address.eq(counter),
            self.kind.eq(now.kind),
            self.payload.eq(now.payload),
        ]
        second = Signal()
        reports = Cat(now.kind == kind for kind in (Command.ERROR, Command.NORM, Command.UPDATE)).any()
        item = self.report.payload
        m.d.comb += [
            item.value.eq(Mux(second, self.counts[1], self.counts[0])),
            item.address.eq(self.report_address + Mux(second, report_words(config.lanes), 0)),
        ]
        with m.FSM():
            with m.State("IDLE"), m.If(self.go):
                m.d.sync += counter.eq(0)
                m.next = "READ"
            with m.State("READ"):
                m.next = "WORD"
            with m.State("WORD"):
                m.d.sync += [now.eq(commands.data), counter.eq(counter + 1)]
                m.next = "START"
            with m.State("START"):
                with m.If(now.kind == Command.STOP):
                    m.next = "FINISHED"
                with m.Elif(now.kind > max(Command)):
                    m.next = "ILLEGAL"
                with m.Else():
                    m.d.comb += self.start.eq(1)
                    m.next = "WAIT"
            with m.State("WAIT"), m.If(self.done):
                m.d.sync += second.eq(0)
                m.next = "READ"
                with m.If(reports):
                    m.next = "REPORT"
            with m.State("REPORT"):
                m.d.comb += self.report.valid.eq(1)
                with m.If(self.report.ready):
                    m.d.sync += second.eq(1)
                    with m.If(second):
                        m.next = "READ"
            with m.State("FINISHED"):
                m.d.comb += self.finished.eq(1)
                with m.If(self.go):
                    m.d.sync += counter.eq(0)
                    m.next = "READ"
            with m.State("ILLEGAL"):
                m.d.comb += self.illegal.eq(1)
        return m
