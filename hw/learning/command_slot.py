"""A command under way: its unit begins, ends, and what it counted is reported."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.commands import SHIFT_BITS, Command, command_record, payload_bits
from golden.spec.config import Config
from golden.spec.controller import WORD_BITS, data_bits
from hw.learning.ports import report_item, slot_signature
from hw.parts.layouts import layout

_REPORTED = (Command.ERROR, Command.NORM, Command.UPDATE)


class CommandSlot(wiring.Component):
    """Holds a command from the start of its unit to its last report.

    Golden: `golden.spec.commands`.  Latency: `start` in the cycle after `take`; from `done`, a cycle and two
    for reports that nobody hinders, to `i.free`.

    Members
    -------
    i: from the conductor.  free: no command is held.  take: `word` and the shifts are those of the next one;
        only if `free`.
    runs: Out, a bit for each Command: it is the one in hand.  payload: Out, its fields.
    shift, addend_shift: Out, those of its issue.
    start: Out, one cycle, its unit begins.  done: In, one cycle, it ends.
    report_address: In, of the command in hand.  counts: In, two numbers that are reported behind ERROR,
        NORM and UPDATE.  report: Out, stream of `report_item`.
    """

    report: stream.Interface

    def __init__(self, config: Config) -> None:
        self._config = config
        shift = signed(SHIFT_BITS)
        super().__init__(
            {
                "i": In(slot_signature(config)),
                "runs": Out(max(Command) + 1),
                "payload": Out(payload_bits(config)),
                "shift": Out(shift),
                "addend_shift": Out(shift),
                "start": Out(1),
                "done": In(1),
                "report_address": In(data_bits(config)),
                "counts": In(WORD_BITS).array(2),
                "report": Out(stream.Signature(report_item(config))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        word = data.View(layout(command_record(self._config)), self.i.word)
        now, second = Signal.like(word.payload), Signal()
        m.d.comb += [
            self.payload.eq(now),
            self.report.payload.word.eq(Mux(second, self.counts[1], self.counts[0])),
            self.report.payload.address.eq(self.report_address + second),
        ]
        with m.FSM():
            with m.State("FREE"):
                m.d.comb += self.i.free.eq(1)
                with m.If(self.i.take):
                    m.d.sync += [
                        now.eq(word.payload),
                        self.runs.eq(Cat(word.kind == kind for kind in range(len(self.runs)))),
                        self.shift.eq(self.i.given_shift),
                        self.addend_shift.eq(self.i.given_addend_shift),
                    ]
                    m.next = "START"
            with m.State("START"):
                m.d.comb += self.start.eq(1)
                m.next = "WAIT"
            with m.State("WAIT"), m.If(self.done):
                m.d.sync += second.eq(0)
                m.next = "FREE"
                with m.If(Cat(self.runs[kind] for kind in _REPORTED).any()):
                    m.next = "REPORT"
            with m.State("REPORT"):
                m.d.comb += self.report.valid.eq(1)
                with m.If(self.report.ready):
                    m.d.sync += second.eq(1)
                    with m.If(second):
                        m.next = "FREE"
        return m
