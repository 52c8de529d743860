"""The drain: takes finished jobs in order and issues their basis terms."""

from dataclasses import dataclass
from functools import reduce
from operator import or_

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats, latency, legality
from golden.spec.config import Config
from golden.spec.memories import Memory, Operation, back_record, filter_record, log2
from hw.interfaces import load_signature, sums_signature
from hw.parts.layouts import layout
from hw.parts.memory import LoadedMemory
from hw.writeback.layouts import ends_output
from hw.writeback.terms import gate_signature, reads_signature, source_layout, terms_signature
from hw.writeback.walk import Walk


@dataclass(frozen=True)
class DrainProbe:
    """What a proof watches of a drain; there once it is elaborated.

    Parameters
    ----------
    draining: a layer is drained.  walk: with its own probe.
    """

    draining: Value
    walk: Walk


class Drain(wiring.Component):
    """Reads instructions, issues the steps of the walk as soon as their sums stand (docs/machine.md, 2, 3).

    Golden: `golden.machine`.  Throughput: one term per cycle while jobs are finished; one cycle for
    an engine without filters; `latency.FLUSH` + 4 cycles between layers.  With a residual, an output does
    not end `latency.RESIDUAL_GAP` (pooling: `latency.POOLED_RESIDUAL_GAP`) cycles after another, since
    both would use the same memory port.

    Members
    -------
    load: load bus (back words, terms, filter words).
    start: In, begin with instruction `entry`.
    spaced, addend: In, terms are issued every `latency.slow_terms` cycles at most, of a pass with an addend
    or without; still during a layer.
    engines: per engine, its sums.
    terms, reads: Out, to the operands.  source: Out, where the sums of the token of this cycle are.
    layer: Out, the back word of the layer in hand; stands still until its words are in memory.
    finished: Out, END was reached.  illegal: Out, an instruction is illegal.
    gate: In, a value that becomes a term, while the loader is idle; only where the configuration has gates.
    """

    probe: DrainProbe

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "load": In(load_signature(config)),
                "start": In(1),
                "entry": In(log2(config.instructions)),
                "spaced": In(1),
                "addend": In(1),
                "engines": Out(sums_signature(config)).array(config.engines),
                "terms": Out(terms_signature(config)),
                "source": Out(source_layout(config)),
                "reads": Out(reads_signature(config)),
                "layer": Out(layout(back_record(config))),
                "finished": Out(1),
                "illegal": Out(1),
                **({"gate": In(gate_signature(config))} if config.gates else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        back = layout(back_record(config))
        m.submodules.instructions = instructions = LoadedMemory(config, Memory.BACK, back)
        m.submodules.terms = terms = LoadedMemory(
            config, Memory.TERM, data.StructLayout({"value": signed(formats.ACTIVATION_BITS)})
        )
        m.submodules.filters = filters = LoadedMemory(config, Memory.FILTER, layout(filter_record()))
        for memory in (instructions, filters):
            wiring.connect(m, wiring.flipped(self.load), memory.load)
        if config.gates:
            m.d.comb += [
                terms.load.valid.eq(self.load.valid | self.gate.valid),
                terms.load.memory.eq(Mux(self.gate.valid, Memory.TERM, self.load.memory)),
                terms.load.address.eq(Mux(self.gate.valid, self.gate.address, self.load.address)),
                terms.load.data.eq(Mux(self.gate.valid, self.gate.value.as_unsigned(), self.load.data)),
            ]
        else:
            wiring.connect(m, wiring.flipped(self.load), terms.load)

        now, token = self.layer, self.terms.token
        counter = Signal(log2(config.instructions))
        m.submodules.walk = walk = Walk(config)
        step = walk.step
        ready = Signal()
        meets = Signal()
        issue = Signal()
        draining = Signal()
        ended = Signal(latency.POOLED_RESIDUAL_GAP - 1)
        near = Signal()
        m.d.comb += [
            issue.eq(
                draining
                & ready
                & (step.empty | ~((ends_output(config, step) & meets) | (self.spaced & near)))
            ),
            walk.layer.eq(now),
            walk.start.eq(self.start),
            instructions.address.eq(counter),
            terms.address.eq(step.term),
            filters.address.eq(step.filter),
            self.terms.term.eq(terms.data.value),
            self.terms.bias.eq(filters.data.bias),
            self.terms.shift.eq(filters.data.shift),
            self.reads.part.eq(step.part),
            *(self.source[name].eq(step[name]) for name in self.source.shape().members),
            self.reads.read.eq(token.valid & step.read),
            # Engines that are not read give zero.
            self.reads.sums.eq(reduce(or_, (engine.sums for engine in self.engines))),
        ]
        # Of the step that is shown in the next cycle: issue decides which one that is, so it must come early.
        full = Array(engine.full for engine in self.engines)
        m.d.sync += ready.eq(
            Mux(
                walk.advance,
                full[walk.next_engine].bit_select(walk.next_bank, 1),
                full[step.engine].bit_select(step.bank, 1),
            )
        )
        m.d.sync += [
            ended.eq(Cat(token.valid & ends_output(config, token), ended)),
            # Of the next cycle: the residual of an output that ends then is read when another one is written.
            meets.eq(
                now.residual
                & Mux(now.pool, ended[latency.POOLED_RESIDUAL_GAP - 2], ended[latency.RESIDUAL_GAP - 2])
            ),
        ]
        slices = config.lanes // config.basis
        apart = [ended[: latency.slow_terms(slices, bool(addend)) - 1].any() for addend in range(2)]
        m.d.comb += near.eq(Mux(self.addend, apart[1], apart[0]))
        for name in token.shape().members:
            if name not in ("valid", "turn_end"):
                m.d.comb += token[name].eq(step[name])
        m.d.comb += [
            token.valid.eq(issue & ~step.empty),
            token.turn_end.eq(issue & step.turn_end),
        ]
        for number, engine in enumerate(self.engines):
            mine = step.engine == number
            m.d.comb += [
                engine.read.eq(self.reads.read & mine),
                engine.bank.eq(step.bank),
                engine.slot.eq(step.slot),
                engine.release.eq(Cat(token.turn_end & mine & (step.bank == bank) for bank in range(2))),
            ]

        flush = Signal(range(latency.FLUSH + 1))
        # What an instruction is takes a cycle to tell, rule by rule.
        ends, holds = Signal(), Signal(len(legality.BACK))
        m.d.sync += [
            ends.eq(now.operation == Operation.END),
            holds.eq(Cat(rule.holds(now, config) for rule in legality.BACK)),
        ]
        with m.FSM() as machine:
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += counter.eq(self.entry)
                m.next = "READ"
            with m.State("READ"):
                m.next = "DECODE"
            with m.State("DECODE"):
                m.d.sync += [now.eq(instructions.data), counter.eq(counter + 1)]
                m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.comb += walk.begin.eq(1)
                m.next = "FIRST"
            with m.State("FIRST"):
                m.d.comb += walk.advance.eq(1)
                with m.If(ends):
                    m.next = "FINISHED"
                with m.Elif(holds.all()):
                    m.next = "DRAIN"
                with m.Else():
                    m.next = "ILLEGAL"
            with m.State("DRAIN"):
                m.d.comb += [draining.eq(1), walk.advance.eq(issue & ~step.layer_end)]
                with m.If(issue & step.layer_end):
                    m.d.sync += flush.eq(latency.FLUSH)
                    m.next = "FLUSH"
            with m.State("FLUSH"):
                m.d.sync += flush.eq(flush - 1)
                with m.If(flush == 1):
                    m.next = "DECODE"
            with m.State("FINISHED"):
                m.d.comb += self.finished.eq(1)
                with m.If(self.start):
                    m.d.sync += counter.eq(self.entry)
                    m.next = "READ"
            with m.State("ILLEGAL"):
                m.d.comb += self.illegal.eq(1)
        self.probe = DrainProbe(machine.ongoing("DRAIN"), walk)
        return m
