"""A step: the same bits each time, nothing outside the mask, defined results at every end."""

from dataclasses import replace

import pytest
import torch

from golden.learning import (
    STILL,
    Layer,
    LearningError,
    Network,
    Rates,
    State,
    check_state,
    fresh_state,
    logits,
    pixels,
    step,
)
from golden.learning.forward import forward, passes
from golden.learning.state import seeded_generators
from golden.spec.learning import ACTIVATION_EXPONENTS, ERROR_EXPONENTS
from tests.golden.learning.samples import NETWORK, batch, same, settled, tensors

RATES = Rates(-1, 128)


def test_one_seed_gives_the_same_bits_and_another_does_not() -> None:
    state, data = settled(), batch()
    before = [each.clone() for each in tensors(state)]
    first, report = step(NETWORK, state, *data, RATES)
    again, report_again = step(NETWORK, state, *data, RATES)
    assert same(first, again)
    assert report == report_again
    assert first.steps == state.steps + 1
    other, _ = step(NETWORK, replace(state, generators=seeded_generators(99)), *data, RATES)
    assert any((a.codes != b.codes).any() for a, b in zip(first.layers, other.layers, strict=True))
    # The given state is as it was.
    assert all(torch.equal(a, b) for a, b in zip(before, tensors(state), strict=True))


def test_nothing_outside_the_mask_ever_changes_and_states_stay_legal() -> None:
    state = settled(density=0.25)
    masks = [it.mask for it in state.layers]
    moved = 0
    for seed in range(15):
        state, report = step(NETWORK, state, *batch(seed=seed), RATES)
        check_state(NETWORK, state)
        moved += report.moved
        for it, mask in zip(state.layers, masks, strict=True):
            assert torch.equal(it.mask, mask)
            assert not it.codes[~mask].any()
            assert not it.counters[~mask].any()
    assert moved > 100


def learnt(before: State, after: State) -> bool:
    """Whether any code, counter or parameter differs."""
    pairs = [
        (getattr(a, name), getattr(b, name))
        for a, b in zip(before.layers, after.layers, strict=True)
        for name in ("codes", "counters", "gamma", "beta")
    ]
    pairs += [(before.head.weights, after.head.weights), (before.head.bias, after.head.bias)]
    return not all(torch.equal(a, b) for a, b in pairs)


def test_a_rate_of_zero_changes_no_coefficient() -> None:
    state = settled()
    after, report = step(NETWORK, state, *batch(), STILL)
    assert not learnt(state, after)
    assert report.moved == 0
    assert learnt(state, step(NETWORK, state, *batch(), RATES)[0])


def test_errors_that_are_all_zero_change_nothing_and_scales_come_back() -> None:
    state = settled()
    state = replace(state, head=replace(state.head, error=ERROR_EXPONENTS[1]))
    after, _ = step(NETWORK, state, *batch(), RATES)
    assert not learnt(state, after)
    assert after.head.error == ERROR_EXPONENTS[1] - 1
    for index, (a, b) in enumerate(zip(state.layers, after.layers, strict=True), 1):
        assert b.error == a.error - 1
        assert b.map_error == a.map_error - bool(NETWORK.readers(index))
        assert b.gradient == a.gradient


@pytest.mark.parametrize("end", [0, 1])
def test_scales_at_their_ends(end: int) -> None:
    """A step is defined with every scale at an end, the scales come back by one or stay, and the state
    is one that training may leave."""
    state = settled()
    activation, error = ACTIVATION_EXPONENTS[end], ERROR_EXPONENTS[end]
    layers = [replace(it, activation=activation, error=error, map_error=error) for it in state.layers]
    head = replace(state.head, activation=activation, error=error, map_error=error)
    state = replace(state, layers=tuple(layers), head=head)
    after, report = step(NETWORK, state, *batch(), RATES)
    check_state(NETWORK, after)
    assert report.loss >= 0
    inwards = ACTIVATION_EXPONENTS[end] + (1, -1)[end]
    assert all(it.activation == inwards for it in after.layers)
    assert after.head.error == ERROR_EXPONENTS[end] + (1, -1)[end]


def test_saturated_features_pass_no_error() -> None:
    state = settled()
    state = replace(state, head=replace(state.head, activation=ACTIVATION_EXPONENTS[0]))
    trace = forward(NETWORK, state, batch()[0].to(torch.float32))
    full = trace.head.features == 127
    assert full.float().mean() > 0.5
    assert not passes(trace.head.features, relu=False)[full].any()
    assert passes(trace.head.features, relu=False)[trace.head.features < 127].all()


def test_constant_images_teach_the_first_layer_nothing() -> None:
    """Without range the norm gives beta and an error of zero: no gradient comes to the codes below."""
    state = settled()
    images, labels = batch()
    after, _ = step(NETWORK, state, torch.zeros_like(images), labels, RATES)
    check_state(NETWORK, after)
    assert torch.equal(after.layers[0].codes, state.layers[0].codes)
    assert torch.equal(after.layers[0].gamma, state.layers[0].gamma)
    assert not torch.equal(after.head.bias, state.head.bias)


