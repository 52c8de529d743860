"""Powers of two for activations, chosen on sample images."""

import math
from collections.abc import Mapping
from dataclasses import replace

import torch

from golden.compress.pooled import PooledLayer, taken
from golden.compress.quantized import QuantizedNet
from golden.compress.quantized_layer import QuantizedLayer
from golden.graph.joined import SideBySide, complete
from golden.graph.operations.floats import Chosen, FloatOperation, Sample
from golden.numerics.grids import best_grid
from golden.spec.errors import UnsupportedError

_PASSES = 8
"""Through the network, until tensors side by side have one grid: coarser ones may coarsen what follows."""


def calibrate(net: QuantizedNet, images: torch.Tensor) -> None:
    """Choose the grids of a network, layer by layer on what the layers before it give.

    Tensors that lie side by side get the coarsest grid that one of them chose.

    Parameters
    ----------
    images: sample images, float32 (N, C, H, W); a few hundred suffice. No labels are read.

    Raises UnsupportedError where tensors side by side find no common grid.
    """
    rows = SideBySide(net.graph.joined.values()).rows
    wanted: dict[str, float] = dict(net.graph.grids)
    for _ in range(_PASSES):
        scales = _calibrate(net, images, wanted)
        coarsest = {row: max(scales[name] for name in row) for row in rows}
        if all(scales[name] == scale for row, scale in coarsest.items() for name in row):
            return
        wanted |= {name: math.log2(scale) for row, scale in coarsest.items() for name in row}
    found = ", ".join(f"{name} of {scales[name]:.3g}" for row in rows for name in row)
    raise UnsupportedError(
        f"concatenation: its operands find no common steps: {found}; supported: operands of like size"
    )


def _calibrate(net: QuantizedNet, images: torch.Tensor, wanted: Mapping[str, float]) -> dict[str, float]:
    """Once through the network; `wanted`: exponents of tensors. Returns the worth of a step of each."""
    with torch.no_grad():
        net.input_grid = input_grid(net, images)
        scales = {net.graph.input: 2.0**net.input_grid}
        values = {net.graph.input: torch.round(images / scales[net.graph.input]).clamp(-128, 127)}
        for module in net.stages:
            _advance(net, module, values, scales, wanted.get(module.layer.output))
    return scales


def input_grid(net: QuantizedNet, images: torch.Tensor) -> int:
    """Exponent of the steps of the images: those of the user's file, or the best for the samples."""
    kept = net.graph.grids.get(net.graph.input)
    return best_grid(images) if kept is None else kept


def hold(net: QuantizedNet, images: torch.Tensor) -> None:
    """Choose the grids anew if training has moved weights to where the present ones cannot hold them."""
    scales = net.scales()
    if not all(stage.holds(scales[stage.layer.input]) for stage in net.stages):
        calibrate(net, images)


def restore_statistics(net: QuantizedNet, images: torch.Tensor) -> None:
    """Move batch norm's statistics as compression moved those of the sums on sample images.

    Afterwards mean and variance of what batch norm gives equal those in the float network, channel
    by channel, on the sample images; so an exact layer keeps its statistics, and so does one without
    batch norm. No labels are read; the grids are chosen on the way.
    """
    with torch.no_grad():
        net.input_grid = input_grid(net, images)
        scales = {net.graph.input: 2.0**net.input_grid}
        values = {net.graph.input: torch.round(images / scales[net.graph.input]).clamp(-128, 127)}
        reals = {net.graph.input: images}
        for module in net.stages:
            layer = module.layer
            sums = layer.sums(reals)
            if isinstance(module, QuantizedLayer) and module.batch_norm:
                got = _plain_sums(module, values, scales)
                wanted = sums - module.product.bias[:, None, None]
                spread = (_spread(got, module) / _spread(wanted, module)).sqrt()
                offset = wanted.mean(dim=(0, 2, 3)) - module.mean
                module.mean.copy_(got.mean(dim=(0, 2, 3)) - offset * spread)
                module.variance *= spread.square()
            reals[layer.output] = layer.finish(sums, reals)
            complete(reals, net.graph.joined, lambda parts: torch.cat([reals[it] for it in parts], 1))
            _advance(net, module, values, scales, net.graph.grids.get(layer.output))


def _plain_sums(
    module: QuantizedLayer, values: dict[str, torch.Tensor], scales: dict[str, float]
) -> torch.Tensor:
    """What batch norm gets, in real units, without a bias."""
    layer = module.layer
    weight = module.real_weight() * scales[layer.input]
    return module.product.window.convolve(values[layer.input], weight, groups=module.product.groups)


def _spread(sums: torch.Tensor, module: QuantizedLayer) -> torch.Tensor:
    """Variance of each channel, kept away from zero."""
    return sums.var(dim=(0, 2, 3)) + module.epsilon


def _advance(
    net: QuantizedNet,
    module: QuantizedLayer | PooledLayer,
    values: dict[str, torch.Tensor],
    scales: dict[str, float],
    wanted: float | None,
) -> None:
    """Choose a layer's grids and compute its output feature; `wanted`: exponent of its steps, if given."""
    layer = module.layer
    x, scale = taken(layer, values, scales)
    others = {name: (values[name] * scales[name], scales[name]) for name in layer.reads}
    module.choose(
        x,
        scale,
        others,
        lambda sums: choose_grids(layer.behind, replace(sums, wanted=wanted), others),
    )
    real = {name: other for name, (other, _) in others.items()}
    values[layer.output] = module.finish(module(x, scale, False), real)
    scales[layer.output] = module.scale

    def together(parts: tuple[str, ...]) -> torch.Tensor:
        coarsest = max(scales[it] for it in parts)
        return torch.cat([torch.round(values[it] * (scales[it] / coarsest)) for it in parts], 1)

    complete(values, net.graph.joined, together)
    complete(scales, net.graph.joined, lambda parts: max(scales[it] for it in parts))


def choose_grids(
    epilogue: tuple[FloatOperation, ...],
    sample: Sample,
    features: Mapping[str, tuple[torch.Tensor, float]],
) -> Chosen:
    """Grids of what an epilogue takes and gives; parameters as of `FloatOperation.quantise`."""
    if not epilogue:
        return sample.last, ()
    first, rest = epilogue[0], epilogue[1:]
    return first.quantise(sample, features, lambda after: choose_grids(rest, after, features))
