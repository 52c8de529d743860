"""The host's side: images in, results out, whose turn it is, the error register."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import Config
from golden.spec.errors import ERROR_BITS, ErrorCode
from golden.spec.memories import Memory, run_record
from hw.interfaces import access_signature, frame_word, load_signature
from hw.parts.layouts import layout


class HostPort(wiring.Component):
    """Asks for a run when the last word of an image is in, and sends the result when it ends.

    An image of another length is dropped up to its last word. Between images a program that waits goes
    first, but an image that waits when a program is accepted goes before the next program.

    Golden: `golden.machine.run_frames`.  Throughput: one image word per cycle, a result word every second
    cycle, as far as the memory is granted.

    Members
    -------
    load: load bus (the run word).  loaded: In, a program is in place; its run word came two cycles ago or
        earlier.
    load_error: In, the loader's ErrorCode.  program_waits: In, a word of a program is offered.
    i_image: In, stream of `frame_word`, images.  o_result: Out, likewise, results.
    idle: Out, a program may begin or go on; never in a cycle in which an image word is taken.
    go: Out, one cycle, a run shall begin.  done: In, it ends with this cycle.
    fault: In, ErrorCode of a run that stops.
    features: Out, to the feature memory.
    error: Out, ErrorCode.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "load": In(load_signature(config)),
                "loaded": In(1),
                "load_error": In(ERROR_BITS),
                "program_waits": In(1),
                "i_image": In(stream.Signature(frame_word(config))),
                "o_result": Out(stream.Signature(frame_word(config))),
                "idle": Out(1),
                "go": Out(1),
                "done": In(1),
                "fault": In(ERROR_BITS),
                "features": Out(access_signature(config)),
                "error": Out(ERROR_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        record = run_record(self._config)
        run = Signal(layout(record))
        mine = Signal()
        m.d.sync += mine.eq(self.load.memory == Memory.RUN)
        with m.If(self.load.valid & mine):
            m.d.sync += run.eq(data.View(layout(record), self.load.data[: record.bits]))

        # The next word of the image or of the result, and how many there are from it on. Both are registers,
        # so that no adder stands before the address of the memory.
        address, left = Signal.like(run.input_address), Signal.like(run.input_words)
        begin, result, step, ends = Signal(), Signal(), Signal(), Signal()
        m.d.comb += ends.eq(left == 1)
        m.d.sync += [
            address.eq(Mux(begin, Mux(result, run.result_address, run.input_address), address) + step),
            left.eq(Mux(begin, Mux(result, run.result_words, run.input_words), left) - step),
        ]

        # Whose turn it is between images is decided a cycle ahead, so that no stream's `ready` depends on
        # the other's `valid`. In the first cycle of a program it is the image's turn, so that none starves.
        program_first = Signal()
        m.d.sync += program_first.eq(self.loaded & self.program_waits)

        taken, may_take = Signal(), Signal()
        m.d.comb += [
            self.i_image.ready.eq(may_take & self.features.grant),
            taken.eq(self.i_image.valid & self.i_image.ready),
            self.features.valid.eq(self.i_image.valid & may_take),
            self.features.write.eq(may_take),
            self.features.address.eq(address),
            self.features.data.eq(self.i_image.payload.data),
            self.o_result.payload.data.eq(self.features.read),
            self.o_result.payload.last.eq(ends),
        ]
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += [
                    self.idle.eq(~self.loaded | program_first),
                    may_take.eq(self.loaded & ~program_first),
                    begin.eq(~taken),
                ]
                self._take(m, taken, ends, begin, step)
                with m.If(~self.loaded):
                    m.d.sync += self.error.eq(self.load_error)
            with m.State("IMAGE"):
                m.d.comb += may_take.eq(1)
                self._take(m, taken, ends, begin, step)
            with m.State("DROP"):
                m.d.comb += self.i_image.ready.eq(1)
                with m.If(self.i_image.valid & self.i_image.payload.last):
                    m.next = "IDLE"
            with m.State("START"):
                m.d.comb += [self.go.eq(1), begin.eq(1), result.eq(1)]
                m.next = "RUN"
            with m.State("RUN"):
                with m.If(self.fault != ErrorCode.NONE):
                    m.d.sync += self.error.eq(self.fault)
                    m.next = "HALT"
                with m.Elif(self.done):
                    m.next = "READ"
            with m.State("READ"):
                m.d.comb += self.features.valid.eq(1)
                with m.If(self.features.grant):
                    m.next = "SEND"
            with m.State("SEND"):
                # Between runs nobody else asks for the memory, so the word stands until it is taken.
                m.d.comb += [self.features.valid.eq(1), self.o_result.valid.eq(1)]
                with m.If(self.o_result.ready):
                    m.d.comb += [begin.eq(ends), step.eq(~ends)]
                    m.next = "READ"
                    with m.If(ends):
                        m.next = "IDLE"
            with m.State("HALT"):
                pass
        return m

    def _take(self, m: Module, taken: Signal, ends: Signal, begin: Signal, step: Signal) -> None:
        """An image word, if there is one: into memory, and on to the run, the next word or an error."""
        last = self.i_image.payload.last
        with m.If(taken):
            m.d.comb += [begin.eq(ends | last), step.eq(~(ends | last))]
            m.next = "IMAGE"
            with m.If(ends & last):
                m.d.sync += self.error.eq(ErrorCode.NONE)
                m.next = "START"
            with m.Elif(ends):
                m.d.sync += self.error.eq(ErrorCode.LONG_IMAGE)
                m.next = "DROP"
            with m.Elif(last):
                m.d.sync += self.error.eq(ErrorCode.SHORT_IMAGE)
                m.next = "IDLE"
