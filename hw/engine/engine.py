"""An engine: one stream and its lanes."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import Config
from hw.engine.accumulators import Accumulators
from hw.engine.datapath import datapath
from hw.interfaces import bytes_signature, flags_signature, load_signature, row_bits, sums_signature


class Engine(wiring.Component):
    """Turns rows and coefficients into partial sums (docs/machine.md, sections 2 to 4).

    Golden: `golden.machine`.  Latency: a job's sums stand `latency.SUMS_STAND` cycles
    after its END entry.  Throughput: one live coefficient, or one sum that the drain reads,
    per cycle in `lanes` lanes.

    Members
    -------
    load: load bus.  start: In, begin with the first job.  skip: In, see `stream_signature`.
    ahead, rows: to the row window.  row: Out, the oldest row that may still be read.
    sums: from the drain.  bad: Out, the stream and the rows do not fit together.
    """

    def __init__(self, config: Config, engine: int) -> None:
        self._config = config
        self._engine = engine
        super().__init__(
            {
                "load": In(load_signature(config)),
                "start": In(1),
                "skip": In(1),
                "ahead": Out(flags_signature(config)),
                "rows": Out(bytes_signature(config)),
                "row": Out(row_bits(config)),
                "sums": In(sums_signature(config)),
                "bad": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.stream = stream = datapath(self._config).stream(self._config, self._engine)
        m.submodules.accumulators = accumulators = Accumulators(self._config)
        wiring.connect(m, wiring.flipped(self.load), stream.load)
        wiring.connect(m, stream.ahead, wiring.flipped(self.ahead))
        wiring.connect(m, stream.steps, accumulators.steps)
        wiring.connect(m, accumulators.rows, wiring.flipped(self.rows))
        wiring.connect(m, wiring.flipped(self.sums), accumulators.sums)
        m.d.comb += [
            stream.start.eq(self.start),
            stream.skip.eq(self.skip),
            accumulators.start.eq(self.start),
            self.row.eq(stream.row),
            self.bad.eq(stream.bad),
        ]
        return m
