"""The same training step in float64 with autograd: an oracle of the gradients, blind to how golden gets them.

Values are those of golden's forward pass; their derivatives are the float network's, straight through
every rounding. Nothing on the way back is rounded.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import conv2d

from golden.learning.forward import Trace, head_integers, map_exponent
from golden.learning.network import Network
from golden.learning.norm import Normed
from golden.learning.planes import by_channel, by_image
from golden.learning.state import State
from golden.spec.learning import IMAGE_EXPONENT


@dataclass(frozen=True)
class FloatGradients:
    """float64: of each layer's weights, gamma, beta; of the head's weights and bias."""

    weights: list[torch.Tensor]
    gamma: list[torch.Tensor]
    beta: list[torch.Tensor]
    head: torch.Tensor
    bias: torch.Tensor


def through(real: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """`value` with the derivative of `real`."""
    return real + (value - real).detach()


def range_norm(x: torch.Tensor, gamma: torch.Tensor, beta: torch.Tensor, normed: Normed) -> torch.Tensor:
    """x (C, n) → y, in float64; extremes where golden found them, constants where it took running ones."""
    if not normed.found.highest.shape[1]:
        mean, spread = (
            torch.from_numpy(it.floats())[:, None] for it in (normed.found.mean, normed.found.spread)
        )
        return gamma[:, None] * (x - mean) / (spread + 1e-5) + beta[:, None]
    split = normed.host.chunks
    high = x.gather(1, torch.from_numpy(normed.found.highest))
    low = x.gather(1, torch.from_numpy(normed.found.lowest))
    reach = (high - low).mean(1, keepdim=True) / np.sqrt(2 * np.log(x.shape[1] / split.count))
    centred = x - x.mean(1, keepdim=True)
    return gamma[:, None] * centred / (reach + 1e-5) + beta[:, None]


def gradients(network: Network, state: State, trace: Trace, logit_errors: torch.Tensor) -> FloatGradients:
    """logit_errors: float64 (N, classes), the derivative of the loss by the logits."""

    def leaf(values: torch.Tensor, exponent: int) -> torch.Tensor:
        return (values.to(torch.float64) * 2.0**exponent).requires_grad_()

    maps = [trace.maps[0].to(torch.float64) * 2.0**IMAGE_EXPONENT]
    weights, gammas, betas = [], [], []
    for index, (layer, it, found) in enumerate(
        zip(network.layers, state.layers, trace.layers, strict=True), 1
    ):
        weight, gamma, beta = leaf(it.codes, layer.unit), leaf(it.gamma, -10), leaf(it.beta, -10)
        z = conv2d(maps[layer.source], weight, None, layer.stride, layer.kernel // 2)
        degree = network.degrees[index]
        x = through(by_channel(z, degree), found.normed.blocks.to(torch.float64))
        y = range_norm(x, gamma, beta, found.normed)
        y = by_image(y, z.shape, degree)
        if layer.add is not None:
            y = y + maps[layer.add]
        stored = trace.maps[index].to(torch.float64)
        # Where only an addition reads a map its error is that of the sum, whatever was saturated.
        if network.readers(index) or index == len(network.layers):
            y = y * ((stored > 0) & (stored < 127) if layer.relu else stored.abs() < 127)
        maps.append(through(y, stored * 2.0 ** map_exponent(state, index)))
        weights.append(weight)
        gammas.append(gamma)
        betas.append(beta)
    head = (head_integers(state.head).to(torch.float64) * 2.0**network.head_unit).requires_grad_()
    bias = leaf(state.head.bias, -10)
    mean = maps[-1].sum((2, 3)) * 2.0**-network.pool_shift
    stored = trace.head.features.T.to(torch.float64)
    passed = mean * (stored.abs() < 127)
    logits = through(passed, stored * 2.0**state.head.activation) @ head.T + bias
    every = [*weights, *gammas, *betas, head, bias]
    found_gradients = list(torch.autograd.grad(logits, every, logit_errors))
    count = len(weights)
    return FloatGradients(
        found_gradients[:count],
        found_gradients[count : 2 * count],
        found_gradients[2 * count : 3 * count],
        found_gradients[-2],
        found_gradients[-1],
    )
