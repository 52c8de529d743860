"""The conductor: one command after the other."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.commands import Command, command_record, payload_bits
from golden.spec.config import Config
from golden.spec.memories import Memory, log2
from hw.interfaces import load_signature
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
                m.next = "READ"
            with m.State("FINISHED"):
                m.d.comb += self.finished.eq(1)
                with m.If(self.go):
                    m.d.sync += counter.eq(0)
                    m.next = "READ"
            with m.State("ILLEGAL"):
                m.d.comb += self.illegal.eq(1)
        return m
