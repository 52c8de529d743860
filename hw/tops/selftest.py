"""A self-test without a host: the accelerator, a program, images and the right results in ROM."""

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import Out

from golden.spec.config import Config
from hw.core.accelerator import Accelerator

SETTLE = 16
"""Cycles after the start of the clock before anything happens: not all flip-flops of an FPGA may start
in the same cycle."""


@dataclass(frozen=True)
class Contents:
    """What lies in the ROMs of a self-test.

    Parameters
    ----------
    program: words of a program image, 32 bits each.
    images: words of every image, one after the other, `lanes` bytes each; the same number for each.
    results: words of every image's result, likewise.
    enables: for each word of one result, a bit for each lane: this byte counts.
    """

    program: Sequence[int]
    images: Sequence[int]
    results: Sequence[int]
    enables: Sequence[int]


class SelfTest(wiring.Component):
    """Loads the program, runs every image, compares every byte of the results; ends in pass or fail.

    A difference, an error of the accelerator (a run that takes too long is one), or a result that
    does not end where it should, by its mark or by its words, makes it fail at once.

    Throughput: two cycles for each word that goes in or out, beside the accelerator's own.

    Members: passed, failed: Out, one of them is set at the end and stays.  busy: Out, neither is yet.
    """

    passed: Signal
    failed: Signal
    busy: Signal

    def __init__(self, config: Config, contents: Contents) -> None:
        self._config = config
        self._contents = contents
        super().__init__({"passed": Out(1), "failed": Out(1), "busy": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, contents = self._config, self._contents
        m.submodules.accelerator = accelerator = Accelerator(config)
        word = config.lanes * 8
        count = len(contents.results) // len(contents.enables)
        image_words = len(contents.images) // count
        m.submodules.program = program = _Rom(32, contents.program)
        m.submodules.images = images = _Rom(word, contents.images)
        m.submodules.results = results = _Rom(word, contents.results)
        m.submodules.enables = enables = _Rom(config.lanes, contents.enables)

        left = Signal(range(max(image_words, SETTLE) + 1))
        source, sink = accelerator.i_image, accelerator.o_result
        wrong = Signal(config.lanes)
        m.d.comb += [
            accelerator.i_program.payload.eq(program.word),
            source.payload.data.eq(images.word),
            source.payload.last.eq(left == 1),
            accelerator.skip.eq(1),
            self.busy.eq(~self.passed & ~self.failed),
            wrong.eq(
                Cat(
                    (sink.payload.data.word_select(lane, 8) != results.word.word_select(lane, 8))
                    & enables.word[lane]
                    for lane in range(config.lanes)
                )
            ),
        ]
        with m.FSM():
            with m.State("SETTLE"):
                m.d.sync += left.eq(left + 1)
                with m.If(left == SETTLE):
                    m.next = "READ PROGRAM"
            with m.State("READ PROGRAM"):
                m.next = "PROGRAM"
            with m.State("PROGRAM"):
                m.d.comb += accelerator.i_program.valid.eq(1)
                with m.If(accelerator.i_program.ready):
                    m.d.comb += program.next.eq(1)
                    m.next = "READ PROGRAM"
                    with m.If(program.last):
                        m.next = "ACCEPT"
            with m.State("ACCEPT"):
                m.d.sync += left.eq(image_words)
                with m.If(accelerator.loaded):
                    m.next = "READ IMAGE"
            with m.State("READ IMAGE"):
                m.next = "IMAGE"
            with m.State("IMAGE"):
                m.d.comb += source.valid.eq(1)
                with m.If(source.ready):
                    m.d.comb += images.next.eq(1)
                    m.d.sync += left.eq(left - 1)
                    m.next = "READ IMAGE"
                    with m.If(left == 1):
                        m.next = "READ RESULT"
            with m.State("READ RESULT"):
                m.next = "RESULT"
            with m.State("RESULT"):
                m.d.comb += sink.ready.eq(1)
                with m.If(sink.valid):
                    m.d.comb += [results.next.eq(1), enables.next.eq(1)]
                    m.next = "READ RESULT"
                    with m.If(wrong.any() | (sink.payload.last != enables.last)):
                        m.d.sync += self.failed.eq(1)
                        m.next = "END"
                    with m.Elif(enables.last):
                        m.d.sync += left.eq(Mux(results.last, 0, image_words))
                        m.next = "REST"
            with m.State("REST"):
                # Another word would be there two cycles after the last one.
                m.next = "REST OVER"
            with m.State("REST OVER"):
                m.next = "READ IMAGE"
                with m.If(sink.valid):
                    m.d.sync += self.failed.eq(1)
                    m.next = "END"
                with m.Elif(left == 0):
                    m.d.sync += self.passed.eq(1)
                    m.next = "END"
            with m.State("END"):
                pass
        with m.If((accelerator.error != 0) & self.busy):
            m.d.sync += [self.failed.eq(1), self.passed.eq(0)]
        return m


class _Rom(wiring.Component):
    """Words one after the other, and from the first one again; `word` is that of a cycle ago.

    next: In, go on.  last: Out, this is the last word.
    """

    word: Signal
    next: Signal
    last: Signal

    def __init__(self, bits: int, words: Sequence[int]) -> None:
        self._words = list(words)
        super().__init__({"word": Out(bits), "next": wiring.In(1), "last": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape = len(self.word)
        m.submodules.rom = rom = memory.Memory(shape=shape, depth=len(self._words), init=self._words)
        read = rom.read_port()
        place = Signal(range(len(self._words)))
        m.d.comb += [
            self.last.eq(place == len(self._words) - 1),
            read.addr.eq(place),
            self.word.eq(read.data),
        ]
        with m.If(self.next):
            m.d.sync += place.eq(Mux(self.last, 0, place + 1))
        return m
