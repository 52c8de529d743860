"""The whole accelerator."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import memories
from golden.spec.config import Config
from hw.core.control import Control
from hw.core.loader import Loader
from hw.engine.engine import Engine
from hw.fetch.fetch import Fetch
from hw.fetch.window import RowWindow
from hw.interfaces import frame_word, write_signature
from hw.parts.memory import FeatureMemory
from hw.writeback.drain import Drain
from hw.writeback.operands import Operands
from hw.writeback.output import OutputPipeline


class Accelerator(wiring.Component):
    """Runs every layer of a Program without a host (docs/machine.md).

    Golden: `golden.machine.run_program`; cycles: `golden.cycles`.

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

        for number, engine in enumerate(engines):
            wiring.connect(m, engine.ahead, window.ahead[number])
            wiring.connect(m, engine.rows, window.rows[number])
            wiring.connect(m, drain.engines[number], engine.sums)
            m.d.comb += [engine.skip.eq(self.skip), fetch.engine_row[number].eq(engine.row)]
        wiring.connect(m, fetch.features, features.rows)
        wiring.connect(m, drain.terms, operands.i)
        wiring.connect(m, operands.o, output.i)
        m.d.comb += [
            fetch.turns_done.eq(turns_done),
            operands.read.eq(drain.read),
            operands.part.eq(drain.part),
            operands.sums.eq(drain.sums),
            output.sums.eq(operands.o_sums),
            output.layer.eq(drain.layer),
            output.residual.data.eq(features.b_read),
            control.data.eq(features.b_read),
            # A program whose front and back words do not agree on the jobs never ends: TIMEOUT.
            control.finished.eq(drain.finished & fetch.finished),
            control.illegal.eq(fetch.illegal | drain.illegal),
            control.bad.eq(Cat(engine.bad for engine in engines).any()),
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
        with m.Elif(output.residual.valid):
            m.d.comb += features.b_address.eq(output.residual.address)
        for name in ("valid", "address", "enable", "data"):
            m.d.comb += getattr(self.trace, name).eq(getattr(output.write, name))
        return m
