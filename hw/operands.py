"""The operands of the basis stage: terms wait for their sums, sums for the terms that use them again."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats, latency
from golden.spec.config import Config
from hw.drain import token_layout


class Operands(wiring.Component):
    """Keeps the sums of the group in hand, so that each is read from its engine once.

    Latency: `latency.OPERANDS` cycles for tokens and what comes with them.  Throughput: one term per cycle.

    Members
    -------
    token, read, part: In, from the drain.  term, bias, shift: In, one cycle after their token.
    sums: In, the sums that were read, `latency.SUM_READ` cycles after `read`.
    o_token: Out.  o_term, o_bias, o_shift, o_sums: Out, one cycle after their token.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        term, bias = signed(formats.ACTIVATION_BITS), signed(formats.BIAS_BITS)
        sums = config.lanes * config.accumulator_bits
        super().__init__(
            {
                "token": In(token_layout(config)),
                "read": In(1),
                "part": In(2),
                "term": In(term),
                "bias": In(bias),
                "shift": In(formats.SHIFT_BITS),
                "sums": In(sums),
                "o_token": Out(token_layout(config)),
                "o_term": Out(term),
                "o_bias": Out(bias),
                "o_shift": Out(formats.SHIFT_BITS),
                "o_sums": Out(sums),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()

        def delayed(source: Signal, cycles: int) -> Signal:
            for stage in range(cycles):
                later = Signal.like(source, name=f"{source.name}{stage + 1}")
                m.d.sync += later.eq(source)
                source = later
            return source

        m.submodules.kept = kept = memory.Memory(
            shape=self._config.lanes * self._config.accumulator_bits, depth=4, init=[]
        )
        write = kept.write_port()
        read = kept.read_port(domain="comb")
        part = delayed(self.part, latency.OPERANDS)
        m.d.comb += [
            write.addr.eq(part),
            write.data.eq(self.sums),
            write.en.eq(delayed(self.read, latency.OPERANDS)),
            read.addr.eq(delayed(part, 1)),
            self.o_sums.eq(read.data),
            self.o_token.eq(delayed(self.token.as_value(), latency.OPERANDS)),
            self.o_term.eq(delayed(self.term, latency.OPERANDS)),
            self.o_bias.eq(delayed(self.bias, latency.OPERANDS)),
            self.o_shift.eq(delayed(self.shift, latency.OPERANDS)),
        ]
        return m
