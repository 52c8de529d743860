"""Between drain and engines: the drain's way to a job's sums is, in a gradient pass, that of its errors."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats, latency
from golden.spec.config import Config
from hw.interfaces import errors_signature, sums_signature
from hw.parts.delay import delayed
from hw.writeback.basis import slice_bits
from hw.writeback.terms import source_layout


class ErrorLoader(wiring.Component):
    """In a gradient pass a turn of the drain brings error codes to an engine instead of taking its sums.

    A token of the drain says where the codes go that come `latency.ERROR_CODES` cycles later, `basis` lanes
    with each. The turn's end reaches the engine behind the last of them; until then its bank does not look
    full to the drain.

    Latency: none in other passes.  Throughput: a slice of a word in a cycle.

    Members
    -------
    gradient: In, it is a gradient pass; still during a pass.
    valid, source, slice: In, the drain's token.
    drain: In, per engine, from the drain.  engines: Out, likewise, to the engines.
    codes: In, of the token that long ago.  errors: Out, per engine.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "gradient": In(1),
                "valid": In(1),
                "source": In(source_layout(config)),
                "slice": In(slice_bits(config)),
                "drain": In(sums_signature(config)).array(config.engines),
                "engines": Out(sums_signature(config)).array(config.engines),
                "codes": In(config.basis * formats.CODE_BITS),
                "errors": Out(errors_signature(config)).array(config.engines),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        wait = latency.ERROR_CODES
        source = delayed(m, self.source, wait, "source")[-1]
        slice_ = delayed(m, self.slice, wait, "slice")[-1]
        valid = delayed(m, self.valid & self.gradient, wait, "valid")[-1]
        for number, (drain, engine, errors) in enumerate(
            zip(self.drain, self.engines, self.errors, strict=True)
        ):
            own, late = Signal(2, name=f"own{number}"), Signal(2, name=f"late{number}")
            m.d.comb += [
                late.eq(drain.release & self.gradient.replicate(2)),
                own.eq(drain.release & ~self.gradient.replicate(2)),
            ]
            coming = delayed(m, late, wait, f"late{number}_")
            held = Cat(Cat(stage[bank] for stage in coming[1:]).any() for bank in range(2))
            m.d.comb += [
                drain.full.eq(engine.full & ~held),
                drain.sums.eq(engine.sums),
                engine.read.eq(drain.read & ~self.gradient),
                engine.bank.eq(drain.bank),
                engine.slot.eq(drain.slot),
                engine.release.eq(coming[-1] | own),
                errors.valid.eq(valid & (source.engine == number)),
                errors.bank.eq(source.bank),
                errors.slot.eq(source.slot),
                errors.slice.eq(slice_),
                errors.codes.eq(self.codes),
            ]
        return m
