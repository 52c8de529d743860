"""The one datapath of all passes: two multipliers and two adders a lane."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.floats import FloatFormat, Pass
from hw.baselines.batchnorm.add import ADD_LATENCY, FloatAdd
from hw.baselines.batchnorm.layouts import beat, result_beat, sums, words
from hw.baselines.batchnorm.multiply import FloatMultiply, multiply_latency
from hw.baselines.batchnorm.pack import FLOAT_BITS, narrow, widen
from hw.baselines.batchnorm.partial_sums import PartialSums
from hw.parts.delay import delayed

_ONE = 0x3F800000


class Lanes(wiring.Component):
    """Elements in, elements (APPLY, GRAD) or two partial sums a channel (MEAN, VARIANCE, REDUCE) out.

    Golden: `golden.baselines.batchnorm.unit.elementwise` and the partial sums of `total`.
    Throughput: one beat per cycle.  Latency, M = `multiply_latency`, A = `ADD_LATENCY`: M + 2A cycles for
    elements; sums M + (log2 lanes + 1)·A + 1, in VARIANCE A more.

    A lane has multipliers M0, M1 and adders A0, A1. What each of them does:

        MEAN      M0: x·1                                   A1s: tree and accumulator of M0
        VARIANCE  A0: t = x − μ       M0: t·t               A1s: tree and accumulator of M0
        REDUCE    M0: x·dy, M1: dy·1                        A1s: of M0; A0s: of M1
        the rest  M0: x·word, M1: dy·word, A0: M0 + M1, A1: A0 + offset

    Of the adders, lanes − 1 make a tree and the last one is the accumulator. It gives a sum back
    `ADD_LATENCY` cycles later, to the beat that comes then: so many partial sums circle in it, and beats
    of one channel must come in step (`BatchNorm`). Empty cycles add zero.

    Parameters
    ----------
    fmt: of the elements.  lanes: elements of a beat, a power of two.

    Members
    -------
    advance: In, the registers move.  valid, first: In, a beat is there, the first one of its channel.
    op: In, `Pass`; stands still while `busy`.  beat: In, its own op is ignored.  words: In.
    o: Out, `result_beat`; o_valid: Out.  sums: stream of `sums`.
    busy: Out, something is under way.  young: Out, words may not change: the offset is still awaited.
    ended: Out, the cycle before held the end of a channel; a channel of one beat may not come now.
    blocked: Out, nothing may advance, because sums have not been taken.
    """

    sums: stream.Interface

    def __init__(self, fmt: FloatFormat, lanes: int) -> None:
        self._fmt, self._lanes = fmt, lanes
        super().__init__(
            {
                "advance": In(1),
                "valid": In(1),
                "first": In(1),
                "op": In(Pass),
                "beat": In(beat(fmt, lanes)),
                "words": In(words(fmt)),
                "o": Out(result_beat(fmt, lanes)),
                "o_valid": Out(1),
                "sums": Out(stream.Signature(sums())),
                "busy": Out(1),
                "young": Out(1),
                "ended": Out(1),
                "blocked": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt, lanes = self._fmt, self._lanes
        product = multiply_latency(fmt)
        until = product + 2 * ADD_LATENCY
        m0 = [FloatMultiply(fmt) for _ in range(lanes)]
        m1 = [FloatMultiply(fmt) for _ in range(lanes)]
        a0 = [FloatAdd() for _ in range(lanes)]
        a1 = [FloatAdd() for _ in range(lanes)]
        for lane in range(lanes):
            m.submodules[f"m0_{lane}"], m.submodules[f"m1_{lane}"] = m0[lane], m1[lane]
            m.submodules[f"a0_{lane}"], m.submodules[f"a1_{lane}"] = a0[lane], a1[lane]
            m.d.comb += [unit.advance.eq(self.advance) for unit in (m0[lane], m1[lane])]
            m.d.comb += [unit.advance.eq(self.advance) for unit in (a0[lane], a1[lane])]

        valid = delayed(m, self.valid, until, "valid", self.advance)
        last = delayed(m, self.valid & self.beat.last, until, "last", self.advance)
        first = delayed(m, self.valid & self.first, product + ADD_LATENCY, "first", self.advance)
        mask = delayed(m, self.beat.mask, until, "mask", self.advance)
        variance, reduce = self.op == Pass.VARIANCE, self.op == Pass.REDUCE
        spread = (self.op == Pass.APPLY) | (self.op == Pass.GRAD)
        # The offset is wanted when the channel's first beat comes to A1.
        offset = Signal(FLOAT_BITS)
        with m.If(self.advance & first[product + ADD_LATENCY - 1]):
            m.d.sync += offset.eq(self.words.offset)

        m.submodules.partial = partial = PartialSums(product + (lanes.bit_length() - 1) * ADD_LATENCY)
        products = _sum_operands(a1, [unit.o for unit in m0], partial)
        gradients = _sum_operands(a0, [unit.o for unit in m1], partial)
        wiring.connect(m, partial.o, wiring.flipped(self.sums))
        m.d.comb += [
            partial.advance.eq(self.advance),
            partial.valid.eq(self.valid & ~spread),
            partial.first.eq(self.first),
            partial.last.eq(self.beat.last),
            partial.late.eq(variance),
            partial.products.eq(a1[-1].o),
            partial.gradients.eq(a0[-1].o),
            self.blocked.eq(partial.blocked),
            self.busy.eq(Cat(valid[1:]).any() | partial.busy),
            self.young.eq(Cat(first[: product + ADD_LATENCY]).any()),
            self.ended.eq(last[1]),
            self.o.mask.eq(mask[until]),
            self.o.last.eq(last[until]),
            self.o_valid.eq(valid[until] & spread),
        ]

        one = Const(_ONE >> FLOAT_BITS - fmt.bits, fmt.bits)
        for lane in range(lanes):
            here = self.beat.mask[lane]
            x = Signal(fmt.bits, name=f"x{lane}")
            dy = Signal(fmt.bits, name=f"dy{lane}")
            centred = Signal(fmt.bits, name=f"centred{lane}")
            m.d.comb += [
                x.eq(Mux(here, self.beat.x[lane], 0)),
                dy.eq(Mux(here & (reduce | (self.op == Pass.GRAD)), self.beat.dy[lane], 0)),
                centred.eq(Mux(mask[ADD_LATENCY][lane], narrow(m, a0[lane].o, fmt), 0)),
                m0[lane].a.eq(Mux(variance, centred, x)),
                m1[lane].a.eq(dy),
                m1[lane].b.eq(Mux(reduce, one, self.words.dy)),
                Cat(a1[lane].a, a1[lane].b).eq(Mux(spread, Cat(a0[lane].o, offset), Cat(*products[lane]))),
                self.o.values[lane].eq(narrow(m, a1[lane].o, fmt)),
            ]
            with m.Switch(self.op):
                with m.Case(Pass.MEAN):
                    m.d.comb += m0[lane].b.eq(one)
                with m.Case(Pass.VARIANCE):
                    m.d.comb += m0[lane].b.eq(centred)
                    m.d.comb += [a0[lane].a.eq(widen(x, fmt)), a0[lane].b.eq(self.words.offset)]
                with m.Case(Pass.REDUCE):
                    m.d.comb += m0[lane].b.eq(dy)
                    m.d.comb += [a0[lane].a.eq(gradients[lane][0]), a0[lane].b.eq(gradients[lane][1])]
                with m.Default():
                    m.d.comb += m0[lane].b.eq(self.words.x)
                    m.d.comb += [a0[lane].a.eq(m0[lane].o), a0[lane].b.eq(m1[lane].o)]
        return m


def _sum_operands(
    adders: list[FloatAdd], leaves: list[Value], partial: PartialSums
) -> list[tuple[Value, Value]]:
    """Operands of each adder when they sum up the leaves: a tree, then the accumulator."""
    operands: list[tuple[Value, Value]] = []
    nodes = leaves
    while len(nodes) > 1:
        pairs = list(zip(nodes[::2], nodes[1::2], strict=True))
        nodes = [unit.o for unit in adders[len(operands) : len(operands) + len(pairs)]]
        operands += pairs
    back = adders[-1].o
    return [*operands, (Mux(partial.add, nodes[0], 0), Mux(partial.fresh, 0, back))]
