"""Control: image in, run, result out; cycles and errors."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import memories
from golden.spec.config import Config
from golden.spec.errors import ErrorCode
from golden.spec.memories import Memory, run_record
from hw.interfaces import frame_word, load_signature
from hw.parts.layouts import layout


class Control(wiring.Component):
    """Starts a run when the last word of an image is in, and sends the result when it ends.

    An image of another length is dropped up to its last word. Between images a program that waits goes
    first, but an image that waits when a program is accepted goes before the next program.

    Throughput: one image word per cycle, a result word every second cycle.

    Members
    -------
    load: load bus (the run word).  loaded: In, a program is in place.
    load_error: In, the loader's ErrorCode.  illegal, bad: In, instruction and stream errors.
    program_waits: In, a word of a program is offered.
    i_image: In, stream of `frame_word`, images.  o_result: Out, likewise, results.
    idle: Out, a program may begin or go on; never in a cycle in which an image word is taken.
    busy: Out, a run is under way.
    start: Out, one cycle, the run begins.  finished: In, it has ended.
    address, write, write_data, data: port B of the feature memory.
    cycles: Out, cycles of the run.  error: Out, ErrorCode.
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
                "program_waits": In(1),
                "i_image": In(stream.Signature(frame_word(config))),
                "o_result": Out(stream.Signature(frame_word(config))),
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
        # Whose turn it is between images is decided a cycle ahead, so that no stream's `ready` depends on
        # the other's `valid`. In the first cycle of a program it is the image's turn, so that none starves.
        program_first = Signal()
        m.d.sync += program_first.eq(self.loaded & self.program_waits)

        m.d.comb += self.write_data.eq(self.i_image.payload.data)
        complete, last_result = Signal(), Signal()
        m.d.comb += complete.eq(count == run.input_words - 1)
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += [
                    self.idle.eq(~self.loaded | program_first),
                    self.i_image.ready.eq(self.loaded & ~program_first),
                ]
                self._take(m, run, count, complete)
                with m.If(~self.loaded):
                    m.d.sync += self.error.eq(self.load_error)
            with m.State("IMAGE"):
                m.d.comb += self.i_image.ready.eq(1)
                self._take(m, run, count, complete)
            with m.State("DROP"):
                m.d.comb += self.i_image.ready.eq(1)
                with m.If(self.i_image.valid & self.i_image.payload.last):
                    m.next = "IDLE"
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
                m.d.sync += last_result.eq(count == run.result_words - 1)
                m.next = "SEND"
            with m.State("SEND"):
                # Nothing else uses the port now, so the word stands until it is taken.
                m.d.comb += [
                    self.address.eq(run.result_address + count),
                    self.o_result.valid.eq(1),
                    self.o_result.payload.data.eq(self.data),
                    self.o_result.payload.last.eq(last_result),
                ]
                with m.If(self.o_result.ready):
                    m.d.sync += count.eq(count + 1)
                    m.next = "READ"
                    with m.If(last_result):
                        m.d.sync += count.eq(0)
                        m.next = "IDLE"
            with m.State("HALT"):
                pass
        return m

    def _take(self, m: Module, run: Any, count: Signal, complete: Signal) -> None:
        """An image word, if there is one: into memory, and on to the run, the next word or an error."""
        m.d.comb += [
            self.address.eq(run.input_address + count),
            self.write.eq(self.i_image.valid & self.i_image.ready),
        ]
        with m.If(self.write):
            m.d.sync += count.eq(count + 1)
            m.next = "IMAGE"
            with m.If(complete | self.i_image.payload.last):
                m.d.sync += count.eq(0)
            with m.If(complete & self.i_image.payload.last):
                m.d.sync += [self.cycles.eq(0), self.error.eq(ErrorCode.NONE)]
                m.next = "START"
            with m.Elif(complete):
                m.d.sync += self.error.eq(ErrorCode.LONG_IMAGE)
                m.next = "DROP"
            with m.Elif(self.i_image.payload.last):
                m.d.sync += self.error.eq(ErrorCode.SHORT_IMAGE)
                m.next = "IDLE"
