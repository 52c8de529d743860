"""Channels for the passes: ordinary ones and every corner case, encoded, with what the model says of them."""

from dataclasses import dataclass

import numpy as np

from golden.lightnorm import channel, scalars, unit
from golden.lightnorm.blocks import Blocks, encode_floats
from golden.lightnorm.channel import ApplyWords, Gradients, GradWords, Statistics
from golden.lightnorm.scalars import Scalars
from golden.spec import block
from golden.spec.block import Constants, Flag, NormFormat, Spikes

CHANNELS = 8
GAMMA = np.array([1, 1, -2, 0.5, 1, 1, 1, 0], np.float64)


@dataclass(frozen=True)
class Sample:
    """Eight channels and all results of the model."""

    constants: Constants
    beta: Scalars
    x: Blocks
    dy: Blocks
    y: Blocks
    dx: Blocks
    found: Statistics
    gradients: Gradients
    apply: ApplyWords
    grad: GradWords
    flags: tuple[Flag, Flag]


def sample(seed: int, values: int, wanted: int, fmt: NormFormat, spikes: Spikes = Spikes.BLOCK) -> Sample:
    """Channels of any mean and size; a constant one, one with ties, one with an outlier, one far from
    zero, gamma 0 and < 0."""
    rng = np.random.default_rng(seed)
    shape, column = (CHANNELS, values), (CHANNELS, 1)
    x = rng.normal(size=shape) * 2.0 ** rng.integers(-10, 10, column)
    x += rng.normal(size=column) * 2.0 ** rng.integers(-10, 10, column)
    x[1] = 0.75
    x[2] = np.round(rng.normal(size=values))
    x[3, values // 2] = 5000.0
    # Far from zero for its spread: a step or two of the format.
    x[6] = 1000 * (1 + rng.normal(size=values) * 2.0 ** -(fmt.forward.magnitude_bits + 1))
    x[4] = rng.normal(size=values) * 2.0**fmt.forward.exponent_low
    least, most = fmt.gradient.exponent_low - 3, fmt.gradient.exponent_high
    dy = rng.normal(size=shape) * 2.0 ** rng.integers(max(-20, least), min(10, most), column)
    dy *= 2.0 ** rng.integers(-6, 1, shape)
    dy[5] = x[5]
    dy[6] = 0
    beta = rng.normal(size=CHANNELS).astype(np.float32).astype(np.float64)
    constants = block.constants(values, wanted)
    xs, _ = encode_floats(x, fmt.forward)
    dys, _ = encode_floats(dy, fmt.gradient)
    gammas, betas = scalars.from_floats(GAMMA), scalars.from_floats(beta)
    found = unit.stat(xs, constants, fmt)
    apply = channel.apply_words(found, gammas, betas, fmt)
    y, forward_flags = unit.apply(xs, found, apply, fmt)
    back = unit.backward(xs, dys, found, gammas, constants, fmt, spikes)
    return Sample(
        constants,
        betas,
        xs,
        dys,
        y,
        back.dx,
        found,
        back.gradients,
        apply,
        channel.grad_words(back.gradients, fmt),
        (forward_flags, back.flags),
    )
