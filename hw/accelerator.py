"""The whole accelerator."""

from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import memories
from golden.spec.config import Config
from hw.control import Control
from hw.drain import Drain
from hw.engine import Engine
from hw.fetch import Fetch
from hw.layouts import frame_word
from hw.loader import Loader
from hw.memory import FeatureMemory
from hw.operands import Operands
from hw.output import OutputPipeline, write_signature
from hw.window import RowWindow


class Accelerator(wiring.Component):
    """Runs every layer of a Program without a host (docs/machine.md).

    Golden: `golden.machine.run_program`; cycles: `golden.timing`.

    Members
    -------
    i_program: In, words of a program image; taken between images.
    i_image: In, stream of `frame_word`, images; the last word of one starts a run.
    o_result: Out, likewise, the results.
    skip: In, do not spend cycles on coefficients whose input row is all zero; still during a run.
    error: Out, ErrorCode; docs/machine.md, section 7.
    loaded: Out, a program is in place.  busy: Out, a run is under way.
    cycles: Out, cycles of the last run, from its start to its last written word.
    trace: Out, every word that a layer writes into the feature memory, for observers.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "i_program": In(stream.Signature(32)),
                "i_image": In(stream.Signature(frame_word(config))),
                "o_result": Out(stream.Signature(frame_word(config))),
                "skip": In(1),
                "error": Out(4),
                "loaded": Out(1),
                "busy": Out(1),
                "cycles": Out(memories.CYCLE_BITS),
                "trace": Out(write_signature(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        m.submodules.loader = loader = Loader(config)
        m.submodules.control = control = Control(config)
        m.submodules.features = features = FeatureMemory(config)
        m.submodules.fetch = fetch = Fetch(config)
        m.submodules.window = window = RowWindow(config)
        m.submodules.drain = drain = Drain(config)
        m.submodules.operands = operands = Operands(config)
        m.submodules.output = output = OutputPipeline(config)
        engines = []
        for number in range(config.engines):
            m.submodules[f"engine{number}"] = engine = Engine(config, number)
            engines.append(engine)

        wiring.connect(m, wiring.flipped(self.i_program), loader.i)
        wiring.connect(m, wiring.flipped(self.i_image), control.i_image)
        wiring.connect(m, control.o_result, wiring.flipped(self.o_result))
        wiring.connect(m, fetch.push, window.push)
        loaded: list[Any] = [control, fetch, drain, *engines]
        started: list[Any] = [fetch, window, drain, *engines]
        for unit in loaded:
            m.d.comb += [
                unit.load.valid.eq(loader.load.valid),
                unit.load.memory.eq(loader.load.memory),
                unit.load.address.eq(loader.load.address),
                unit.load.data.eq(loader.load.data),
            ]
        for unit in started:
            m.d.comb += unit.start.eq(control.start)

        turns_done = Signal(memories.TURN_BITS)
        with m.If(output.turn_done):
            m.d.sync += turns_done.eq(turns_done + 1)
        with m.If(control.start):
            m.d.sync += turns_done.eq(0)

        bad = Signal(config.engines)
        for number, engine in enumerate(engines):
            m.d.comb += [
                engine.skip.eq(self.skip),
                engine.written.eq(window.written),
                *(place.eq(look) for place, look in zip(window.look[number], engine.look, strict=True)),
                *(found.eq(flags) for found, flags in zip(engine.flags, window.flags[number], strict=True)),
                window.place[number].eq(engine.place),
                engine.bytes.eq(window.row[number]),
                fetch.engine_row[number].eq(engine.row),
                engine.drain_read.eq(drain.read & (drain.engine == number)),
                engine.drain_bank.eq(drain.bank),
                engine.drain_slot.eq(drain.slot),
                drain.full[number].eq(engine.full),
                engine.release.eq(drain.release[number]),
                bad[number].eq(engine.bad),
            ]
        m.d.comb += [
            fetch.turns_done.eq(turns_done),
            features.word.eq(fetch.word),
            features.next_word.eq(fetch.next_word),
            features.rotation.eq(fetch.rotation),
            fetch.data.eq(features.data),
            operands.token.eq(drain.token),
            operands.read.eq(drain.read),
            operands.part.eq(drain.part),
            operands.term.eq(drain.term),
            operands.bias.eq(drain.bias),
            operands.shift.eq(drain.shift),
            # Engines that are not read give zero.
            operands.sums.eq(reduce(or_, (engine.sums for engine in engines))),
            output.token.eq(operands.o_token),
            output.layer.eq(drain.layer),
            output.term.eq(operands.o_term),
            output.bias.eq(operands.o_bias),
            output.shift.eq(operands.o_shift),
            output.sums.eq(operands.o_sums),
            output.residual_data.eq(features.b_read),
            control.data.eq(features.b_read),
            # A program whose front and back words do not agree on the jobs never ends: TIMEOUT.
            control.finished.eq(drain.finished & fetch.finished),
            control.illegal.eq(fetch.illegal | drain.illegal),
            control.bad.eq(bad.any()),
            control.load_error.eq(loader.error),
            control.loaded.eq(loader.loaded),
            control.program_waits.eq(self.i_program.valid),
            loader.enable.eq(control.idle),
            self.error.eq(control.error),
            self.loaded.eq(loader.loaded),
            self.busy.eq(control.busy),
            self.cycles.eq(control.cycles),
        ]

        # Port B of the feature memory: a layer's words, its residual, the image, the result.
        m.d.comb += [
            features.b_address.eq(control.address),
            features.b_write.eq(control.write_data),
            features.b_enable.eq(control.write.replicate(config.lanes)),
        ]
        with m.If(output.write.valid):
            m.d.comb += [
                features.b_address.eq(output.write.address),
                features.b_write.eq(output.write.data),
                features.b_enable.eq(output.write.enable),
            ]
        with m.Elif(output.residual_read):
            m.d.comb += features.b_address.eq(output.residual_address)
        for name in ("valid", "address", "enable", "data"):
            m.d.comb += getattr(self.trace, name).eq(getattr(output.write, name))
        return m
