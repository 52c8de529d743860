"""A network in integers: what the compressor makes, what the compiler and the reference read.

Everything is int8 activations, exact sums and one rounding shift per filter; see
`golden.spec.formats` for the number rules and `docs/machine.md` for the arithmetic.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from golden.spec.errors import UnsupportedError
from golden.spec.memories import Fold

Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Feature:
    """An int8 activation tensor.

    Parameters
    ----------
    shape: (channels, height, width).
    scale: real value of one step.
    """

    name: str
    shape: tuple[int, int, int]
    scale: float


@dataclass(frozen=True)
class Factored:
    """Weights W = Ce·B in integers.

    Parameters
    ----------
    fold: GROUP or COLUMN.
    coefficients: entries 0 or ±2**p, p in 0…6.
        GROUP, shape (⌈M/S⌉, C, KH, KW, S): filter S·g + j of group g has weights
        W[c, r, q] = Σ_k coefficients[g, c, r, q, k] · basis[g, k, j]. S = 1 is "no basis".
        The columns of the last group beyond M are zero.
        COLUMN, shape (M, C, KH, 3), KW = 3: W[m, c, r, q] = Σ_k coefficients[m, c, r, k] ·
        basis[m, k, q].
    kept: bool, same shape; coefficients outside it are zero, inside it may be zero (training).
    basis: int8 values; GROUP (⌈M/S⌉, S, S), COLUMN (M, 3, 3).
    """

    fold: Fold
    coefficients: Array
    kept: npt.NDArray[np.bool_]
    basis: Array


@dataclass(frozen=True)
class Plain:
    """Plain int8 weights, run on the array as signed digits.

    Parameters
    ----------
    weights: int8 values, shape (M, C, KH, KW).
    scale: 1…127 for each filter, shape (M,): the only basis term of the filter, so that its
        output is scale · Σ w·x + bias.
    """

    weights: Array
    scale: Array


@dataclass(frozen=True)
class Residual:
    """Adds a tensor to the requantised result: one rounding of the exact sum.

    out = saturate(round_shift((result << align_result) + (tensor << align_residual), shift))
    """

    tensor: str
    align_result: int
    align_residual: int
    shift: int


@dataclass(frozen=True)
class Layer:
    """A convolution (a fully connected layer is one whose kernel covers its whole input map).

    result = saturate(round_shift(Σ W·x + bias, shift)); then the residual, then ReLU, then the
    pooling: saturate(round_shift(Σ over the map, pool)), one pixel per channel.

    Parameters
    ----------
    path: dotted path of the module in the user's network.
    input, output: names of features.
    filters, kernel (height, width), stride, padding: as in torch.nn.Conv2d; zero padding.
    bias: int32 values, shape (M,). shift: 0…31, shape (M,).
    pool: rounding shift of the global sum pooling, or None for no pooling.
    """

    path: str
    input: str
    output: str
    filters: int
    kernel: tuple[int, int]
    stride: int
    padding: int
    weights: Factored | Plain
    bias: Array
    shift: Array
    relu: bool
    residual: Residual | None = None
    pool: int | None = None


@dataclass(frozen=True)
class Network:
    """Layers in the order of execution. `features` holds every tensor; layer outputs are unique.

    Parameters
    ----------
    floats: the float networks that this one is measured against (`golden.compress.floats`), for
        `golden.fidelity`; empty for a network that `compress` did not make.
    """

    features: dict[str, Feature]
    layers: tuple[Layer, ...]
    input: str
    output: str
    floats: bytes = field(default=b"", repr=False)


def refuse(layer: Layer, found: str, supported: str) -> UnsupportedError:
    """The error for a layer: its path, what was found and what is supported."""
    return UnsupportedError(f"layer {layer.path}: {found}; supported: {supported}")
