"""A channel's own arithmetic: from the sums of STAT or REDUCE to the words of APPLY or GRAD."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring

from golden.spec.block import SCALAR_BITS, NormFormat
from hw.lightnorm.channel_bus import Bus, find
from hw.lightnorm.channel_layouts import arithmetic_ports
from hw.lightnorm.channel_program import addend_bits, backward_program, forward_program
from hw.lightnorm.channel_steps import SUM_BITS, Into, Run, Test, decode, sum_exponents
from hw.lightnorm.layouts import pass_words
from hw.lightnorm.scalar import scalar_layout
from hw.lightnorm.sum_shifter import SumShifter


class ChannelArithmetic(wiring.Component):
    """The words of both passes by one serial machine with a small program (`channel_program`).

    Golden: `golden.lightnorm.channel.statistics`, `apply_words`, `gradients`, `grad_words`.
    One channel at a time; its sums are taken in one cycle.  Latency, cycles, with 20 index bits: up
    to 480 forward and 550 backward for `light`, 500 and 570 for `wide`, 1260 and 1190 for `mxint8`,
    most of them for the bits of the sums.

    Integers go by from their lowest bit on, a bit each cycle; `number` keeps the 24 bits below the last
    bit that differed from its successor, which are those of the leading one whatever the sign.  The
    exact moment Σdy·x − mean·Σdy is such a stream too: the bits of Σdy drive the multiplier and its
    bits are subtracted from those of Σdy·x as they go by.

    Parameters
    ----------
    fmt: number formats.  index_bits: as STAT's and REDUCE's.

    Members
    -------
    i: stream of `channel_layout`, taken when the channel's `parameters` are there as well.
    parameters: stream of `parameters_layout`, one a channel; read where they are and taken with the result.
    o: stream of `result_layout`.
    inverse, spread, epsilon: In, the scalars of `golden.spec.block.Constants`; stand still.
    """

    i: stream.Interface
    o: stream.Interface
    parameters: stream.Interface
    inverse: data.View
    spread: data.View
    epsilon: data.View

    def __init__(self, fmt: NormFormat, index_bits: int = 20) -> None:
        self._fmt, self._index_bits = fmt, index_bits
        self._programs = forward_program(fmt, index_bits), backward_program(fmt, index_bits)
        super().__init__(arithmetic_ports(fmt, index_bits))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt, bits = self._fmt, self._fmt.reciprocal
        program = [*self._programs[0], *self._programs[1]]
        ends = [len(self._programs[0]) - 1, len(program) - 1]
        source = self.i.payload
        m.submodules.sums = sums = SumShifter(fmt, self._index_bits)

        back, flat = Signal(), Signal()
        place = Signal(range(len(program)))
        left = Signal(range(max(step.count for step in program) + 1))
        number, operand = Signal(scalar_layout()), Signal(scalar_layout())
        words = Signal(pass_words(fmt))
        exponent, distance = Signal(signed(SUM_BITS)), Signal(signed(SUM_BITS))
        negative, full, first, carry, ones = Signal(), Signal(), Signal(), Signal(), Signal()
        # What a number or an operand has below its bits; `extra`: an exponent that is one larger.
        guard, sticky, dropped, gone, extra = Signal(), Signal(), Signal(), Signal(), Signal()
        recent, upper, rest = Signal(SCALAR_BITS + 1), Signal(SCALAR_BITS), Signal(bits)
        running = Signal()

        step = decode(m, program, place)
        run = {kind: Signal(name=f"is_{kind.name.lower()}") for kind in Run}
        m.d.comb += [signal.eq(step["run"] == kind) for kind, signal in run.items()]
        saturated = run[Run.SCALE] | run[Run.ADDEND]
        rounded = saturated | run[Run.MEAN] | run[Run.SHORTEN]
        unsigned = run[Run.COUNT] | run[Run.MEASURE]
        summed = run[Run.SUM] | unsigned
        kept_number = summed | run[Run.MOMENT] | run[Run.ADD] | run[Run.SHORTEN]
        late, early, last = distance > 0, distance < 0, left == 1

        # The bus and the sum of exponents.
        bus = Bus(m, self, step, number, negative)
        total = Signal(signed(SUM_BITS))
        own = Mux(flat, 0, number.exponent)
        m.d.comb += total.eq(sum_exponents(m, step, bus.value.exponent, exponent, own, words))
        nonzero = bus.value.mantissa[-1]
        holds = Array([Const(1), negative, nonzero, nonzero & ~negative])[step["when"]]

        # The operand on its way to a grid: bits below it are dropped, negative numbers complemented.
        drops, moves, again = Signal(), Signal(), Signal()
        value, sign, in_carry, out_bit = Signal(), Signal(), Signal(), Signal()
        width = len(words.addend)
        edge = Mux(run[Run.SCALE], 1, Mux(back, *(width - size for size in reversed(addend_bits(fmt)))))
        above = saturated & (left <= edge)
        m.d.comb += [
            drops.eq(rounded & early & ~full & (operand.mantissa.any() | dropped)),
            moves.eq(running & ~drops),
            sign.eq(operand.sign),
            value.eq(Mux(full, ~above, operand.mantissa[0] & ~late)),
            in_carry.eq(Mux(first, (dropped & (gone | value)) ^ sign, carry)),
            out_bit.eq((value ^ sign ^ in_carry) & ~(run[Run.MEAN] & flat)),
            # Rounding has led to a one more than the limit.
            again.eq(saturated & (left == edge) & out_bit & ~ones & ~full),
        ]

        # Integers, products and their sums.
        product, bit, added = Signal(SCALAR_BITS + 1), Signal(), Signal(2)
        use = Mux(run[Run.MOMENT], sums.low & ~late, Mux(run[Run.ADD], first, operand.mantissa[0]))
        use = use & (run[Run.MOMENT] | run[Run.ADD] | run[Run.PRODUCT])
        factor = Mux(run[Run.MOMENT], operand.mantissa, number.mantissa)
        integer = Mux(
            run[Run.ADD],
            operand.mantissa[0] & ~late,
            Mux(run[Run.MOMENT], sums.high & ~early, summed & sums.low & ~(unsigned & last)),
        )
        subtract = run[Run.MOMENT] & ~operand.sign
        double, fits = Signal(bits + 1), Signal()
        divisor = number.mantissa[SCALAR_BITS - bits :]
        m.d.comb += [
            product.eq(upper + (factor & use.replicate(SCALAR_BITS))),
            added.eq(integer + (product[0] ^ subtract) + Mux(first, subtract, carry)),
            double.eq(rest << 1),
            fits.eq(double >= divisor),
            bit.eq(Mux(rounded, out_bit, Mux(run[Run.DIVIDE], fits, added[0]))),
            sums.load.eq(self.i.valid & self.i.ready),
            sums.sums.eq(source.sums),
            sums.backward.eq(Mux(sums.load, source.backward, back)),
            sums.turn.eq(run[Run.SUM]),
            sums.shift_low.eq(running & ((summed & ~(unsigned & last)) | (run[Run.MOMENT] & ~late))),
            sums.shift_high.eq(running & run[Run.MOMENT] & ~early),
        ]

        with m.If(running):
            m.d.sync += rest.eq(Mux(fits, double - divisor, double))
            with m.If(~run[Run.DIVIDE] & ~(run[Run.PRODUCT] & first)):
                m.d.sync += exponent.eq(exponent + 1)
            with m.If(late | early):
                m.d.sync += distance.eq(distance + Mux(early, 1, -1))
            with m.If(run[Run.PRODUCT] | ((run[Run.ADD] | rounded) & ~late)):
                m.d.sync += operand.mantissa.eq(operand.mantissa >> 1)
            with m.If(drops):
                m.d.sync += [dropped.eq(operand.mantissa[0]), gone.eq(gone | dropped)]
        with m.If(moves):
            m.d.sync += [
                first.eq(again),
                carry.eq(Mux(rounded, (value ^ sign) & in_carry, added[1])),
                upper.eq(product[1:]),
                recent.eq(Cat(recent[1:], bit)),
                gone.eq(gone | recent[0]),
                ones.eq(ones | out_bit),
                full.eq(full | again),
            ]
            with m.If(again):
                m.d.sync += [left.eq(step["count"]), dropped.eq(0), ones.eq(0)]
            with m.Elif(~(run[Run.ADD] & late)):
                m.d.sync += left.eq(left - 1)
            with m.If(kept_number):
                m.d.sync += number.sign.eq(bit)
                with m.If(first | (bit ^ number.sign)):
                    m.d.sync += [
                        number.mantissa.eq(recent[1:]),
                        number.exponent.eq(exponent),
                        guard.eq(recent[0]),
                        sticky.eq(gone),
                    ]
            for kind, target in (
                (Run.MEAN, words.mean),
                (Run.SCALE, words.scale),
                (Run.ADDEND, words.addend),
            ):
                with m.If(run[kind]):
                    m.d.sync += target.eq(Cat(target[1:], out_bit))

        # The number, rounded.
        complement = number.sign & kept_number
        up = Mux(
            complement,
            Mux(sticky, ~guard, ~guard | ~number.mantissa[0]),
            guard & (sticky | number.mantissa[0]),
        )
        mantissa = Signal(SCALAR_BITS + 1)
        some = mantissa[-2] | mantissa[-1]
        m.d.comb += mantissa.eq((number.mantissa ^ complement.replicate(SCALAR_BITS)) + up)
        top = self.i.payload.sums.reduce.top

        with m.FSM():
            with m.State("idle"):
                m.d.comb += self.i.ready.eq(self.parameters.valid)
                m.d.sync += [
                    back.eq(source.backward),
                    flat.eq(0),
                    place.eq(Mux(source.backward, len(self._programs[0]), 0)),
                    words.window_grid.eq(
                        Mux(top.any(), top + fmt.gradient.grid, 0) - (fmt.gradient_window - 2)
                    ),
                ]
                with m.If(self.i.valid & self.i.ready):
                    m.next = "begin"
            with m.State("begin"):
                m.d.sync += [
                    Cat(recent, upper, carry, ones, dropped, gone, extra).eq(0),
                    rest.eq(1 << (bits - 1)),
                    first.eq(1),
                    left.eq(step["count"]),
                    full.eq(saturated & ~total[-1] & nonzero),
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
                    m.d.sync += place.eq(place + 1)
                with m.Else():
                    m.next = "run"
            with m.State("run"):
                m.d.comb += running.eq(1)
                with m.If(last & moves & ~again & ~(run[Run.ADD] & late)):
                    m.next = "end"
            with m.State("end"):
                m.next = "round"
                with m.If(run[Run.PRODUCT]):
                    long = upper[-1]
                    m.d.sync += [
                        number.mantissa.eq(Mux(long, upper, Cat(recent[-1], upper))),
                        number.sign.eq(number.sign ^ operand.sign),
                        number.exponent.eq(exponent),
                        guard.eq(Mux(long, recent[-1], recent[-2])),
                        sticky.eq(recent[:-2].any() | (long & recent[-2])),
                        extra.eq(long),
                    ]
                with m.Elif(run[Run.DIVIDE]):
                    # The quotient came with its highest bit first.
                    quotient = Cat(Const(0, SCALAR_BITS - bits), *(recent[-1 - i] for i in range(bits)))
                    m.d.sync += [
                        number.mantissa.eq(Mux(flat, 0, quotient)),
                        number.exponent.eq(exponent),
                        guard.eq(0),
                    ]
            with m.State("round"):
                with m.If((kept_number & ~run[Run.MEASURE]) | run[Run.PRODUCT] | run[Run.DIVIDE]):
                    m.d.sync += [
                        number.mantissa.eq(Cat(mantissa[: SCALAR_BITS - 1], some)),
                        number.sign.eq(number.sign & some),
                        number.exponent.eq(Mux(some, number.exponent + (mantissa[-1] | extra), 0)),
                    ]
                with m.If(run[Run.COUNT]):
                    m.d.sync += flat.eq(~some)
                m.d.sync += place.eq(place + 1)
                with m.If((place == ends[0]) | (place == ends[1])):
                    m.next = "done"
                with m.Else():
                    m.next = "begin"
            with m.State("done"):
                m.d.comb += [self.o.valid.eq(1), self.parameters.ready.eq(self.o.ready)]
                with m.If(self.o.ready):
                    m.next = "idle"
        find(m, fmt, self.o.payload, back, flat, words, bus.kept)
        return m
