"""Range batch norm in float64, and how far the unit may be from it.

Own derivation. With x̂ = (x − μ)·s, s = 1/(c·Σ_k(max_k − min_k) + ε) and c = C/K, the chain rule gives
∂s/∂x = −c·s² at the maximum of each chunk, +c·s² at the minimum, 0 elsewhere, so that with g = Σdy·x̂

    dx = γ·s·(dy − mean(dy) − c·g·[maximum] + c·g·[minimum]).

Where two values of a chunk tie for an extreme the first one counts: one of the valid subgradients.
A channel without range has x̂ = 0 and dx = 0, never 1/ε.
"""

from dataclasses import dataclass

import numpy as np

from golden.lightnorm.blocks import Blocks
from golden.lightnorm.scalars import Float64
from golden.lightnorm.unit import chunk_slices
from golden.spec.block import Constants, NormFormat, Rounding, Scalar


@dataclass(frozen=True)
class Reference:
    """Float64 forward pass; arrays (C, n) or (C,).

    Parameters
    ----------
    y, normal: outputs and x̂.  mean, scale: μ and s.  width: maximum − minimum of the channel.
    signs: (C, n), +1 at the maxima of the chunks, −1 at the minima, 0 elsewhere or where both.
    """

    y: Float64
    normal: Float64
    mean: Float64
    scale: Float64
    width: Float64
    signs: Float64


def _float(value: Scalar) -> float:
    return float(np.ldexp(float(value.mantissa), value.exponent))


def forward(x: Float64, gamma: Float64, beta: Float64, constants: Constants) -> Reference:
    """y = γ·x̂ + β for x of shape (C, n), γ and β of shape (C,)."""
    spread = np.zeros(len(x))
    signs = np.zeros_like(x)
    rows = np.arange(len(x))
    for part in chunk_slices(constants.chunks):
        chunk = x[:, part]
        high, low = chunk.argmax(1), chunk.argmin(1)
        spread += chunk[rows, high] - chunk[rows, low]
        signs[rows, high + part.start] += 1
        signs[rows, low + part.start] -= 1
    divisor = _float(constants.spread) * spread + _float(constants.epsilon)
    scale = np.divide(1.0, divisor, out=np.zeros_like(divisor), where=spread > 0)
    mean = x.mean(1)
    normal = (x - mean[:, None]) * scale[:, None]
    width = x.max(1) - x.min(1)
    return Reference(gamma[:, None] * normal + beta[:, None], normal, mean, scale, width, signs)


def backward(
    dy: Float64, found: Reference, gamma: Float64, constants: Constants
) -> tuple[Float64, Float64, Float64]:
    """(dx, dγ, dβ) for dy of shape (C, n)."""
    d_beta = dy.sum(1)
    d_gamma = (dy * found.normal).sum(1)
    pull = _float(constants.spread) * d_gamma
    centred = dy - dy.mean(1, keepdims=True) - pull[:, None] * found.signs
    return (gamma * found.scale)[:, None] * centred, d_gamma, d_beta


def _step(blocks: Blocks, rounding: Rounding) -> Float64:
    """Largest rounding error of each value of the blocks."""
    unit = np.ldexp(1.0, blocks.element_exponents().astype(np.int32))
    return unit / 2 if rounding == Rounding.NEAREST else unit


def relative_bound(fmt: NormFormat) -> float:
    """Relative error of γ·s: half a step of the divisor, one of the quotient, one of the scale."""
    return 1.01 * (2.0**-fmt.reciprocal + 2.0 ** -(fmt.reciprocal - 1) + 2.0 ** -(fmt.scale - 1))


def forward_bound(y: Blocks, found: Reference, gamma: Float64, beta: Float64, fmt: NormFormat) -> Float64:
    """Bound of |y of the unit − y| for each value, if the encoder met no overflow; (C, n).

    The block's own rounding; the relative error of γ·s; one step of the window (two roundings of half
    a step each, or the saturation at its end), doubled for what the relative error adds to it; a
    step of the scale where a large beta makes it coarser; the rounding of beta itself.
    """
    factor = np.abs(gamma * found.scale)[:, None]
    # The window holds width < 2**w in window − 1 bits.
    step = np.ldexp(1.0, np.frexp(found.width)[1] - (fmt.window - 1))[:, None]
    product = np.abs(gamma[:, None] * found.normal)
    large = np.abs(beta)[:, None]
    coarse = np.where(product > 0, large * 2.0 ** -(fmt.scale - 1), 0)
    offset = large * 2.0 ** -(fmt.window + fmt.scale - 2)
    own = product * relative_bound(fmt) + factor * 2 * step
    return _step(y, fmt.forward.rounding) + own + coarse + offset


def backward_bound(
    dx: Blocks, dy: Float64, found: Reference, gamma: Float64, constants: Constants, fmt: NormFormat
) -> Float64:
    """Bound of |dx of the unit − dx| for each value, if nothing saturated; (C, n). Terms as forward."""
    _, d_gamma, _ = backward(dy, found, gamma, constants)
    factor = np.abs(gamma * found.scale)[:, None]
    top = np.frexp(np.abs(dy).max(1))[1]
    step = np.ldexp(1.0, top - (fmt.gradient_window - 2))[:, None]
    terms = np.abs(dy - dy.mean(1, keepdims=True))
    terms = terms + np.abs(_float(constants.spread) * d_gamma)[:, None] * np.abs(found.signs)
    # A spike has s twice (in dγ and in γ·s), a plain value once.
    return _step(dx, fmt.gradient.rounding) + factor * (2 * relative_bound(fmt) * terms + 2 * step)
