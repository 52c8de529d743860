"""From STAT's sums to APPLY's words: the channel's own arithmetic of the forward pass."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import SCALAR_BITS, NormFormat
from hw.lightnorm.add import Add
from hw.lightnorm.apply import apply_words
from hw.lightnorm.divider import Divider
from hw.lightnorm.layouts import GRID_BITS
from hw.lightnorm.multiply import Multiply
from hw.lightnorm.normalise import Normalise
from hw.lightnorm.scalar import scalar_layout
from hw.lightnorm.sequence import FIRST, Step, add_steps
from hw.lightnorm.stat import statistics
from hw.lightnorm.to_grid import ToGrid

_MEAN_BITS = 44


def channel_layout(fmt: NormFormat, index_bits: int) -> data.StructLayout:
    """A channel's sums and its parameters."""
    return data.StructLayout(
        {
            "sums": statistics(fmt.forward, index_bits),
            "gamma": scalar_layout(),
            "beta": scalar_layout(),
        }
    )


def result_layout(fmt: NormFormat) -> data.StructLayout:
    """APPLY's words, and what the backward pass and the running statistics need."""
    return data.StructLayout(
        {
            "words": apply_words(fmt),
            "mean": scalar_layout(),
            "scale": scalar_layout(),
            "spread": scalar_layout(),
            "flat": 1,
        }
    )


class ForwardWords(wiring.Component):
    """Mean, scale and APPLY's words of a channel, by one division and a few slow products.

    Golden: `golden.lightnorm.channel.statistics` and `apply_words`.  Latency: below 250 cycles for the
    presets, 160 for `light`.  One channel at a time.

    Parameters
    ----------
    fmt: number formats.  index_bits: as STAT's.

    Members
    -------
    i: stream of `channel_layout`.  o: stream of `result_layout`.
    inverse, spread, epsilon: In, the scalars of `golden.spec.block.Constants`; stand still.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, fmt: NormFormat, index_bits: int = 20) -> None:
        self._fmt, self._index_bits = fmt, index_bits
        super().__init__(
            {
                "i": In(stream.Signature(channel_layout(fmt, index_bits))),
                "o": Out(stream.Signature(result_layout(fmt))),
                "inverse": In(scalar_layout()),
                "spread": In(scalar_layout()),
                "epsilon": In(scalar_layout()),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt = self._fmt
        grid, window = fmt.forward.grid, fmt.window
        product = window - 1 + fmt.scale
        taken = Signal(channel_layout(fmt, self._index_bits))
        width = max(len(taken.sums.total), len(taken.sums.ranges) + 1)
        m.submodules.normalise = normalise = Normalise(width)
        m.submodules.multiply = multiply = Multiply()
        m.submodules.add = add = Add()
        m.submodules.divide = divide = Divider(fmt.reciprocal)
        m.submodules.mean_grid = mean_grid = ToGrid(_MEAN_BITS)
        m.submodules.scale_grid = scale_grid = ToGrid(fmt.scale)
        m.submodules.offset_grid = offset_grid = ToGrid(product)
        out = self.o.payload
        number = Signal(scalar_layout())
        factor = Signal(scalar_layout())
        quotient = Signal(fmt.reciprocal)
        offset = Signal(signed(product + 1))
        mean_word = Signal(signed(_MEAN_BITS + 1))
        flat = out.flat

        # Grids of the window and of the scale.
        length = Signal(range(len(taken.sums.width) + 1))
        for bit in range(len(taken.sums.width)):
            with m.If(taken.sums.width[bit]):
                m.d.comb += length.eq(bit + 1)
        window_grid = Signal(signed(GRID_BITS))
        for_scale = Signal(signed(GRID_BITS + 2))
        for_beta = Signal(signed(GRID_BITS + 2))
        unit = Signal(signed(GRID_BITS))
        m.d.comb += [
            window_grid.eq(Mux(flat, 0, length + grid) - (window - 1)),
            for_scale.eq(factor.exponent + (SCALAR_BITS - fmt.scale)),
            for_beta.eq(taken.beta.exponent + (SCALAR_BITS - product) - window_grid),
        ]
        no_scale, no_beta = factor.mantissa == 0, taken.beta.mantissa == 0
        with m.If(no_scale & no_beta):
            m.d.comb += unit.eq(0)
        with m.Elif(no_beta | (~no_scale & (for_scale > for_beta))):
            m.d.comb += unit.eq(for_scale)
        with m.Else():
            m.d.comb += unit.eq(for_beta)

        divisor, divisor_exponent = self._divisor(m, number)
        spare = SCALAR_BITS - fmt.reciprocal
        m.d.comb += [
            out.scale.mantissa.eq(Mux(flat, 0, quotient << spare)),
            out.scale.exponent.eq(Mux(flat, 0, 1 - 2 * fmt.reciprocal - spare - divisor_exponent)),
            out.words.window_grid.eq(window_grid),
            out.words.mean.eq(Mux(flat, 0, mean_word)),
            out.words.offset.eq(offset),
            out.words.grid.eq(unit + window_grid),
        ]

        steps = [
            Step(normalise, {"value": taken.sums.total, "exponent": grid}, number),
            Step(multiply, {"a": number, "b": self.inverse}, out.mean),
            Step(normalise, {"value": taken.sums.ranges, "exponent": grid}, number),
            Step(multiply, {"a": number, "b": self.spread}, out.spread),
            Step(add, {"a": out.spread, "b": self.epsilon}, number),
            Step(divide, divisor, quotient),
            Step(multiply, {"a": taken.gamma, "b": out.scale}, factor),
            Step(mean_grid, {"scalar": out.mean, "grid": window_grid}, mean_word),
            Step(scale_grid, {"scalar": factor, "grid": unit}, out.words.scale),
            Step(offset_grid, {"scalar": taken.beta, "grid": unit + window_grid}, offset),
        ]
        with m.FSM():
            with m.State("idle"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.sync += [taken.eq(self.i.payload), flat.eq(~self.i.payload.sums.ranges.any())]
                    m.next = FIRST
            add_steps(m, steps, "done")
            with m.State("done"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "idle"
        return m

    def _divisor(self, m: Module, number: data.View) -> tuple[Signal, Signal]:
        """A scalar rounded to the bits of the divider, ties to even, and its exponent."""
        bits = self._fmt.reciprocal
        spare = SCALAR_BITS - bits
        divisor = Signal(bits)
        exponent = Signal(signed(GRID_BITS + 1))
        rounded = Signal(bits + 1)
        carry = rounded[bits]
        kept = number.mantissa[spare:]
        up: Value = Cat()
        if spare:
            up = number.mantissa[spare - 1] & (number.mantissa[: spare - 1].any() | kept[0])
        m.d.comb += [
            rounded.eq(kept + up),
            divisor.eq(Mux(carry, rounded >> 1, rounded)),
            exponent.eq(number.exponent + spare + carry),
        ]
        return divisor, exponent
