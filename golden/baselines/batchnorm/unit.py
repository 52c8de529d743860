"""The two-pass batch-norm units to the last bit, in the order of operations of the hardware.

Arrays are float32: elements (C, n) with the precision of the format, one number per channel (C,).
The sums of a channel: neighbouring lanes in a tree, every second beat into one of two partial sums,
then the two. Products of elements are exact for bfloat16; everything is added in float32.
docs/batchnorm.md has the formulas.
"""

from dataclasses import dataclass

import numpy as np

from golden.baselines.batchnorm.floats import Float32, add, multiply, narrow, rsqrt, subtract
from golden.spec.floats import FloatFormat


@dataclass(frozen=True)
class Host:
    """What the host sets for a tensor.

    Parameters
    ----------
    fmt: of the elements.  lanes: elements of a beat, a power of two.
    inverse: 1/n for n elements of a channel.  epsilon: added to the variance; positive, normal.
    """

    fmt: FloatFormat
    lanes: int
    inverse: np.float32
    epsilon: np.float32


@dataclass(frozen=True)
class ChannelConstants:
    """result = x·`x` + dy·`dy` + `offset`, one of each per channel."""

    x: Float32
    dy: Float32
    offset: Float32


def total(terms: Float32, lanes: int) -> Float32:
    """Sums of (C, n) over n, (C,)."""
    count = len(terms)
    padded = np.zeros((count, -(-terms.shape[1] // lanes) * lanes), np.float32)
    padded[:, : terms.shape[1]] = terms
    tree = padded.reshape(count, -1, lanes)
    while tree.shape[2] > 1:
        tree = add(tree[:, :, ::2], tree[:, :, 1::2])
    partial = np.zeros((2, count), np.float32)
    for beat in range(tree.shape[1]):
        partial[beat % 2] = add(partial[beat % 2], tree[:, beat, 0])
    return add(partial[0], partial[1])


def mean(x: Float32, host: Host) -> Float32:
    """MEAN: μ."""
    return multiply(total(x, host.lanes), host.inverse)


def variance(x: Float32, mean: Float32, host: Host) -> tuple[Float32, Float32]:
    """VARIANCE: (σ², 1/√(σ² + ε)); the differences are rounded to elements before they are squared."""
    centred = narrow(subtract(x, mean[:, None]), host.fmt)
    found = multiply(total(multiply(centred, centred), host.lanes), host.inverse)
    return found, rsqrt(add(found, host.epsilon))


def apply_words(gamma: Float32, beta: Float32, mean: Float32, scale: Float32, host: Host) -> ChannelConstants:
    """What APPLY holds still for a channel; the offset belongs to the factor as it was rounded."""
    factor = narrow(multiply(gamma, scale), host.fmt)
    return ChannelConstants(factor, np.zeros_like(factor), subtract(beta, multiply(factor, mean)))


def grad_words(
    gamma: Float32, mean: Float32, scale: Float32, d_gamma: Float32, d_beta: Float32, host: Host
) -> ChannelConstants:
    """What GRAD holds still for a channel."""
    factor = narrow(multiply(gamma, scale), host.fmt)
    slope = multiply(multiply(multiply(d_gamma, scale), factor), host.inverse)
    slope = -narrow(slope, host.fmt)
    level = multiply(multiply(factor, d_beta), host.inverse)
    return ChannelConstants(slope, factor, subtract(multiply(-slope, mean), level))


def elementwise(x: Float32, dy: Float32, words: ChannelConstants, fmt: FloatFormat) -> Float32:
    """APPLY (dy = 0) and GRAD: the same datapath."""
    both = add(multiply(x, words.x[:, None]), multiply(dy, words.dy[:, None]))
    return narrow(add(both, words.offset[:, None]), fmt)


def reduce(x: Float32, dy: Float32, mean: Float32, scale: Float32, host: Host) -> tuple[Float32, Float32]:
    """REDUCE: (dβ, dγ)."""
    d_beta = total(dy, host.lanes)
    moment = subtract(total(multiply(dy, x), host.lanes), multiply(d_beta, mean))
    return d_beta, multiply(moment, scale)
