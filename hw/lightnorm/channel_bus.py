"""What both kinds of a channel's arithmetic share: the scalars that they keep, the bus, what is found."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data

from golden.spec.block import NormFormat
from hw.lightnorm.channel_layouts import parameters_layout
from hw.lightnorm.channel_steps import Source
from hw.lightnorm.scalar import below_step, scalar_layout

_KEPT = (Source.FACTOR, Source.FIRST, Source.SECOND, Source.THIRD)


class Bus:
    """The scalar that a step names, and the registers that keep the number.

    Parameters
    ----------
    arithmetic: the component with `channel_layouts.arithmetic_ports`.  step: its step, decoded.
    number: the number.  negative: what the last test said.
    """

    def __init__(
        self, m: Module, arithmetic: Any, step: dict[str, Signal], number: data.View, negative: Value
    ) -> None:
        self._step, self._number = step, number
        self.kept = {key: Signal(scalar_layout(), name=key.name.lower()) for key in _KEPT}
        self.value = Signal(scalar_layout(), name="bus")
        given = arithmetic.parameters.payload
        sources = {Source.NUMBER: number}
        sources |= {key: scalar for key, scalar in self.kept.items() if key != Source.THIRD}
        for name in ("inverse", "spread", "epsilon"):
            sources[getattr(Source, name.upper())] = getattr(arithmetic, name)
        for name in parameters_layout().members:
            sources[getattr(Source, name.upper())] = given[name]
        source = Signal.like(step["source"], name="source")
        m.d.comb += source.eq(step["source"])
        with m.If(step["source"] == Source.LARGER):
            m.d.comb += source.eq(Mux(negative, Source.SECOND, Source.EPSILON))
        with m.Switch(source):
            for key, scalar in sources.items():
                with m.Case(key):
                    m.d.comb += self.value.eq(scalar)

    def save(self, m: Module) -> None:
        """In this cycle the register that the step names takes the number."""
        for key, target in self.kept.items():
            with m.If(self._step["save"] == key):
                m.d.sync += target.eq(self._number)


def find(
    m: Module,
    fmt: NormFormat,
    out: data.View,
    back: Value,
    flat: Value,
    words: data.View,
    kept: dict[Source, data.View],
) -> None:
    """Drives a channel's result, `channel_layouts.result_layout`."""
    mean, spread = kept[Source.FIRST], kept[Source.SECOND]
    outputs = {
        Source.FIRST: ("mean", "d_beta"),
        Source.SECOND: ("spread", "d_gamma"),
        Source.THIRD: ("scale", "spike"),
    }
    m.d.comb += [
        out.backward.eq(back),
        out.words.eq(words),
        out.flat.eq(flat),
        out.coarse.eq(~back & below_step(fmt.forward, mean, spread)),
        *(out[name].eq(kept[key]) for key, names in outputs.items() for name in names),
    ]
