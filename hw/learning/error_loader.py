"""Between drain and engines: the drain's way to a job's sums is, in a gradient pass, that of its errors."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec import latency
from golden.spec.config import Config
from hw.interfaces import errors_signature, read_signature, sums_signature
from hw.learning.term_rounder import TermRounder
from hw.learning.word_random import WordRandom, slice_bits
from hw.parts.delay import delayed
from hw.parts.lfsr import seed_bits
from hw.writeback.terms import source_layout, token_layout


class ErrorLoader(wiring.Component):
    """In a gradient pass a turn of the drain brings error codes to an engine instead of taking its sums.

    Each token of the drain has the address of a word of errors and the slot that they belong to. A word is
    read with its first slice; its lanes become powers of two, `basis` with each token. The turn's end reaches
    the engine behind the last of them; until then its bank does not look full to the drain.

    Golden: `golden.learning.rounding.powers`.  Latency: none in other passes; `latency.ERROR_CODES` cycles
    from token to codes.  Throughput: a slice of a word in a cycle.

    Members
    -------
    gradient: In, it is a gradient pass; still during a pass.
    token, source: In, from the drain.  read: Out, words of errors.
    drain: In, per engine, from the drain.  engines: Out, likewise, to the engines.
    errors: Out, per engine.
    load, word: In, a new state for the generator of random bits (`hw.parts.lfsr`).
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "gradient": In(1),
                "token": In(token_layout(config)),
                "source": In(source_layout(config)),
                "read": Out(read_signature(config)),
                "drain": In(sums_signature(config)).array(config.engines),
                "engines": Out(sums_signature(config)).array(config.engines),
                "errors": Out(errors_signature(config)).array(config.engines),
                "load": In(1),
                "word": In(seed_bits(slice_bits(config))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        token = Signal(token_layout(config))
        m.d.comb += [token.eq(self.token), token.valid.eq(self.token.valid & self.gradient)]
        tokens = delayed(m, token, latency.ERROR_CODES, "token")
        late = tokens[latency.ERROR_WORD]
        word = Signal(config.lanes * 8)
        m.d.comb += [
            self.read.valid.eq(tokens[1].valid & (tokens[1].slice == 0)),
            self.read.address.eq(tokens[1].address),
        ]
        asked = Signal()
        m.d.sync += asked.eq(self.read.valid)
        with m.If(asked):
            m.d.sync += word.eq(self.read.data)

        m.submodules.random = random = WordRandom(config)
        m.submodules.rounder = rounder = TermRounder(config.basis)
        part = config.basis * 8
        m.d.comb += [
            random.load.eq(self.load),
            random.word.eq(self.word),
            random.draw.eq(late.valid),
            rounder.errors.eq(word.word_select(late.slice, part)),
            rounder.random.eq(random.bytes),
        ]
        source = delayed(m, self.source, latency.ERROR_CODES, "source")[-1]
        for number, (drain, engine, errors) in enumerate(
            zip(self.drain, self.engines, self.errors, strict=True)
        ):
            own, late_own = Signal(2, name=f"own{number}"), Signal(2, name=f"later{number}")
            m.d.comb += [
                late_own.eq(drain.release & self.gradient.replicate(2)),
                own.eq(drain.release & ~self.gradient.replicate(2)),
            ]
            coming = delayed(m, late_own, latency.ERROR_CODES + 1, f"release{number}")
            held = Cat(Cat(stage[bank] for stage in coming[1:]).any() for bank in range(2))
            m.d.comb += [
                drain.full.eq(engine.full & ~held),
                drain.sums.eq(engine.sums),
                engine.read.eq(drain.read & ~self.gradient),
                engine.bank.eq(drain.bank),
                engine.slot.eq(drain.slot),
                engine.release.eq(coming[-1] | own),
                errors.valid.eq(tokens[-1].valid & (source.engine == number)),
                errors.bank.eq(source.bank),
                errors.slot.eq(source.slot),
                errors.slice.eq(tokens[-1].slice),
                errors.codes.eq(rounder.codes),
            ]
        return m
