"""The controller's multiplier, and the sum that it adds to."""

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import Config
from golden.spec.controller import DOT_BITS, FACTOR_BITS, PACKED, WORD_BITS, data_bits
from hw.learning.feature_buffer import word_sum_bits
from hw.learning.softmax_unit import STEPS_SHIFT


class DotUnit(wiring.Component):
    """Products of two words, or the sum of those of two rows of the data memory, or of bytes; or a copy of a
    row.

    Golden: `golden.machine.controller`.  Latency and throughput: a product is in `total` in the third cycle
    after `multiply`. A sum of products: `latency.DOT_FIRST` cycles from `start` to `final`, and one a
    product, as far as `grant` lets it; none takes one cycle.

    Members
    -------
    multiply: In, a · b, of FACTOR_BITS.
    strides: In, `third`, `a` and `b` are count and steps of the sums to come.  clear: In, they become 0.
    start: In, a sum begins at `third`, with the words at the addresses `a` and `b`.
    copies: In, stands still: the row of `a` is written instead, one behind `b`; it takes as long.  put: Out,
        the second address gets the first word.  holds: Out, that word stays.
    half: In, with `multiply`: half a step of a distance, less one, is added.
    packed: In, words of these products are packed; their sums begin with `begin`, from when on `total` is
        another's; the first product comes three cycles behind `start` at the earliest.
    again: In, with `start`: the words of `b` are those behind the last ones.
    begin: In, a sum begins at 0.  bytes: In, it goes on, by `byte`, the sum of some, in every
        cycle.
    third, a, b: In, words.
    asks: Out, `addresses` are read.  addresses: Out.  grant: In, in the same cycle.  words: In, a cycle after
    it. total: Out.  final: Out, it is the sum of all products.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        address = data_bits(config)
        word = In(signed(WORD_BITS))
        super().__init__(
            {
                **dict.fromkeys(("multiply", "strides", "clear", "start", "begin", "bytes"), In(1)),
                **dict.fromkeys(("packed", "again", "copies", "half"), In(1)),
                **dict.fromkeys(("third", "a", "b"), word),
                "byte": In(signed(word_sum_bits(config))),
                **dict.fromkeys(("asks", "put", "holds"), Out(1)),
                "addresses": Out(address).array(2),
                "grant": In(1),
                "words": word.array(2),
                "total": Out(signed(WORD_BITS)),
                "final": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = data_bits(self._config)
        count, left = Signal(bits + 1), Signal(bits + 1)
        steps = [Signal(bits, name=f"step{side}") for side in range(2)]
        factors = [Signal(signed(width), name=f"factor{side}") for side, width in enumerate(FACTOR_BITS)]
        operands: list[Value] = [self.a, self.b]
        with m.If(self.strides):
            m.d.sync += count.eq(self.third)
            m.d.sync += [step.eq(word) for step, word in zip(steps, operands, strict=True)]
        with m.If(self.clear):
            m.d.sync += [signal.eq(0) for signal in (count, left, *steps)]

        # Addresses; words into factors; factors into their product, 0 where there is none; the sum.
        come, together, taken = Signal(), Signal(), Signal()
        product = Signal(signed(sum(FACTOR_BITS)))
        total = Signal(signed(WORD_BITS))
        m.d.comb += [self.asks.eq(left != 0), taken.eq(self.asks & self.grant)]
        m.d.comb += [self.put.eq(self.copies & come), self.holds.eq(self.put & ~self.grant)]
        m.d.sync += [come.eq(taken | self.holds), together.eq(come | self.multiply), product.eq(0)]
        begins = (self.start, self.start & ~self.again)
        for address, step, word, begin in zip(self.addresses, steps, operands, begins, strict=True):
            with m.If(begin):
                m.d.sync += address.eq(word)
            with m.Elif(taken):
                m.d.sync += address.eq(address + step)
        with m.If(self.start):
            m.d.sync += left.eq(count)
        with m.Elif(taken):
            m.d.sync += left.eq(left - 1)
        for factor, own, found in zip(factors, operands, self.words, strict=True):
            m.d.sync += factor.eq(Mux(come, found[:DOT_BITS].as_signed(), own[: len(factor)].as_signed()))
        with m.If(together):
            m.d.sync += product.eq(factors[0] * factors[1])
        # A byte each of the parts above, where words are packed.
        above: list[Value] = []
        for part in range(1, PACKED):
            pair = [Signal(signed(8), name=f"factor{side}_{part}") for side in range(2)]
            both = Signal(signed(16), name=f"product_{part}")
            m.d.sync += [
                byte.eq(word[part * DOT_BITS :]) for byte, word in zip(pair, self.words, strict=True)
            ]
            m.d.sync += both.eq(0)
            with m.If(together & self.packed):
                m.d.sync += both.eq(pair[0] * pair[1])
            above.append(both)
        m.d.comb += [
            self.total.eq(total + (Mux(self.bytes, self.byte, product) + sum(above[1:], above[0]))),
            self.final.eq((left == 0) & ~come & ~together),
        ]
        m.d.sync += total.eq(self.total)
        with m.If(self.start & ~self.packed):
            m.d.sync += total.eq(self.third)
        with m.If(self.multiply | self.begin):
            m.d.sync += total.eq(self.half.replicate(STEPS_SHIFT - 1))
        return m
