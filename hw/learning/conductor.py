"""The conductor: one command after the other, as the controller issues them."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.commands import SHIFT_BITS, Command, command_record, payload_bits
from golden.spec.config import Config
from golden.spec.controller import WORD_BITS, data_bits
from golden.spec.memories import Memory
from hw.interfaces import load_signature
from hw.learning.ports import issue_layout, report_item
from hw.parts.layouts import layout
from hw.parts.memory import LoadedMemory

_REPORTED = (Command.ERROR, Command.NORM, Command.UPDATE)


class Conductor(wiring.Component):
    """Reads a command that is issued, starts its unit, waits until it is done, and reports its counts.

    Golden: `golden.spec.commands`.  Latency: `latency.COMMAND` cycles from an issue to the start of its unit;
    from `done`, `latency.COMMAND_END`, and two for reports that nobody hinders, to the next issue.

    Members
    -------
    load: load bus (commands).
    i: In, stream of `issue_layout`, taken when nothing is in hand.  quiet: Out, nothing is.
    illegal: Out, a command is of no kind; nothing goes on until reset.
    kind: Out, Command in hand.  payload: Out, its fields.  shift, addend_shift: Out, those of its issue.
    start: Out, one cycle, its unit begins.  done: In, one cycle, it ends.
    report_address: In, of the command in hand.  counts: In, two numbers that are reported behind ERROR,
        NORM and UPDATE.  report: Out, stream of `report_item`.
    """

    i: stream.Interface
    report: stream.Interface

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "load": In(load_signature(config)),
                "i": In(stream.Signature(issue_layout(config))),
                "quiet": Out(1),
                "illegal": Out(1),
                "kind": Out(Command),
                "payload": Out(payload_bits(config)),
                "shift": Out(signed(SHIFT_BITS)),
                "addend_shift": Out(signed(SHIFT_BITS)),
                "start": Out(1),
                "done": In(1),
                "report_address": In(data_bits(config)),
                "counts": In(WORD_BITS).array(2),
                "report": Out(stream.Signature(report_item(config))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        words = layout(command_record(config))
        m.submodules.commands = commands = LoadedMemory(config, Memory.COMMAND, words)
        wiring.connect(m, wiring.flipped(self.load), commands.load)
        issued, now, second = Signal(issue_layout(config)), Signal(words), Signal()
        m.d.comb += [
            commands.address.eq(issued.command),
            self.kind.eq(now.kind),
            self.payload.eq(now.payload),
            self.shift.eq(issued.shift),
            self.addend_shift.eq(issued.addend_shift),
            self.report.payload.word.eq(Mux(second, self.counts[1], self.counts[0])),
            self.report.payload.address.eq(self.report_address + second),
        ]
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += [self.i.ready.eq(1), self.quiet.eq(1)]
                with m.If(self.i.valid):
                    m.d.sync += issued.eq(self.i.payload)
                    m.next = "READ"
            with m.State("READ"):
                m.next = "WORD"
            with m.State("WORD"):
                m.d.sync += now.eq(commands.data)
                m.next = "START"
            with m.State("START"):
                with m.If(Cat(now.kind == kind for kind in Command).any()):
                    m.d.comb += self.start.eq(1)
                    m.next = "WAIT"
                with m.Else():
                    m.next = "ILLEGAL"
            with m.State("WAIT"), m.If(self.done):
                m.d.sync += second.eq(0)
                m.next = "IDLE"
                with m.If(Cat(now.kind == kind for kind in _REPORTED).any()):
                    m.next = "REPORT"
            with m.State("REPORT"):
                m.d.comb += self.report.valid.eq(1)
                with m.If(self.report.ready):
                    m.d.sync += second.eq(1)
                    with m.If(second):
                        m.next = "IDLE"
            with m.State("ILLEGAL"):
                m.d.comb += self.illegal.eq(1)
        return m
