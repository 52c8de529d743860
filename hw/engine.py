"""An engine: one stream and its lanes."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import Arithmetic, Config
from golden.spec.memories import log2
from hw.accumulators import Accumulators
from hw.memory import load_signature
from hw.rebuilt import RebuildStream
from hw.stream import CoefficientStream
from hw.weights import WeightStream
from hw.window import FLAGS, row_bits


def _stream(config: Config, engine: int) -> CoefficientStream | WeightStream | RebuildStream:
    """The stream of the configuration's arithmetic; all have the same members."""
    if config.arithmetic == Arithmetic.SHIFT_ADD:
        return CoefficientStream(config, engine)
    if config.arithmetic == Arithmetic.REBUILD:
        return RebuildStream(config, engine)
    return WeightStream(config, engine)


class Engine(wiring.Component):
    """Turns rows and coefficients into partial sums (docs/machine.md, sections 2 to 4).

    Golden: `golden.machine`.  Latency: a job's sums stand `latency.SUMS_STAND` cycles
    after its END entry.  Throughput: one live coefficient, or weight, or one sum that the drain reads,
    per cycle in `lanes` lanes.

    Members: those of `CoefficientStream` and `Accumulators` that lead outside.
    """

    def __init__(self, config: Config, engine: int) -> None:
        self._config = config
        self._engine = engine
        super().__init__(
            {
                "load": In(load_signature(config)),
                "start": In(1),
                "skip": In(1),
                "written": In(row_bits(config)),
                "look": Out(log2(config.window)).array(2),
                "flags": In(FLAGS).array(2),
                "row": Out(row_bits(config)),
                "place": Out(log2(config.window)),
                "bytes": In(config.lanes * 8),
                "full": Out(2),
                "release": In(2),
                "drain_read": In(1),
                "drain_bank": In(1),
                "drain_slot": In(log2(config.accumulators)),
                "sums": Out(config.lanes * config.accumulator_bits),
                "bad": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.stream = stream = _stream(self._config, self._engine)
        m.submodules.accumulators = accumulators = Accumulators(self._config)
        wiring.connect(m, wiring.flipped(self.load), stream.load)
        m.d.comb += [
            stream.start.eq(self.start),
            stream.skip.eq(self.skip),
            stream.written.eq(self.written),
            *(look.eq(wanted) for look, wanted in zip(self.look, stream.look, strict=True)),
            *(found.eq(flags) for found, flags in zip(stream.flags, self.flags, strict=True)),
            stream.busy.eq(accumulators.busy),
            stream.hold.eq(accumulators.hold),
            self.row.eq(stream.row),
            self.bad.eq(stream.bad),
            accumulators.start.eq(self.start),
            accumulators.step.eq(stream.step),
            accumulators.step_valid.eq(stream.step_valid),
            accumulators.end.eq(stream.end),
            accumulators.end_bank.eq(stream.end_bank),
            accumulators.row.eq(self.bytes),
            accumulators.release.eq(self.release),
            accumulators.drain_read.eq(self.drain_read),
            accumulators.drain_bank.eq(self.drain_bank),
            accumulators.drain_slot.eq(self.drain_slot),
            self.place.eq(accumulators.place),
            self.full.eq(accumulators.full),
            self.sums.eq(accumulators.sums),
        ]
        if isinstance(stream, RebuildStream):
            m.d.comb += accumulators.column.eq(stream.column)
        return m
