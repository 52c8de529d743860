"""The whole accelerator."""

from typing import Any

from amaranth.hdl import Cat, Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import memories
from golden.spec.config import Config
from golden.spec.errors import ERROR_BITS
from hw.core.array import add_array
from hw.core.host_port import HostPort
from hw.core.loader import Loader
from hw.core.port_arbiter import PortArbiter
from hw.core.sequencer import Sequencer
from hw.engine.engine import Engine
from hw.interfaces import frame_word, write_signature
from hw.parts.fan_out import fan_out
from hw.parts.memory import FeatureMemory
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
                "error": Out(ERROR_BITS),
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
        m.submodules.host = host = HostPort(config)
        m.submodules.sequencer = sequencer = Sequencer(config)
        m.submodules.arbiter = arbiter = PortArbiter(config)
        m.submodules.features = features = FeatureMemory(config)
        array = add_array(m, config, Engine)
        fetch, drain, engines = array.fetch, array.drain, array.engines
        m.submodules.output = output = OutputPipeline(config)

        # The host's streams.
        wiring.connect(m, wiring.flipped(self.i_program), loader.i)
        wiring.connect(m, wiring.flipped(self.i_image), host.i_image)
        wiring.connect(m, host.o_result, wiring.flipped(self.o_result))
        # Program words to their memories; rows; sums; words.
        loaded: list[Any] = [host, sequencer, *([output] if config.tables else [])]
        fan_out(m, loader.load, [unit.load for unit in loaded])
        array.connect_load(m, loader.load)
        wiring.connect(m, fetch.features, features.rows)
        for number, engine in enumerate(engines):
            wiring.connect(m, drain.engines[number], engine.sums)
            m.d.comb += engine.skip.eq(self.skip)
        wiring.connect(m, array.operands.o, output.i)
        fan_out(m, output.write, [arbiter.write, wiring.flipped(self.trace)])
        if config.gates:
            wiring.connect(m, output.gate, drain.gate)
        wiring.connect(m, output.residual, arbiter.residual)
        wiring.connect(m, host.features, arbiter.host)
        wiring.connect(m, arbiter.port, features.port)

        m.d.comb += [
            *(unit.start.eq(sequencer.start) for unit in array.units),
            sequencer.go.eq(host.go),
            sequencer.turn_done.eq(output.turn_done),
            fetch.turns_done.eq(sequencer.turns_done),
            output.layer.eq(drain.layer),
            # A program whose front and back words do not agree on the jobs never ends: TIMEOUT.
            sequencer.finished.eq(drain.finished & fetch.finished),
            sequencer.illegal.eq(fetch.illegal | drain.illegal),
            sequencer.bad.eq(Cat(engine.bad for engine in engines).any()),
            host.done.eq(sequencer.done),
            host.fault.eq(sequencer.fault),
            host.loaded.eq(loader.loaded),
            host.load_error.eq(loader.error),
            host.program_waits.eq(self.i_program.valid),
            loader.enable.eq(host.idle),
            self.error.eq(host.error),
            self.loaded.eq(loader.loaded),
            self.busy.eq(sequencer.busy),
            self.cycles.eq(sequencer.cycles),
        ]
        return m
