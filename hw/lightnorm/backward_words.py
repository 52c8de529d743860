"""From REDUCE's sums to GRAD's words: the channel's own arithmetic of the backward pass."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import SCALAR_BITS, NormFormat
from hw.lightnorm.grad import grad_words
from hw.lightnorm.layouts import GRID_BITS
from hw.lightnorm.moment import Moment, moment_bits
from hw.lightnorm.multiply import Multiply
from hw.lightnorm.normalise import Normalise, integer_layout
from hw.lightnorm.reduce import moments
from hw.lightnorm.scalar import scalar_layout
from hw.lightnorm.sequence import FIRST, Step, add_steps
from hw.lightnorm.to_grid import ToGrid


def channel_layout(fmt: NormFormat, index_bits: int) -> data.StructLayout:
    """A channel's sums, its gamma, and mean and scale of its forward pass."""
    return data.StructLayout(
        {
            "sums": moments(fmt, index_bits),
            "gamma": scalar_layout(),
            "mean": scalar_layout(),
            "scale": scalar_layout(),
        }
    )


def result_layout(fmt: NormFormat) -> data.StructLayout:
    """GRAD's words, the parameters' gradients, and the spike as a scalar, to be carried apart."""
    return data.StructLayout(
        {
            "words": grad_words(fmt),
            "d_gamma": scalar_layout(),
            "d_beta": scalar_layout(),
            "spike": scalar_layout(),
        }
    )


class BackwardWords(wiring.Component):
    """Gradients of the parameters and GRAD's words of a channel, by a few slow products.

    Golden: `golden.lightnorm.channel.gradients` and `grad_words`.  Latency: below 450 cycles for the
    presets.  One channel at a time.

    Parameters
    ----------
    fmt: number formats.  index_bits: as REDUCE's.

    Members
    -------
    i: stream of `channel_layout`.  o: stream of `result_layout`.
    inverse, spread: In, the scalars of `golden.spec.block.Constants`; stand still.
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
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt = self._fmt
        grid, window = fmt.gradient.grid, fmt.gradient_window
        wide = moment_bits(fmt, self._index_bits)
        taken = Signal(channel_layout(fmt, self._index_bits))
        m.submodules.moment = moment = Moment(fmt, self._index_bits)
        m.submodules.normalise = normalise = Normalise(wide)
        m.submodules.multiply = multiply = Multiply()
        m.submodules.mean_grid = mean_grid = ToGrid(window)
        m.submodules.scale_grid = scale_grid = ToGrid(fmt.scale)
        m.submodules.spike_grid = spike_grid = ToGrid(window - 1 + fmt.scale + fmt.spike)
        out = self.o.payload
        exact = Signal(integer_layout(wide))
        number = Signal(scalar_layout())
        mean = Signal(scalar_layout())
        factor = Signal(scalar_layout())
        mean_word = Signal(signed(window + 1))
        window_grid = Signal(signed(GRID_BITS))
        unit = Signal(signed(GRID_BITS))
        top = taken.sums.top
        m.d.comb += [
            window_grid.eq(Mux(top == 0, 0, top + grid) - (window - 2)),
            unit.eq(Mux(factor.mantissa == 0, 0, factor.exponent + (SCALAR_BITS - fmt.scale))),
            out.words.window_grid.eq(window_grid),
            out.words.mean.eq(mean_word),
            out.words.grid.eq(unit + window_grid),
        ]
        sums = taken.sums
        steps = [
            Step(normalise, {"value": sums.total, "exponent": grid}, out.d_beta),
            Step(moment, {"total": sums.total, "product": sums.product, "mean": taken.mean}, exact),
            Step(normalise, {"value": exact.value, "exponent": exact.exponent}, number),
            Step(multiply, {"a": number, "b": taken.scale}, out.d_gamma),
            Step(multiply, {"a": out.d_beta, "b": self.inverse}, mean),
            Step(multiply, {"a": taken.gamma, "b": taken.scale}, factor),
            Step(multiply, {"a": out.d_gamma, "b": self.spread}, number),
            Step(multiply, {"a": factor, "b": number}, out.spike),
            Step(mean_grid, {"scalar": mean, "grid": window_grid}, mean_word),
            Step(scale_grid, {"scalar": factor, "grid": unit}, out.words.scale),
            Step(spike_grid, {"scalar": out.spike, "grid": unit + window_grid}, out.words.spike),
        ]
        with m.FSM():
            with m.State("idle"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.sync += taken.eq(self.i.payload)
                    m.next = FIRST
            add_steps(m, steps, "done")
            with m.State("done"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "idle"
        return m
