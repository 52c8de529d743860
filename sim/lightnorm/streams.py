"""A tensor through all passes of `hw.lightnorm.unit.LightNorm`: what goes in, and what must come out."""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Shape
from amaranth.lib import data

from golden.lightnorm import scalars
from golden.spec.block import NormFormat, Spikes
from hw.lightnorm.layouts import Op
from sim.lightnorm.beats import joint_beats, pass_beats
from sim.lightnorm.numbers import constant, numbers
from sim.lightnorm.samples import CHANNELS, GAMMA, Sample

Payloads = list[dict[str, Any]]


@dataclass(frozen=True)
class Streams:
    """Payloads by the name of a stream, and the ports that stand still.

    Parameters
    ----------
    inputs: what is sent.  results: what must come; a field that is not named may be anything.
    still: port → value.
    """

    inputs: dict[str, Payloads]
    results: dict[str, Payloads]
    still: dict[str, Any]


def streams(case: Sample, fmt: NormFormat, lanes: int, spikes: Spikes) -> Streams:
    """Forward, then backward; in each direction a channel's second pass comes after the next one's first:
    STAT 0, STAT 1, APPLY 0, STAT 2, APPLY 1 …
    """
    host = case.constants
    gammas, betas = numbers(scalars.from_floats(GAMMA)), numbers(case.beta)
    means, scales = numbers(case.found.mean), numbers(case.found.scale)
    i: Payloads = []
    parameters: Payloads = []
    o: Payloads = []
    for first, second, blocks in ((Op.STAT, Op.APPLY, case.y), (Op.REDUCE, Op.GRAD, case.dx)):
        order = [(first, 0)]
        for channel in range(1, CHANNELS):
            order += [(first, channel), (second, channel - 1)]
        order.append((second, CHANNELS - 1))
        for op, channel in order:
            i += pass_beats(op, case.x, case.dy, channel, lanes)
        for channel in range(CHANNELS):
            fields = (gammas[channel], betas[channel], means[channel], scales[channel])
            parameters.append(dict(zip(("gamma", "beta", "mean", "scale"), fields, strict=True)))
            o += [{"beat": beat} for beat in joint_beats(fmt, blocks, channel, lanes, second == Op.GRAD)]
    pairs = zip(case.found.highest.reshape(-1), case.found.lowest.reshape(-1), strict=True)
    places = [{"highest": int(a), "lowest": int(b)} for a, b in pairs]
    forward = {name: numbers(getattr(case.found, name)) for name in ("mean", "scale", "spread")}
    forward |= {name: getattr(case.found, name).astype(int).tolist() for name in ("flat", "coarse")}
    gradients = case.gradients
    backward: dict[str, list[Any]] = {
        "d_gamma": numbers(gradients.gamma),
        "d_beta": numbers(gradients.beta),
        "spike": numbers(gradients.spike),
        "flat": [0] * CHANNELS,
        "coarse": [0] * CHANNELS,
    }
    found = [
        {"backward": direction, **{name: values[channel] for name, values in fields_.items()}}
        for direction, fields_ in enumerate((forward, backward))
        for channel in range(CHANNELS)
    ]
    return Streams(
        inputs={"i": i, "parameters": parameters, "places_in": [] if spikes == Spikes.APART else places},
        results={"o": o, "found": found, "places_out": places},
        still={
            "chunk_beats": host.chunks.length // lanes,
            "chunks": host.chunks.count,
            "inverse": constant(host.inverse),
            "spread": constant(host.spread),
            "epsilon": constant(host.epsilon),
        },
    )


def pack(shape: Any, value: Any) -> int:
    """The bits of a value of a shape; fields that are not named are zero."""
    if isinstance(shape, data.StructLayout):
        return sum(pack(field.shape, value[name]) << field.offset for name, field in shape if name in value)
    if isinstance(shape, data.ArrayLayout):
        width = Shape.cast(shape.elem_shape).width
        return sum(pack(shape.elem_shape, each) << place * width for place, each in enumerate(value))
    return int(value) & ((1 << Shape.cast(shape).width) - 1)


def care(shape: Any, value: Any) -> int:
    """The bits of a shape that a value names; of a beat's magnitudes and signs those inside its mask."""
    if not isinstance(shape, data.StructLayout):
        return (1 << Shape.cast(shape).width) - 1
    bits = 0
    for name, field in shape:
        if name not in value:
            continue
        if name in ("magnitudes", "signs"):
            width = Shape.cast(field.shape).width // Shape.cast(shape["mask"].shape).width
            inside = (i for i in range(value["mask"].bit_length()) if value["mask"] >> i & 1)
            bits |= sum(((1 << width) - 1) << i * width for i in inside) << field.offset
        else:
            bits |= care(field.shape, value[name]) << field.offset
    return bits
