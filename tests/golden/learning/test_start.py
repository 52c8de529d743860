"""A compressed network that learns: the same function before any step; what cannot learn is named."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import nn

from golden.compress import Compressed, compress, import_module, no_basis_plan
from golden.learning import LearningError, Plan, accuracy, check_state, logits, pixels, train
from golden.learning.start import from_floats, start
from golden.workloads import Dataset, fit, load_digits
from golden.workloads.networks import Residual


class Net(nn.Module):
    """A residual network that trains in a second."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.block = Residual(8, 16, 2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.block(torch.relu(self.norm(self.conv(x))))
        return self.fc(torch.flatten(self.pool(x), 1))


@cache
def trained() -> tuple[Net, Dataset, Dataset]:
    torch.manual_seed(0)
    data, test = load_digits()
    return fit(Net(), data, 5, 0, rate=1e-2), data, test  # type: ignore[return-value]


@cache
def compressed(basis: bool) -> Compressed:
    net, data, _ = trained()
    sample = data.images[:256]
    plan = None if basis else no_basis_plan(import_module(net, sample), 0.4)
    return compress(net, sample, plan, data, 2, seed=0, shift=1)


@pytest.mark.parametrize("basis", [False, True])
def test_the_function_is_the_compressed_network_s(basis: bool) -> None:
    """Before any step: the compressed network's logits and labels, on images that `start` has not seen (a
    basis is multiplied out and rounded again); and codes with head-room."""
    found, (_, data, test) = compressed(basis), trained()
    network, state = start(found.network, pixels(data.images[:256]))
    check_state(network, state)
    assert [layer.name for layer in network.layers] == [
        "conv",
        "block.conv1",
        "block.shortcut.0",
        "block.conv2",
    ]
    theirs = found.module(test.images)
    mine = logits(network, state, pixels(test.images)) / 1024
    assert (mine.argmax(1) == theirs.argmax(1)).float().mean() > (0.8 if basis else 0.9)
    assert (mine - theirs).pow(2).mean().sqrt() < (0.25 if basis else 0.15) * theirs.std()
    # A basis that is multiplied out is rounded again: up to four points were seen, over seeds and densities.
    lost = found.accuracy(test) - accuracy(network, state, pixels(test.images), test.labels)
    assert lost < (0.05 if basis else 0.02)
    for it in state.layers:
        kept = it.codes[it.mask].float()
        assert 12 < kept.square().mean().sqrt() < 20
        assert (kept.abs() == 64).float().mean() < 0.1
        assert int(it.gamma.abs().max()) < 32767


def test_without_a_basis_codes_are_those_of_the_network_but_for_a_shift() -> None:
    found, (_, data, _) = compressed(basis=False), trained()
    _, state = start(found.network, pixels(data.images[:64]))
    weights = found.network.layers[1].convolution.weights
    theirs = torch.from_numpy(weights.coefficients[..., 0].copy())  # type: ignore[union-attr]
    mine = state.layers[1].codes
    for filter_, other in zip(mine, theirs, strict=True):
        both = (filter_ != 0) & (other != 0) & (filter_.abs() < 64)
        ratios = other[both].double() / filter_[both].double()
        assert len(set(ratios.tolist())) <= 2, "one shift, but where a small code was rounded up to 1"
        assert ratios.mode().values > 0


def test_it_learns_from_there() -> None:
    """A network that knows the digits learns them with their colours turned round."""
    found, (_, data, test) = compressed(basis=False), trained()
    network, state = start(found.network, pixels(data.images[:256]))
    turned = pixels(1 - data.images), pixels(1 - test.images)
    before = accuracy(network, state, turned[1], test.labels)
    after = train(network, state, turned[0], data.labels, Plan(epochs=2))
    assert accuracy(network, after, turned[1], test.labels) > max(0.8, before + 0.2)


def test_a_large_head_takes_a_coarser_unit() -> None:
    net, data, _ = trained()
    graph = import_module(net, data.images[:64])
    last = graph.layers[-1]
    wide = replace(last, product=replace(last.convolution, weight=last.convolution.weight * 20))
    network, state = from_floats(replace(graph, layers=(*graph.layers[:-1], wide)), pixels(data.images[:64]))
    assert network.head_unit > -7
    real = state.head.weights * 2.0 ** (network.head_unit - 4)
    assert torch.allclose(
        real.float(), wide.convolution.weight.flatten(1), atol=2.0 ** (network.head_unit - 4)
    )


class Without(nn.Module):
    """A convolution without a norm."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(4, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(torch.flatten(self.pool(torch.relu(self.first(x))), 1))


def test_what_cannot_learn_is_named() -> None:
    net, data, _ = trained()
    images = data.images[:64]
    with pytest.raises(
        LearningError, match="layer first: has no batch norm; legal: a BatchNorm2d behind each"
    ):
        from_floats(import_module(Without().eval(), images), pixels(images))
    graph = import_module(net, images)
    headless = replace(graph, layers=graph.layers[:-1], outputs=(graph.layers[-2].path,))
    with pytest.raises(
        LearningError, match=r"layer block\.conv2: is no fully connected layer behind the mean"
    ):
        from_floats(headless, pixels(images))
    with pytest.raises(LearningError, match="8 images; legal: at least one batch of 32"):
        from_floats(graph, pixels(images[:8]))
    bare = replace(compressed(basis=False).network, floats=b"")
    with pytest.raises(LearningError, match="has no float networks beside its integers; legal: one made by"):
        start(bare, pixels(images))
    zero = replace(
        graph.layers[0], product=replace(graph.layers[0].convolution, weight=torch.zeros(8, 1, 3, 3))
    )
    with pytest.raises(LearningError, match="layer conv: all its weights are zero"):
        from_floats(replace(graph, layers=(zero, *graph.layers[1:])), pixels(images))
