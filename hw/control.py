"""Control: image in, run, result out; cycles and errors."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import memories
from golden.spec.config import Config
from golden.spec.errors import ErrorCode
from golden.spec.memories import Memory, run_record
from hw.interfaces import load_signature
from hw.parts.layouts import layout


class Control(wiring.Component):
    """Starts a run when the last word of an image is in, and sends the result when it ends.

    Members
    -------
    load: load bus (the run word).  loaded: In, a program is in place.
    load_error: In, the loader's ErrorCode.  illegal, bad: In, instruction and stream errors.
    i_image: In, image words.  o_result: Out, result words.
    idle: Out, a program may be loaded (not with an image word).  busy: Out, a run is under way.
    start: Out, one cycle, the run begins.  finished: In, it has ended.
    address, write, write_data, data: port B of the feature memory.
    cycles: Out, cycles of the run.  error: Out, ErrorCode, sticky until reset.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        word = config.lanes * 8
        super().__init__(
            {
                "load": In(load_signature(config)),
                "loaded": In(1),
                "load_error": In(4),
                "illegal": In(1),
                "bad": In(1),
                "i_image": In(stream.Signature(word)),
                "o_result": Out(stream.Signature(word)),
                "idle": Out(1),
                "busy": Out(1),
                "start": Out(1),
                "finished": In(1),
                "address": Out(memories.feature_bits(config)),
                "write": Out(1),
                "write_data": Out(word),
                "data": In(word),
                "cycles": Out(memories.CYCLE_BITS),
                "error": Out(4),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        record = run_record(self._config)
        run = Signal(layout(record))
        with m.If(self.load.valid & (self.load.memory == Memory.RUN)):
            m.d.sync += run.eq(data.View(layout(record), self.load.data[: record.bits]))

        count = Signal.like(run.input_words)
        m.d.comb += self.write_data.eq(self.i_image.payload)
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += [
                    self.idle.eq((count == 0) & ~self.write),
                    self.i_image.ready.eq(self.loaded & (self.error == ErrorCode.NONE)),
                    self.address.eq(run.input_address + count),
                    self.write.eq(self.i_image.valid & self.i_image.ready),
                ]
                with m.If(self.write):
                    m.d.sync += count.eq(count + 1)
                    with m.If(count == run.input_words - 1):
                        m.d.sync += [count.eq(0), self.cycles.eq(0)]
                        m.next = "START"
                with m.If(self.load_error != ErrorCode.NONE):
                    m.d.sync += self.error.eq(self.load_error)
            with m.State("START"):
                m.d.comb += [self.start.eq(1), self.busy.eq(1)]
                m.next = "RUN"
            with m.State("RUN"):
                m.d.comb += self.busy.eq(1)
                m.d.sync += self.cycles.eq(self.cycles + 1)
                with m.If(self.illegal):
                    m.d.sync += self.error.eq(ErrorCode.INSTRUCTION)
                    m.next = "HALT"
                with m.Elif(self.bad):
                    m.d.sync += self.error.eq(ErrorCode.STREAM)
                    m.next = "HALT"
                with m.Elif(self.cycles == run.cycle_limit):
                    m.d.sync += self.error.eq(ErrorCode.TIMEOUT)
                    m.next = "HALT"
                with m.Elif(self.finished):
                    m.next = "READ"
            with m.State("READ"):
                m.d.comb += self.address.eq(run.result_address + count)
                m.next = "SEND"
            with m.State("SEND"):
                # Nothing else uses the port now, so the word stands until it is taken.
                m.d.comb += [
                    self.address.eq(run.result_address + count),
                    self.o_result.valid.eq(1),
                    self.o_result.payload.eq(self.data),
                ]
                with m.If(self.o_result.ready):
                    m.d.sync += count.eq(count + 1)
                    m.next = "READ"
                    with m.If(count == run.result_words - 1):
                        m.d.sync += count.eq(0)
                        m.next = "IDLE"
            with m.State("HALT"):
                pass
        return m
