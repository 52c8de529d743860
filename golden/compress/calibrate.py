"""Powers of two for activations, chosen on sample images."""

import math

import torch
from torch import nn

from golden.compress.quantized import QuantizedLayer, QuantizedNet, finish
from golden.graph.operations.global_mean import FloatMean
from golden.graph.operations.relu import FloatRelu

_SEARCH = 4
MAX_POOL = 15
MAX_ALIGN = 7
"""Largest shifts of a pooling and of the operands of a residual add (`golden.spec.memories.back_record`)."""


def best_grid(values: torch.Tensor, dead: int = -7) -> int:
    """The exponent e whose int8 grid of steps 2**e has the least squared error on real values.

    A coarser grid rounds more, a finer one saturates more; the finer one wins ties. Values that are
    all zero get `dead`.
    """
    largest = float(values.abs().max())
    if largest == 0:
        return dead
    top = math.ceil(math.log2(largest / 127.0))
    errors = {}
    for exponent in range(top - _SEARCH, top + 1):
        step = 2.0**exponent
        grid = torch.round(values / step).clamp(-128, 127) * step
        errors[exponent] = float((grid - values).double().square().sum())
    return min(errors, key=lambda exponent: (errors[exponent], exponent))


def calibrate(net: QuantizedNet, images: torch.Tensor) -> None:
    """Choose the grids of a network, layer by layer on what the layers before it give.

    Parameters
    ----------
    images: sample images, float32 (N, C, H, W); a few hundred suffice. No labels are read.
    """
    with torch.no_grad():
        net.input_grid = best_grid(images)
        scales = {net.graph.input: 2.0**net.input_grid}
        values = {net.graph.input: torch.round(images / scales[net.graph.input]).clamp(-128, 127)}
        for module in net.stages:
            _advance(module, values, scales)


def hold(net: QuantizedNet, images: torch.Tensor) -> None:
    """Choose the grids anew if training has moved weights to where the present ones cannot hold them."""
    scales = net.scales()
    if any(stage.least_grid(scales[stage.layer.input]) > stage.grids.result for stage in net.stages):
        calibrate(net, images)


def restore_statistics(net: QuantizedNet, images: torch.Tensor) -> None:
    """Move batch norm's statistics as compression moved those of the sums on sample images.

    Afterwards mean and variance of what batch norm gives equal those in the float network, channel
    by channel, on the sample images; so an exact layer keeps its statistics, and so does one without
    batch norm. No labels are read; the grids are chosen on the way.
    """
    with torch.no_grad():
        net.input_grid = best_grid(images)
        scales = {net.graph.input: 2.0**net.input_grid}
        values = {net.graph.input: torch.round(images / scales[net.graph.input]).clamp(-128, 127)}
        reals = {net.graph.input: images}
        for module in net.stages:
            layer = module.layer
            got = _plain_sums(module, values, scales)
            sums = layer.product.run(reals[layer.input])
            if module.batch_norm:
                wanted = sums - layer.product.bias[:, None, None]
                spread = (_spread(got, module) / _spread(wanted, module)).sqrt()
                offset = wanted.mean(dim=(0, 2, 3)) - module.mean
                module.mean.copy_(got.mean(dim=(0, 2, 3)) - offset * spread)
                module.variance *= spread.square()
            reals[layer.output] = layer.finish(sums, reals)
            _advance(module, values, scales)


def _plain_sums(
    module: QuantizedLayer, values: dict[str, torch.Tensor], scales: dict[str, float]
) -> torch.Tensor:
    """What batch norm gets, in real units, without a bias."""
    layer = module.layer
    weight = module.real_weight() * scales[layer.input]
    return nn.functional.conv2d(
        values[layer.input], weight, None, layer.product.stride, layer.product.padding
    )


def _spread(sums: torch.Tensor, module: QuantizedLayer) -> torch.Tensor:
    """Variance of each channel, kept away from zero."""
    return sums.var(dim=(0, 2, 3)) + module.epsilon


def _advance(module: QuantizedLayer, values: dict[str, torch.Tensor], scales: dict[str, float]) -> None:
    """Choose a layer's grids and compute its output feature."""
    layer = module.layer
    scale = scales[layer.input]
    real = module.real_result(values[layer.input], scale)
    residual = None
    if layer.residual is not None:
        residual = values[layer.residual] * scales[layer.residual]
    choose_grids(module, real, scale, residual, scales.get(layer.residual or ""))
    values[layer.output] = finish(module, module(values[layer.input], scale, False), residual)
    scales[layer.output] = 2.0**module.grids.output
    if layer.find(FloatMean):
        scales[layer.output] *= 2.0**module.grids.pool / module.pixels


def choose_grids(
    module: QuantizedLayer,
    real: torch.Tensor,
    scale: float,
    residual: torch.Tensor | None = None,
    residual_scale: float | None = None,
) -> None:
    """Grids of one layer from its real sums and, if it has one, the real residual.

    Parameters
    ----------
    scale, residual_scale: of the input's and the residual's steps.
    """
    grids = module.grids
    least = module.least_grid(scale)
    if residual is None or residual_scale is None:
        output = real.relu() if module.layer.find(FloatRelu) else real
        grids.result = grids.output = max(best_grid(output, round(math.log2(scale))), least)
    else:
        output = real + residual
        output = output.relu() if module.layer.find(FloatRelu) else output
        other = round(math.log2(residual_scale))
        wanted = max(best_grid(real, other), least)
        # A residual of steps below 2**-7 of the result's is worth less than half of one; the machine
        # could not shift it into place, nor does it matter. Nor does one that is zero on all samples.
        grids.adds = wanted - other <= MAX_ALIGN and (other - wanted <= MAX_ALIGN or bool(residual.any()))
        if grids.adds:
            # A result that is so much finer than the residual is rounded to 2**-7 of its steps.
            grids.result = max(wanted, other - MAX_ALIGN)
            finest = min(grids.result, other)
            grids.output = max(best_grid(output, finest), finest)
        else:
            grids.result = grids.output = max(best_grid(output, other), least)
    if module.layer.find(FloatMean):
        grids.pool = _pool(output, grids.output)
        if coarser := max(0, grids.pool - MAX_POOL):
            grids.output += coarser
            grids.result += 0 if grids.adds else coarser
            grids.pool = MAX_POOL


def _pool(output: torch.Tensor, grid: int) -> int:
    """The shift of the sum over the map."""
    total = torch.round(output / 2.0**grid).clamp(-128, 127).sum(dim=(2, 3))
    return max(best_grid(total, 0), 0)
