"""Masks that change: who goes, who comes, and what stays."""

from dataclasses import replace

import pytest
import torch

from golden.learning import LearningError, Plan, check_state, everything, last_blocks, train
from golden.learning.regrow import due, regrown
from tests.golden.learning.samples import NETWORK, batch, same, settled


def test_the_smallest_go_and_as_many_come_at_a_quarter_of_the_rms() -> None:
    state = settled(density=0.25)
    found = regrown(NETWORK, state, everything(NETWORK), 0.5, 0.0, 7)
    check_state(NETWORK, found)
    for index, (a, b) in enumerate(zip(state.layers, found.layers, strict=True)):
        assert torch.equal(a.mask.flatten(1).sum(1), b.mask.flatten(1).sum(1))
        gone, come = a.mask & ~b.mask, b.mask & ~a.mask
        assert set(b.codes[come].tolist()) <= {-4, 4}
        assert not b.counters[come].any()
        stays = a.mask & b.mask
        assert torch.equal(a.codes[stays], b.codes[stays])
        if index == 0:
            # It keeps everything, so there is no empty place.
            assert not come.any()
            continue
        for filter_ in range(len(a.codes)):
            kept = int(a.mask[filter_].sum())
            assert int(gone[filter_].sum()) == min(round(kept / 2), int((~a.mask[filter_]).sum()))
            if gone[filter_].any() and stays[filter_].any():
                sizes = a.codes[filter_].abs()
                assert sizes[gone[filter_]].max() <= sizes[stays[filter_]].min()


def test_of_equal_codes_those_go_whose_counters_point_inwards() -> None:
    state = settled(density=0.25)
    it = state.layers[1]
    codes, counters = torch.zeros_like(it.codes), torch.zeros_like(it.counters)
    kept = it.mask.flatten(1).nonzero()
    for place, (filter_, where) in enumerate(kept.tolist()):
        codes.view(len(codes), -1)[filter_, where] = -8
        counters.view(len(codes), -1)[filter_, where] = place % 9 - 4
    layers = list(state.layers)
    layers[1] = replace(it, codes=codes, counters=counters)
    found = regrown(NETWORK, replace(state, layers=tuple(layers)), everything(NETWORK), 0.4, 0.0, 7)
    after = found.layers[1].mask
    for filter_ in range(len(codes)):
        gone, stays = it.mask[filter_] & ~after[filter_], it.mask[filter_] & after[filter_]
        # A negative code moves inwards with a positive counter.
        assert counters[filter_][gone].min() >= counters[filter_][stays].max()


def test_what_does_not_learn_keeps_its_mask_and_the_share_falls() -> None:
    state = settled(density=0.25)
    part = regrown(NETWORK, state, last_blocks(NETWORK, 1, 0.5), 0.5, 0.0, 1)
    for a, b, layer in zip(state.layers, part.layers, last_blocks(NETWORK, 1, 0.5).layers, strict=True):
        assert torch.equal(a.mask[:, layer.channels :], b.mask[:, layer.channels :])
    moved = [
        sum(
            int((a.mask != b.mask).sum())
            for a, b in zip(
                state.layers,
                regrown(NETWORK, state, everything(NETWORK), 0.5, done, 1).layers,
                strict=True,
            )
        )
        for done in (0.0, 0.4, 0.75)
    ]
    assert moved[0] > moved[1] > moved[2] == 0


def test_a_cut_training_changes_its_masks_alike() -> None:
    data = batch(32)
    start, plan = settled(density=0.25), Plan(epochs=60, batch=16, regrow=0.3)
    whole = train(NETWORK, start, *data, plan, stop=52)
    assert any((a.mask != b.mask).any() for a, b in zip(start.layers, whole.layers, strict=True))
    part = train(NETWORK, start, *data, plan, stop=50)
    assert same(train(NETWORK, part, *data, plan, stop=52), whole)
    assert [number for number in range(60) if due(number, number / 60)] == []
    assert [number for number in range(200) if due(number, number / 200)] == [50, 100, 150]
    with pytest.raises(LearningError, match=r"plan field 'regrow' = 1\.5; legal: 0…1"):
        Plan(epochs=1, regrow=1.5)
