"""A channel's arithmetic in few cycles: a multiplier and a shifter in place of a bit each cycle."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In

from golden.spec.block import SCALAR_BITS, NormFormat
from hw.lightnorm.channel_bus import Bus, find
from hw.lightnorm.channel_layouts import arithmetic_ports
from hw.lightnorm.channel_program import (
    addend_bits,
    backward_program,
    forward_program,
    given_program,
    moment_bits,
)
from hw.lightnorm.channel_steps import SUM_BITS, Into, Run, Test, decode, sum_exponents
from hw.lightnorm.exponents import leading_one
from hw.lightnorm.layouts import pass_words
from hw.lightnorm.scalar import scalar_layout
from hw.lightnorm.sums_layouts import sums_layout

_FRACTION = SCALAR_BITS
"""Bits below an integer's last one while a scalar comes to a grid; a scalar below them is less than half."""


def wide_bits(fmt: NormFormat, index_bits: int) -> int:
    """Bits of the shifter: of every sum, and of a scalar over the bits that it loses on its way to a grid."""
    return max(moment_bits(fmt, index_bits), _FRACTION + SCALAR_BITS + pass_words(fmt)["mean"].width)


class ParallelArithmetic(wiring.Component):
    """The words of both passes; the program of `ChannelArithmetic`, each of its operations in few cycles.

    Golden: `golden.lightnorm.channel.statistics`, `apply_words`, `gradients`, `grad_words`;
    `golden.learning.norm.running`.
    One channel at a time.  Latency, whatever the numbers: `latency.NORM_FORWARD`, `NORM_GIVEN` and
    `NORM_BACKWARD` cycles from that which takes the sums to the result, for formats with a divider of 10
    bits.

    A multiplier of SCALAR_BITS × SCALAR_BITS bits (the exact moment: as many bits as Σdy has), one shifter
    and one sum of `wide_bits`.  An integer becomes a scalar by its magnitude, the place of its leading one, a
    shift and a rounding; a scalar becomes an integer by a shift, a rounding and a limit.

    Parameters
    ----------
    fmt: number formats.  index_bits: as STAT's and REDUCE's.

    Members: as `ChannelArithmetic`'s, and

    given: In, forward mean and scale are those of `parameters`, and the width counts zero among the values;
        what is found is nothing then.
    """

    i: stream.Interface
    parameters: stream.Interface
    o: stream.Interface
    inverse: data.View
    spread: data.View
    epsilon: data.View
    given: Signal

    def __init__(self, fmt: NormFormat, index_bits: int = 20) -> None:
        self._fmt, self._index_bits = fmt, index_bits
        programs = forward_program, given_program, backward_program
        self._programs = [program(fmt, index_bits) for program in programs]
        super().__init__({**arithmetic_ports(fmt, index_bits), "given": In(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt, bits, size = self._fmt, self._fmt.reciprocal, wide_bits(self._fmt, self._index_bits)
        program = [step for part in self._programs for step in part]
        firsts = [sum(map(len, self._programs[:part])) for part in range(len(self._programs) + 1)]
        ends = [first - 1 for first in firsts[1:]]
        source = self.i.payload

        back, flat, negative, full = Signal(), Signal(), Signal(), Signal()
        place = Signal(range(len(program)))
        number, operand = Signal(scalar_layout()), Signal(scalar_layout())
        words = Signal(pass_words(fmt))
        exponent, distance = Signal(signed(SUM_BITS)), Signal(signed(SUM_BITS))
        sums = Signal(sums_layout(fmt, self._index_bits), reset_less=True)
        wide = Signal(size, reset_less=True)
        amount = Signal(range(size), reset_less=True)

        # A step's fields are registers, which change with its place.
        coming, moves = Signal.like(place), Signal()
        fields = decode(m, program, coming)
        step = {name: Signal.like(field, name=f"step_{name}") for name, field in fields.items()}
        run = {kind: Signal(name=f"is_{kind.name.lower()}") for kind in Run}
        given = self.given & ~source.backward
        with m.If(moves):
            m.d.sync += [
                place.eq(coming),
                coming.eq(coming + 1),
                *(step[name].eq(field) for name, field in fields.items()),
                *(signal.eq(fields["run"] == kind) for kind, signal in run.items()),
            ]
        to_grid = run[Run.MEAN] | run[Run.SCALE] | run[Run.ADDEND]
        bus = Bus(m, self, step, number, negative)
        total = Signal(signed(SUM_BITS))
        own = Mux(flat, 0, number.exponent)
        m.d.comb += total.eq(sum_exponents(m, step, bus.value.exponent, exponent, own, words))
        nonzero = bus.value.mantissa[-1]
        holds = Array([Const(1), negative, nonzero, nonzero & ~negative])[step["when"]]

        # The multiplier, whose second factor may be Σdy.
        factor = Signal(signed(max(SCALAR_BITS + 1, len(sums.reduce.total))))
        product = Signal(signed(SCALAR_BITS + len(factor)), reset_less=True)
        m.d.comb += factor.eq(Mux(run[Run.MOMENT], sums.reduce.total, number.mantissa))
        long = product[2 * SCALAR_BITS - 1]

        # What is shifted, and how far; a distance beyond the shifter is one of a zero or of what saturates.
        early = distance < 0
        moved, far = Signal(signed(size)), Signal(signed(SUM_BITS))
        shifted, summed = Signal(size), Signal(size)
        integer = Mux(run[Run.COUNT], sums.stat.ranges, sums.stat.width)
        moment = Mux(early, sums.reduce.product, product)
        with m.If(run[Run.SUM]):
            m.d.comb += moved.eq(Mux(back, sums.reduce.total, sums.stat.total))
        with m.Elif(run[Run.COUNT] | run[Run.MEASURE]):
            m.d.comb += moved.eq(integer)
        with m.Elif(run[Run.MOMENT]):
            m.d.comb += moved.eq(moment)
        with m.Elif(~to_grid | ~far[-1]):
            m.d.comb += moved.eq(operand.mantissa)
        m.d.comb += [
            far.eq(Mux(to_grid, distance + _FRACTION, Mux(run[Run.MOMENT] & early, -distance, distance))),
            shifted.eq(wide << amount),
        ]
        # One sum: of spread and epsilon, of the moment, and zero less a negative number. What stands in the
        # shifter is one part, turned round where it is taken away; of the early moment the other part is.
        first, subtract, turn, magnitude = Signal(signed(size)), Signal(), Signal(), Signal()
        away = early & subtract
        with m.If(~magnitude & run[Run.ADD]):
            m.d.comb += first.eq(number.mantissa)
        with m.Elif(~magnitude):
            other = Mux(early, product ^ away.replicate(len(product)).as_signed(), sums.reduce.product)
            m.d.comb += first.eq(other)
        m.d.comb += [
            subtract.eq(Mux(magnitude, wide[-1], run[Run.MOMENT] & ~operand.sign)),
            turn.eq(subtract & (magnitude | ~early)),
            summed.eq(first + (wide ^ turn.replicate(size)) + subtract),
        ]

        # The scalar: the upper bits, rounded; and one of the divider's bits.
        rounded, short = Signal(SCALAR_BITS + 1), Signal(bits + 1)
        some = rounded[-2] | rounded[-1]
        divisor, lower = number.mantissa[-bits:], number.mantissa[:-bits]
        m.d.comb += [
            rounded.eq(wide[-SCALAR_BITS:] + _up(wide[:-SCALAR_BITS], wide[-SCALAR_BITS])),
            short.eq(divisor + _up(lower, divisor[0])),
        ]
        rest, left, quotient = Signal(bits), Signal(range(bits)), Signal(bits)
        double, fits, following = Signal(bits + 1), Signal(), Signal(bits)
        m.d.comb += [
            double.eq(rest << 1),
            fits.eq(double >= divisor),
            following.eq(Cat(fits, quotient[:-1])),
        ]

        def go_on() -> None:
            m.d.comb += moves.eq(1)
            with m.If(Cat(place == end for end in ends).any()):
                m.next = "done"
            with m.Else():
                m.next = "begin"

        # The state "idle", which sums wait for.
        idle = Signal(init=1)
        m.d.comb += self.i.ready.eq(idle & self.parameters.valid)
        top = source.sums.reduce.top
        with m.FSM():
            with m.State("idle"):
                m.d.sync += [
                    back.eq(source.backward),
                    coming.eq(Mux(source.backward, firsts[2], Mux(given, firsts[1], firsts[0]))),
                    sums.eq(source.sums),
                    flat.eq(given & ~self.parameters.payload.scale.mantissa[-1]),
                    words.window_grid.eq(
                        Mux(top.any(), top + fmt.gradient.grid, 0) - (fmt.gradient_window - 2)
                    ),
                ]
                with m.If(self.i.valid & self.i.ready):
                    m.d.sync += idle.eq(0)
                    m.next = "start"
            with m.State("start"):
                m.d.comb += moves.eq(1)
                m.next = "begin"
            with m.State("begin"):
                # A sum goes to the shifter at once; a scalar is on the bus first.
                m.d.sync += [
                    full.eq(~total[-1] & nonzero),
                    rest.eq(1 << (bits - 1)),
                    left.eq(bits - 1),
                    wide.eq(moved),
                ]
                bus.save(m)
                with m.If(step["operand"]):
                    m.d.sync += operand.eq(bus.value)
                with m.If(step["distance"]):
                    m.d.sync += distance.eq(exponent)
                with m.If(step["test"] != Test.NOTHING):
                    m.d.sync += negative.eq(total[-1] & (nonzero | (step["test"] == Test.NEGATIVE)))
                with m.If(holds):
                    with m.If(step["number"]):
                        m.d.sync += number.eq(bus.value)
                    registers = {
                        Into.EXPONENT: exponent,
                        Into.GRID: words.grid,
                        Into.WINDOW: words.window_grid,
                    }
                    for into, register in registers.items():
                        with m.If(step["into"] == into):
                            m.d.sync += register.eq(total)
                with m.If(run[Run.NONE]):
                    go_on()
                with m.Elif(run[Run.PRODUCT] | run[Run.MOMENT]):
                    m.next = "multiply"
                with m.Elif(run[Run.SUM]):
                    m.next = "magnitude"
                with m.Elif(run[Run.COUNT] | run[Run.MEASURE]):
                    m.d.sync += number.sign.eq(0)
                    m.next = "measure"
                with m.Elif(run[Run.SHORTEN]):
                    m.next = "shorten"
                with m.Elif(run[Run.DIVIDE]):
                    m.next = "divide"
                with m.Else():
                    m.next = "load"
            with m.State("multiply"):
                m.d.sync += product.eq(Cat(operand.mantissa, 0).as_signed() * factor)
                with m.If(run[Run.MOMENT]):
                    m.next = "load"
                with m.Else():
                    m.next = "product"
            with m.State("product"):
                whole = product[: 2 * SCALAR_BITS]
                m.d.sync += [
                    wide.eq(Mux(long, whole, whole << 1) << (size - 2 * SCALAR_BITS)),
                    number.sign.eq(number.sign ^ operand.sign),
                    number.exponent.eq(exponent + (SCALAR_BITS - 1) + long),
                ]
                m.next = "round"
            with m.State("load"):
                m.d.sync += [wide.eq(moved), amount.eq(Mux(far < size, far, size - 1))]
                m.next = "align"
            with m.State("align"):
                m.d.sync += wide.eq(shifted)
                with m.If(to_grid):
                    m.next = "fix"
                with m.Else():
                    m.next = "sum"
            with m.State("sum"):
                m.d.sync += wide.eq(summed)
                with m.If(run[Run.ADD]):
                    m.next = "measure"
                with m.Else():
                    m.next = "magnitude"
            with m.State("magnitude"):
                m.d.comb += magnitude.eq(1)
                m.d.sync += [number.sign.eq(wide[-1]), wide.eq(summed)]
                m.next = "measure"
            with m.State("measure"):
                m.d.sync += amount.eq(_zeros(wide))
                m.next = "normalise"
            with m.State("normalise"):
                m.d.sync += [wide.eq(shifted), number.exponent.eq(exponent + size - amount)]
                with m.If(run[Run.MEASURE]):
                    go_on()
                with m.Else():
                    m.next = "round"
            with m.State("round"):
                m.d.sync += [
                    number.mantissa.eq(Cat(rounded[: SCALAR_BITS - 1], some)),
                    number.sign.eq(number.sign & some),
                    # Both sums at once: the carry comes last.
                    number.exponent.eq(Mux(some, Mux(rounded[-1], number.exponent + 1, number.exponent), 0)),
                ]
                with m.If(run[Run.COUNT]):
                    m.d.sync += flat.eq(~some)
                go_on()
            with m.State("shorten"):
                m.d.sync += [
                    number.mantissa.eq(Cat(Const(0, SCALAR_BITS - bits), short[: bits - 1], nonzero)),
                    number.exponent.eq(number.exponent + short[-1]),
                ]
                go_on()
            with m.State("divide"):
                m.d.sync += [
                    rest.eq(Mux(fits, double - divisor, double)),
                    quotient.eq(following),
                    left.eq(left - 1),
                ]
                with m.If(left == 0):
                    m.d.sync += [
                        number.mantissa.eq(Cat(Const(0, SCALAR_BITS - bits), Mux(flat, 0, following))),
                        number.exponent.eq(Mux(flat, 0, exponent)),
                    ]
                    go_on()
            with m.State("fix"):
                # Nobody looks at the bits above a word.
                whole = wide[_FRACTION:][: len(words.mean)]
                m.d.sync += wide[: len(whole)].eq(whole + _up(wide[:_FRACTION], whole[0]))
                m.next = "limit"
            with m.State("limit"):
                self._limit(m, run, words, wide, operand.sign, full, back, flat)
                go_on()
            with m.State("done"):
                m.d.comb += [self.o.valid.eq(1), self.parameters.ready.eq(self.o.ready)]
                with m.If(self.o.ready):
                    m.d.sync += idle.eq(1)
                    m.next = "idle"
        find(m, fmt, self.o.payload, back, flat, words, bus.kept)
        return m

    def _limit(
        self,
        m: Module,
        run: dict[Run, Signal],
        words: data.View,
        wide: Signal,
        sign: Value,
        full: Signal,
        back: Signal,
        flat: Signal,
    ) -> None:
        """A word from the scalar on its grid, which is rounded: limited, with its sign."""
        size = len(words.mean)
        whole, limited, value = wide[:size], Signal(size), Signal(size)
        forward, backward = addend_bits(self._fmt)
        m.d.comb += [
            limited.eq(whole),
            value.eq((limited ^ sign.replicate(size)) + sign),
        ]
        cases = [
            (run[Run.SCALE], self._fmt.scale),
            (run[Run.ADDEND] & ~back, forward),
            (run[Run.ADDEND] & back, backward),
        ]
        for case, bits in cases:
            with m.If(case & (full | whole[bits])):
                m.d.comb += limited.eq((1 << bits) - 1)
        with m.If(run[Run.MEAN]):
            m.d.sync += words.mean.eq(Mux(flat, 0, value))
        with m.If(run[Run.SCALE]):
            m.d.sync += words.scale.eq(value)
        with m.If(run[Run.ADDEND]):
            m.d.sync += words.addend.eq(value)


def _up(lost: Value, last: Value) -> Value:
    """Whether a magnitude whose last bit is `last` is rounded up, ties to even."""
    return lost[-1] & (lost[:-1].any() | last)


def _zeros(value: Value) -> Value:
    """Zeros above the leading one; the most that a shift has where there is none."""
    size = len(value)
    whole = 1 << (size - 1).bit_length()
    return ~leading_one(Cat(Const(0, whole - size), 1, value[1:]))
