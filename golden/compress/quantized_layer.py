"""A layer in integers as a trainable torch module (see `golden.compress.quantized`)."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from golden.compress.decompose import Decomposition, choose_mask, decompose, round_power, solve_coefficients
from golden.compress.fold import fold, per_filter, unfold
from golden.compress.plan import LayerPlan
from golden.compress.shifts import LARGEST_TERM, filter_scale, filter_shift, least_grid
from golden.graph.floats import FloatLayer
from golden.graph.operations.batch_norm import Norm
from golden.graph.operations.convolution import FloatConvolution
from golden.graph.operations.floats import Chosen, QuantizedOperation, Sample
from golden.numerics.straight_through import requantised, rounded


class _RoundPower(torch.autograd.Function):
    """Nearest coefficient; the gradient passes."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return round_power(values)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return gradient


# torch leaves `apply` without types.
_ROUND_POWER: Callable[[torch.Tensor], torch.Tensor] = _RoundPower.apply


@dataclass(frozen=True)
class Grids:
    """What was chosen on sample images for a layer.

    Parameters
    ----------
    result: exponent of the power of two that a step of the requantised sum is worth; whole but for ReLU6.
    epilogue: what follows it, with the numbers that were chosen for it.
    """

    result: float = 0
    epilogue: tuple[QuantizedOperation, ...] = ()


