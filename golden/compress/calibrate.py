"""Powers of two for activations, chosen on sample images."""

import math

import torch
from torch import nn

from golden.compress.quantized import MAX_ALIGN, QuantizedLayer, QuantizedNet, finish

_SEARCH = 4
MAX_POOL = 15
MAX_RESIDUAL = 15
"""Bits of the shifts of a pooling and of a residual add (`golden.spec.memories.back_record`)."""


def best_grid(values: torch.Tensor) -> int:
    """The exponent e whose int8 grid of steps 2**e has the least squared error on real values.

    A coarser grid rounds more, a finer one saturates more; the finer one wins ties.
    """
    largest = float(values.abs().max())
    if largest == 0:
        return -7
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
            weight = module.real_weight() * scales[layer.input]
            got = nn.functional.conv2d(values[layer.input], weight, None, layer.stride, layer.padding)
            sums = layer.sums(reals[layer.input])
            if module.batch_norm:
                wanted = sums - layer.bias[:, None, None]
                spread = (_spread(got, module) / _spread(wanted, module)).sqrt()
                offset = wanted.mean(dim=(0, 2, 3)) - module.mean
                module.mean.copy_(got.mean(dim=(0, 2, 3)) - offset * spread)
                module.variance *= spread.square()
            residual = None if layer.residual is None else reals[layer.residual]
            reals[layer.output] = layer.finish(sums, residual)
            _advance(module, values, scales)


def _spread(sums: torch.Tensor, module: QuantizedLayer) -> torch.Tensor:
    """Variance of each channel, kept away from zero."""
    return sums.var(dim=(0, 2, 3)) + module.epsilon


def _advance(module: QuantizedLayer, values: dict[str, torch.Tensor], scales: dict[str, float]) -> None:
    """Choose a layer's grids and compute its output feature."""
    layer = module.layer
    real = module.real_result(values[layer.input], scales[layer.input])
    residual = None
    if layer.residual is not None:
        residual = values[layer.residual] * scales[layer.residual]
    choose_grids(module, real, residual, scales.get(layer.residual or ""))
    result = module(values[layer.input], scales[layer.input], False)
    values[layer.output], scales[layer.output] = finish(module, result, residual)


def choose_grids(
    module: QuantizedLayer, real: torch.Tensor, residual: torch.Tensor | None, scale: float | None
) -> None:
    """Grids of one layer from its real sums and, if it has one, the real residual."""
    grids = module.grids
    if residual is None or scale is None:
        output = real.relu() if module.layer.relu else real
        grids.result = grids.output = best_grid(output)
    else:
        other = round(math.log2(scale))
        grids.result = min(max(best_grid(real), other - MAX_ALIGN), other + MAX_ALIGN)
        output = real + residual
        output = output.relu() if module.layer.relu else output
        finest = min(grids.result, other)
        grids.output = min(max(best_grid(output), finest), finest + MAX_RESIDUAL)
    if module.layer.pool:
        step = 2.0**grids.output
        total = torch.round(output / step).clamp(-128, 127).sum(dim=(2, 3))
        grids.pool = min(max(best_grid(total), 0), MAX_POOL)
