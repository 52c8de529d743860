"""Small networks, states and images for the tests of training."""

from dataclasses import replace
from functools import cache

import numpy as np
import torch

from golden.learning import Network, State, fresh_state, residual_network, settle

NETWORK = residual_network((1, 8, 8), (4, 1), ((4, 1), (6, 2)))


def batch(count: int = 8, seed: int = 0, network: Network = NETWORK) -> tuple[torch.Tensor, torch.Tensor]:
    """int8 images with a bright spot whose place is the label, and noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, network.classes, count)
    images = rng.integers(0, 40, (count, *network.image))
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(int(label) * 5, network.image[2])
        image[:, row : row + 2, column : column + 2] += 80
    return torch.from_numpy(images.astype(np.int8)), torch.from_numpy(labels.astype(np.int64))


@cache
def settled(network: Network = NETWORK, seed: int = 1, density: float = 0.5) -> State:
    return settle(network, fresh_state(network, seed, density), *batch(network=network))


def coarser(state: State, by: int) -> State:
    """The state with coarser errors: nothing saturates."""
    layers = tuple(replace(it, error=it.error + by, map_error=it.map_error + by) for it in state.layers)
    head = replace(state.head, error=state.head.error + by, map_error=state.head.map_error + by)
    return replace(state, layers=layers, head=head)


def tensors(state: State) -> list[torch.Tensor]:
    """All that a state holds, as tensors in a fixed order."""
    found = [
        torch.tensor([state.steps]),
        torch.from_numpy(np.array([[it.before >> 1, it.last] for it in state.generators])),
    ]
    for it in state.layers:
        found += [it.codes, it.mask, it.counters, it.gamma, it.beta]
        found += [torch.from_numpy(v) for s in (it.mean, it.spread) for v in (s.mantissa, s.exponent)]
        found.append(torch.tensor([it.activation, it.map_error, it.error, it.gradient]))
    head = state.head
    found += [head.weights, head.bias, torch.tensor([head.activation, head.map_error, head.error])]
    return found


def same(a: State, b: State) -> bool:
    """Whether two states are alike bit for bit."""
    pairs = zip(tensors(a), tensors(b), strict=True)
    return all(x.dtype == y.dtype and torch.equal(x, y) for x, y in pairs)