def test_a_channel_without_variance_stays_and_the_others_learn() -> None:
    state = settled()
    codes = state.layers[1].codes.clone()
    codes[2] = 0
    counters = state.layers[1].counters.clone()
    counters[2] = 0
    layers = list(state.layers)
    layers[1] = replace(layers[1], codes=codes, counters=counters)
    state = replace(state, layers=tuple(layers))
    trace = forward(NETWORK, state, batch()[0].to(torch.float32))
    assert trace.layers[1].normed.found.flat.tolist() == [False, False, True, False]
    for seed in range(3):
        state, _ = step(NETWORK, state, *batch(seed=seed), RATES)
    after = state.layers[1]
    assert not after.codes[2].any()
    assert after.gamma[2] == layers[1].gamma[2]
    assert (after.codes != codes).any()


def test_running_statistics_follow_the_batch() -> None:
    """With share 0 they are the batch's: inference then repeats the training pass but for its folding."""
    network = replace(NETWORK, share=0)
    state = settled(network)
    images, labels = batch()
    after, _ = step(network, state, images, labels, STILL)
    trace = forward(network, state, images.to(torch.float32))
    for it, found in zip(after.layers, trace.layers, strict=True):
        assert it.mean.floats().tolist() == pytest.approx(found.normed.found.mean.floats().tolist(), rel=1e-6)
        assert it.spread.floats().tolist() == pytest.approx(
            found.normed.found.spread.floats().tolist(), rel=1e-6
        )
    inferred = logits(network, replace(after, head=state.head), images)
    gap = (inferred - trace.head.logits).abs().max()
    assert gap < 0.2 * trace.head.logits.abs().max()
    # A batch apart from the one that the state has settled on.
    images, labels = batch(seed=7)
    shared, _ = step(NETWORK, state, images, labels, STILL)
    statistics = forward(NETWORK, state, images.to(torch.float32)).layers[0].normed.found
    first, now = state.layers[0].spread.floats(), shared.layers[0].spread.floats()
    batch_spread = statistics.spread.floats()
    assert abs(batch_spread - first).min() > 0.01 * abs(first).min()
    assert now.tolist() == pytest.approx((first + (batch_spread - first) / 16).tolist(), rel=1e-6)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("label", r"labels: image 3 has label 10; legal: 0…9"),
        ("negative", r"labels: image 0 has label -1; legal: 0…9"),
        ("labels", r"labels: torch.int32 \(8,\); legal: torch.int64 \(8,\)"),
        ("few", r"labels: torch.int64 \(7,\); legal: torch.int64 \(8,\)"),
        ("floats", r"images: torch.float32 \(8, 1, 8, 8\); legal: torch.int8 \('N', 1, 8, 8\)"),
        ("shape", r"images: torch.int8 \(8, 1, 8, 7\); legal"),
        ("lowest", r"images: a pixel of −128; legal: ±127 at most"),
        ("one", r"batch of 1: statistics of a batch need 2 images.*legal: 2 or more"),
    ],
)
def test_bad_input_is_refused_and_the_state_is_as_it_was(kind: str, text: str) -> None:
    images, labels = batch()
    if kind == "label":
        labels[3] = 10
    elif kind == "negative":
        labels[0] = -1
    elif kind == "lowest":
        images[0, 0, 0, 0] = -128
    changed = {
        "labels": (images, labels.to(torch.int32)),
        "few": (images, labels[:7]),
        "floats": (images.to(torch.float32), labels),
        "shape": (images[..., :7], labels),
        "one": (images[:1], labels[:1]),
    }
    state = settled()
    before = [each.clone() for each in tensors(state)]
    with pytest.raises(LearningError, match=text):
        step(NETWORK, state, *changed.get(kind, (images, labels)), RATES)
    assert all(torch.equal(a, b) for a, b in zip(before, tensors(state), strict=True))


@pytest.mark.parametrize("value", [float("nan"), -0.1, 1.5, float("inf")])
def test_pixels_refuse_what_is_no_grey_level(value: float) -> None:
    with pytest.raises(LearningError, match="not a number in 0…1"):
        pixels(torch.tensor([0.0, value]))
    assert pixels(torch.tensor([0.0, 0.5, 1.0])).tolist() == [0, 64, 127]


def test_rates_and_densities_outside_are_refused() -> None:
    with pytest.raises(LearningError, match=r"rate of codes 2\^5; legal exponents: -24…4, None"):
        Rates(5, 0)
    with pytest.raises(LearningError, match="plain rate 256/256; legal: 0…255"):
        Rates(0, 256)
    with pytest.raises(LearningError, match="density = 0; legal: above 0, at most 1"):
        fresh_state(NETWORK, 0, 0)
    with pytest.raises(LearningError, match="density = nan"):
        fresh_state(NETWORK, 0, float("nan"))


@pytest.mark.parametrize("density", [0.01, 0.3, 1.0])
def test_a_fresh_state_is_legal(density: float) -> None:
    state = fresh_state(NETWORK, 5, density)
    check_state(NETWORK, state)
    assert bool(state.layers[0].mask.all())
    assert {int(row.sum()) for row in state.layers[1].mask} == {max(1, round(36 * density))}


def test_a_large_layer_that_reads_the_image_has_the_density_of_the_others() -> None:
    """A few channels keep all their weights; an input of 640 numbers does not."""
    wide = Network((640, 1, 1), (Layer("a", 0, 16, 1), Layer("b", 1, 16, 1)), 2)
    assert [int(it.mask[0].sum()) for it in fresh_state(wide, 1, 0.2).layers] == [128, 3]
    small = Network((3, 8, 8), (Layer("a", 0, 16, 3), Layer("b", 1, 16, 3)), 2)
    assert [int(it.mask[0].sum()) for it in fresh_state(small, 1, 0.2).layers] == [27, 29]
