"""The output pipeline: from terms and partial sums to words in the feature memory."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats, latency
from golden.spec.config import Config
from golden.spec.memories import Fold, back_record
from hw.interfaces import load_signature, read_signature, write_signature
from hw.parts.delay import delayed
from hw.parts.layouts import layout
from hw.parts.rounding import RoundShift
from hw.parts.shared import Shared
from hw.writeback.basis import BasisStage
from hw.writeback.layouts import ends_output
from hw.writeback.pool import Pool
from hw.writeback.residual import ResidualAdder
from hw.writeback.table import Table
from hw.writeback.terms import gate_signature, operands_signature


class OutputPipeline(wiring.Component):
    """Basis stage, requantiser, residual adder with ReLU, tables, pooling (docs/machine.md, section 5).

    Golden: `golden.machine`.  Latency: `latency.WRITE` cycles, `latency.POOLED_WRITE` with pooling.
    Throughput: one term per cycle.

    Members
    -------
    load: load bus (tables); only where the configuration has some.
    i: In, from the operands.
    layer: In, the drain's back word.
    residual: Out, reads of the residual's words.
    write: Out, to the feature memory.
    turn_done: Out, the last word of a turn is being written.
    gate: Out, lane 0 of a word that becomes a term, a cycle after its write; only where the configuration has
    gates.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                **({"load": In(load_signature(config))} if config.tables else {}),
                "i": In(operands_signature(config)),
                "layer": In(layout(back_record(config))),
                "residual": Out(read_signature(config)),
                "write": Out(write_signature(config)),
                "turn_done": Out(1),
                **({"gate": Out(gate_signature(config))} if config.gates else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        now = self.layer
        tokens = delayed(m, self.i.token, latency.POOLED_WRITE, "token")

        m.submodules.basis = stage = BasisStage(config)
        m.d.comb += [
            stage.sums.eq(self.i.sums),
            stage.term.eq(self.i.term),
            stage.slice.eq(tokens[0].slice),
            *([stage.column.eq(tokens[0].column), stage.row_width.eq(now.row_width)] if config.bases else []),
            stage.valid.eq(tokens[1].valid),
            *([stage.first.eq(tokens[1].first)] if config.several_terms else []),
            stage.bias.eq(self.i.bias),
        ]
        if config.largest:
            m.d.sync += stage.largest.eq(now.fold == Fold.LARGEST)
        shift = delayed(m, self.i.shift, latency.BASIS, "shift")[-1]

        m.submodules.adder = adder = ResidualAdder(config.basis)
        for i in range(config.basis):
            unit = RoundShift(formats.OUTPUT_BITS, formats.SHIFT_BITS)
            m.submodules[f"requantise{i}"] = Shared(unit)
            m.d.comb += [
                unit.i.eq(stage.o.word_select(i, formats.OUTPUT_BITS)),
                unit.shift.eq(shift),
                adder.i.word_select(i, 8).eq(unit.o),
            ]
        # What depends on the layer alone stands in registers: it is still from before the first token.
        to_residual = Signal.like(now.residual_address)
        last_tile = Signal.like(now.tiles)
        pooling = Signal()
        asked, arriving = (tokens[latency.RESIDUAL_ADDRESS + place] for place in (-1, latency.MEMORY))
        residual_data = Signal(config.basis * 8)
        m.d.sync += [
            to_residual.eq(now.residual_address - now.output_address),
            last_tile.eq(now.tiles - 1),
            pooling.eq(now.pool),
            self.residual.address.eq(asked.address + to_residual),
            self.residual.valid.eq(asked.valid & ends_output(config, asked) & now.residual),
            residual_data.eq(self.residual.data.word_select(arriving.slice, config.basis * 8)),
        ]
        m.d.comb += [
            adder.residual.eq(residual_data),
            adder.enable.eq(now.residual),
            adder.align.eq(now.align_result),
            adder.align_residual.eq(now.align_residual),
            adder.shift.eq(now.residual_shift),
            adder.relu.eq(now.relu),
        ]

        # Lanes beyond the end of a plane become zero.
        ending = tokens[latency.WRITE - 2]
        first_lane = Signal(range(config.lanes + 1))
        m.d.comb += first_lane.eq(ending.slice * config.basis)
        for i in range(config.basis):
            m.d.sync += adder.zero[i].eq(ending.tail & (first_lane + i >= now.last_lanes))

        activated = adder.o
        if config.tables:
            m.submodules.table = table = Table(config)
            wiring.connect(m, wiring.flipped(self.load), table.load)
            m.d.comb += [
                table.early.eq(adder.early),
                table.zero.eq(adder.zero),
                table.i.eq(adder.o),
                table.number.eq(now.table),
            ]
            activated = table.o

        m.submodules.pool = pool_unit = Pool(config)
        done = tokens[latency.WRITE]
        m.d.comb += [
            pool_unit.i.eq(activated),
            pool_unit.valid.eq(done.valid & ends_output(config, done) & pooling),
            pool_unit.index.eq(done.pool_index),
            pool_unit.first.eq(done.pool_first),
            pool_unit.shift.eq(now.pool_shift),
        ]
        # All of a write but its data is told by a token a cycle before.
        slices = config.lanes // config.basis
        with m.If(pooling):
            writing = tokens[latency.POOLED_WRITE - 1]
            m.d.sync += [
                self.write.valid.eq(writing.valid & ends_output(config, writing) & writing.pool_last),
                # The token of the last tile; the pooled word is the channel's first.
                self.write.address.eq(writing.address - last_tile),
                self.write.enable.eq(Const(-1, config.lanes)),
                self.turn_done.eq(writing.turn_end),
            ]
        with m.Else():
            writing = tokens[latency.WRITE - 1]
            m.d.sync += [
                self.write.valid.eq(writing.valid & ends_output(config, writing)),
                self.write.address.eq(writing.address),
                self.write.enable.eq(
                    Cat((writing.slice == number).replicate(config.basis) for number in range(slices))
                ),
                self.turn_done.eq(writing.turn_end),
            ]
        if config.gates:
            m.d.sync += [
                self.gate.valid.eq(self.write.valid & self.write.enable[0] & now.gate),
                self.gate.address.eq(self.write.address + now.gate_offset),
                self.gate.value.eq(self.write.data[: formats.ACTIVATION_BITS].as_signed()),
            ]
        m.d.comb += self.write.data.eq(Mux(pooling, pool_unit.o.as_unsigned(), activated.replicate(slices)))
        return m