class QuantizedLayer(nn.Module):
    """One layer: shadow values that train, and the integers that they stand for.

    Factored layers train real coefficients `shadow` (units, rows, S), in units of weights, and the
    `basis` (units, S, S). `unit` (units, 1, S) is the worth of coefficient 1; Ce = round(shadow/unit).
    Plain layers train `weight` (M, C, KH, KW).
    """

    mean: torch.Tensor
    variance: torch.Tensor
    unit: torch.Tensor
    mask: torch.Tensor

    def __init__(self, layer: FloatLayer, product: FloatConvolution, plan: LayerPlan) -> None:
        super().__init__()
        self.layer = layer
        self.product = product
        self.plan = plan
        norm = layer.find(Norm)
        self.shape = product.weight.shape
        self.grids = Grids()
        self.plain = plan.kind == "plain"
        self.batch_norm = norm is not None
        self.epsilon = 0.0 if norm is None else norm.epsilon
        if norm is None:
            self.beta = nn.Parameter(product.bias.clone())
        else:
            self.gamma = nn.Parameter(norm.gamma.clone())
            self.beta = nn.Parameter(norm.beta.clone())
            self.register_buffer("mean", norm.mean - product.bias)
            self.register_buffer("variance", norm.variance.clone())
        if self.plain:
            self.weight = nn.Parameter(product.weight.clone())
        else:
            target = unfold(product.weight, plan)
            self._adopt(decompose(target, plan, self.shape[0], 1.0), target)

    def _adopt(self, found: Decomposition, target: torch.Tensor) -> None:
        """Shadow values from a decomposition: rows of the basis of norm 1, so that a step of the
        optimiser means the same to a coefficient as to a weight."""
        norm = found.basis.double().norm(dim=2).to(target.dtype)
        unit = torch.where(norm > 0, norm, torch.ones_like(norm))
        basis = found.basis / unit[:, :, None]
        exact = solve_coefficients(target.double(), basis.double()).to(target.dtype)
        self.shadow = nn.Parameter(torch.where(found.mask, found.coefficients * unit[:, None], exact))
        self.basis = nn.Parameter(basis)
        self.register_buffer("unit", unit[:, None])
        self.register_buffer("mask", found.mask)

    @property
    def chosen(self) -> tuple[Any, ...]:
        """What was chosen on sample images."""
        return self.grids.result, self.grids.epilogue

    @chosen.setter
    def chosen(self, values: tuple[Any, ...]) -> None:
        self.grids = Grids(*values)

    def prune(self, density: float) -> None:
        """Keep the coefficients that matter most now; pruned ones go on training in the shadow."""
        if not self.plain:
            with torch.no_grad():
                score = self.shadow.abs() * self.basis.norm(dim=2)[:, None]
                self.mask = choose_mask(score, self.plan, density, self.shape[0])

    def refit(self, density: float) -> None:
        """Decompose again what all shadow values stand for, and keep `density` of the coefficients."""
        if not self.plain:
            with torch.no_grad():
                target = self.shadow @ self.basis
                self._adopt(decompose(target, self.plan, self.shape[0], density), target)

    def coefficients(self) -> torch.Tensor:
        """Ce, (units, rows, S): 0 or ±2**p."""
        return _ROUND_POWER(self.shadow / self.unit) * self.mask

    def real_weight(self) -> torch.Tensor:
        """The weights that the layer stands for, before batch norm, (M, C, KH, KW)."""
        if self.plain:
            return self.weight
        return fold((self.coefficients() * self.unit) @ self.basis, self.plan, self.shape)

    def folded(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Batch norm as (factor, offset) of each filter."""
        if not self.batch_norm:
            return torch.ones_like(self.beta), self.beta
        factor = self.gamma / torch.sqrt(self.variance + self.epsilon)
        return factor, self.beta - self.mean * factor

    def integers(self, scale: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """What the machine holds, for an input of `scale`, as floats that are whole numbers.

        Returns (weights Ce·B or w·scale (M, C, KH, KW), terms, bias (M,), shift (M,)); terms are the
        int8 basis (units, S, S), or the scale of each filter (M,) for a plain layer.
        """
        factor, offset = self.folded()
        grid = 2.0**self.grids.result
        real = self._real_terms(factor, scale / grid)
        largest = self._largest(real)
        shift = filter_shift(largest, offset / grid)
        if self.plain:
            terms = filter_scale(largest * 2.0**shift).detach()
            each = (factor * (scale / grid) * 2.0**shift / terms)[:, None, None, None]
            weights = rounded(self.weight * each) * terms[:, None, None, None]
        else:
            terms = rounded(real * per_filter(2.0**shift, self.plan))
            weights = fold(self.coefficients() @ terms, self.plan, self.shape)
        return weights, terms, rounded(offset * 2.0 ** (shift - self.grids.result)), shift

    def choose(
        self,
        x: torch.Tensor,
        scale: float,
        features: Mapping[str, tuple[torch.Tensor, float]],
        after: Callable[[Sample], Chosen],
    ) -> None:
        """Choose the grids on whole numbers x (N, C, H, W), worth `scale` each."""
        sums = Sample(self.real_result(x, scale), self.least_grid(scale), round(math.log2(scale)))
        self.grids = Grids(*after(sums))

    def holds(self, scale: float) -> bool:
        """Whether the grids are still such that the machine can hold terms and biases."""
        return self.least_grid(scale) <= self.grids.result

    def least_grid(self, scale: float) -> int:
        """The finest result grid whose terms and biases the machine can hold, for an input of `scale`."""
        with torch.no_grad():
            factor, offset = self.folded()
            return least_grid(self._largest(self._real_terms(factor, scale)), offset)

    def _real_terms(self, factor: torch.Tensor, step: float) -> torch.Tensor:
        """Terms before rounding, batch norm's `factor` in them: (units, S, S), plain layers (M,)."""
        if self.plain:
            return self.weight.abs().amax(dim=(1, 2, 3)) * factor.abs() * (step / LARGEST_TERM)
        return self.basis * self.unit.transpose(1, 2) * (per_filter(factor, self.plan) * step)

    def _largest(self, terms: torch.Tensor) -> torch.Tensor:
        """The largest term of each filter (M,)."""
        if self.plain:
            return terms
        dims = (1, 2) if self.plan.kind == "column" else (1,)
        return terms.abs().amax(dims).reshape(-1)[: self.shape[0]]

    def forward(self, x: torch.Tensor, scale: float, norm: bool) -> torch.Tensor:
        """The requantised sum (N, M, H, W), whole numbers −128…127, of whole numbers x."""
        product = self.product
        if norm and self.batch_norm:
            weight = self.real_weight() * (scale / 2.0**self.grids.result)
            y = self._normalise(product.window.convolve(x, weight, groups=product.groups))
            return requantised(y)
        weights, _, bias, shift = self.integers(scale)
        # Dividing the operands is as exact as dividing the sum, and keeps float32 in its range.
        down = 2.0**-shift
        weights = weights * down[:, None, None, None]
        y = product.window.convolve(x, weights, bias * down, product.groups)
        return requantised(y)

    def _normalise(self, y: torch.Tensor) -> torch.Tensor:
        """Batch norm with batch statistics, in steps of the result grid."""
        step = 2.0**self.grids.result
        epsilon = self.epsilon / step**2
        mean, variance = self.mean / step, self.variance / step**2
        y = nn.functional.batch_norm(
            y, mean, variance, self.gamma / step, self.beta / step, True, 0.1, epsilon
        )
        self.mean.copy_(mean * step)
        self.variance.copy_(variance * step**2)
        return y

    @property
    def scale(self) -> float:
        """The worth of a step of the output feature."""
        scale = 2.0**self.grids.result
        for operation in self.grids.epilogue:
            scale = operation.scale(scale)
        return scale

    def finish(self, result: torch.Tensor, features: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """A requantised result and what is read beside it, in real units, by name → the output feature."""
        for operation in self.grids.epilogue:
            result = operation.run(result, features)
        return result

    def real_result(self, x: torch.Tensor, scale: float) -> torch.Tensor:
        """The sum with batch norm folded, not requantised, in real units; for calibration."""
        factor, offset = self.folded()
        weight = self.real_weight() * factor[:, None, None, None] * scale
        return self.product.window.convolve(x, weight, offset, self.product.groups)
