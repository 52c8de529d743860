"""What learns: the choices, their limits, and that nothing else moves."""

from dataclasses import replace

import pytest
import torch

from golden.learning import (
    Head,
    LayerScheme,
    LearningError,
    Rates,
    Scheme,
    Statistics,
    everything,
    head_only,
    last_blocks,
    norms_only,
    step,
)
from golden.learning.scheme import blocks
from tests.golden.learning.samples import NETWORK, batch, settled

LAYERS = len(NETWORK.layers)
NOTHING = tuple(LayerScheme() for _ in range(LAYERS))


def test_blocks_are_told_by_names() -> None:
    assert blocks(NETWORK) == ("conv", "block1", "block2")
    learns = [it.learns for it in last_blocks(NETWORK, 1).layers]
    assert learns == [layer.name.startswith("block2") for layer in NETWORK.layers]
    assert all(it.channels and it.norm for it in everything(NETWORK).layers)
    assert [it.channels for it in last_blocks(NETWORK, 3, 0.5).layers] == [1, 2, 2, 2, 2, 3]


@pytest.mark.parametrize(
    "scheme", [everything(NETWORK), last_blocks(NETWORK, 1, 0.5), norms_only(NETWORK), head_only(NETWORK)]
)
@pytest.mark.parametrize("statistics", Statistics)
def test_only_what_learns_moves(scheme: Scheme, statistics: Statistics) -> None:
    scheme = replace(scheme, statistics=statistics)
    state = settled()
    after = state
    for seed in range(4):
        after, report = step(NETWORK, after, *batch(seed=seed), Rates(0, 200), scheme)
    assert report.kept == sum(
        int(it.mask[:, : learns.channels].sum())
        for it, learns in zip(state.layers, scheme.layers, strict=True)
    )
    for a, b, learns in zip(state.layers, after.layers, scheme.layers, strict=True):
        for old, new in ((a.codes, b.codes), (a.counters, b.counters)):
            assert torch.equal(old[:, learns.channels :], new[:, learns.channels :])
        assert torch.equal(a.counters, b.counters) == (learns.channels == 0)
        assert torch.equal(a.gamma, b.gamma) != learns.norm
        assert torch.equal(a.beta, b.beta) != learns.norm
        still = (a.spread.mantissa == b.spread.mantissa).all()
        assert still == (statistics == Statistics.RUNNING)
    assert torch.equal(state.head.weights, after.head.weights) == (scheme.head != Head.ALL)
    assert not torch.equal(state.head.bias, after.head.bias)


def test_a_frozen_head_stays() -> None:
    scheme = Scheme((*NOTHING[:-1], LayerScheme(4, True)), Head.FROZEN)
    after, _ = step(NETWORK, settled(), *batch(), Rates(0, 200), scheme)
    assert torch.equal(after.head.weights, settled().head.weights)
    assert torch.equal(after.head.bias, settled().head.bias)


def test_one_image_is_legal_with_running_statistics_alone() -> None:
    images, labels = batch()
    scheme = replace(everything(NETWORK), statistics=Statistics.RUNNING)
    state = settled()
    after, _ = step(NETWORK, state, images[:1], labels[:1], Rates(0, 200), scheme)
    assert any((a.counters != b.counters).any() for a, b in zip(state.layers, after.layers, strict=True))
    with pytest.raises(LearningError, match="batch of 1: statistics of a batch need 2 images"):
        step(NETWORK, state, images[:1], labels[:1], Rates(0, 200), everything(NETWORK))


def test_schemes_that_cannot_be() -> None:
    with pytest.raises(LearningError, match="scheme: nothing learns; legal"):
        Scheme(NOTHING, Head.FROZEN)
    with pytest.raises(LearningError, match="layer 1: channels = -1; legal: 0 or more"):
        Scheme((LayerScheme(), LayerScheme(-1)))
    with pytest.raises(LearningError, match="scheme of 2 layers; the network has 6"):
        step(NETWORK, settled(), *batch(), Rates(0, 0), Scheme(NOTHING[:2]))
    with pytest.raises(LearningError, match=r"layer block1.conv1: 5 channels learn; legal: 0…4"):
        Scheme((LayerScheme(), LayerScheme(5), *NOTHING[2:])).demand(NETWORK)
    for count, share in ((0, 1.0), (1, 0.0), (1, 1.5)):
        with pytest.raises(LearningError, match=f"last {count} blocks, share {share} of the channels; legal"):
            last_blocks(NETWORK, count, share)
