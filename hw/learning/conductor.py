"""The conductor: commands as the controller issues them, one for the array and one for the norm at a time."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.commands import Command, command_record
from golden.spec.config import Config
from golden.spec.memories import Memory
from hw.interfaces import load_signature
from hw.learning.ports import issue_layout, slot_signature
from hw.parts.layouts import layout
from hw.parts.memory import LoadedMemory


class Conductor(wiring.Component):
    """Reads a command that is issued and hands it to the slot of its unit: NORM to `norm`, all others, which
    use the engines, to `array`. One that is issued beside another waits for its own slot alone.

    Golden: `golden.spec.commands`.  Latency: `latency.COMMAND` cycles from an issue to the start of a unit
    whose slot is free; `latency.COMMAND_END` from its end, and two for reports that nobody hinders, to the
    next issue.

    Members
    -------
    load: load bus (commands).
    i: In, stream of `issue_layout`, taken when no slot holds a command, or, beside another, when none waits
        here.  quiet: Out, nothing is in hand.
    illegal: Out, a command is of no kind; nothing goes on until reset.
    array, norm: to the slots.
    """

    i: stream.Interface

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "load": In(load_signature(config)),
                "i": In(stream.Signature(issue_layout(config))),
                "quiet": Out(1),
                "illegal": Out(1),
                "array": Out(slot_signature(config)),
                "norm": Out(slot_signature(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        words = layout(command_record(config))
        m.submodules.commands = commands = LoadedMemory(config, Memory.COMMAND, words)
        wiring.connect(m, wiring.flipped(self.load), commands.load)
        issued, free, kind = Signal(issue_layout(config)), Signal(), commands.data.kind
        slots = (self.array, kind != Command.NORM), (self.norm, kind == Command.NORM)
        m.d.comb += [
            commands.address.eq(issued.command),
            free.eq(self.array.free & self.norm.free),
        ]
        for slot, _ in slots:
            m.d.comb += [
                slot.word.eq(commands.data),
                slot.given_shift.eq(issued.shift),
                slot.given_addend_shift.eq(issued.addend_shift),
            ]
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += [self.i.ready.eq(free | self.i.payload.beside), self.quiet.eq(free)]
                with m.If(self.i.valid & self.i.ready):
                    m.d.sync += issued.eq(self.i.payload)
                    m.next = "READ"
            with m.State("READ"):
                m.next = "WORD"
            with m.State("WORD"):
                with m.If(~Cat(kind == known for known in Command).any()):
                    m.next = "ILLEGAL"
                for slot, own in slots:
                    with m.Elif(own & slot.free):
                        m.d.comb += slot.take.eq(1)
                        m.next = "IDLE"
            with m.State("ILLEGAL"):
                m.d.comb += self.illegal.eq(1)
        return m
