"""What was learnt as a network of the compiler: the same labels, and a program that runs to the same bits."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from golden.compiler import compile_network
from golden.graph import network_file
from golden.graph.reference import run_network
from golden.learning import LearningError, Plan, State, logits, train
from golden.learning.finish import HEAD, finish
from golden.lightnorm import scalars
from golden.machine.run import run_program
from golden.spec.config import TINY
from tests.golden.learning.samples import NETWORK, batch, settled


@cache
def learnt() -> State:
    return train(NETWORK, settled(), *batch(160, seed=1), Plan(epochs=4, batch=16))


def test_labels_are_those_of_inference_and_logits_are_near() -> None:
    images, _ = batch(200, seed=3)
    made = finish(NETWORK, learnt(), images[:64])
    mine = logits(NETWORK, learnt(), images).numpy() / 1024
    found = run_network(made, images.numpy())
    theirs = found[HEAD].reshape(len(images), -1) * made.features[HEAD].scale
    assert (mine.argmax(1) == theirs.argmax(1)).mean() > 0.95
    assert np.sqrt(((mine - theirs) ** 2).mean()) < 0.1 * mine.std()
    # Logits use their eight bits.
    assert 32 < np.abs(found[HEAD].astype(int)).max() <= 127
    assert made.features["block2.conv2"].shape == (6, 1, 1)


def test_it_compiles_and_the_machine_gives_the_same_bits() -> None:
    images, _ = batch(8, seed=3)
    made = finish(NETWORK, learnt(), images)
    program = compile_network(made, TINY)
    assert network_file.to_bytes(network_file.from_bytes(network_file.to_bytes(made), "it")) == (
        network_file.to_bytes(made)
    )
    expected = run_network(made, images.numpy())[HEAD]
    np.testing.assert_array_equal(run_program(program, images.numpy()).tensors[HEAD], expected)


def test_codes_and_masks_are_the_state_s() -> None:
    made = finish(NETWORK, learnt(), batch(8)[0])
    for layer, it in zip(made.layers, learnt().layers, strict=False):
        weights = layer.convolution.weights
        np.testing.assert_array_equal(weights.coefficients[..., 0], it.codes.numpy())  # type: ignore[union-attr]
        np.testing.assert_array_equal(weights.mask[..., 0], it.mask.numpy())  # type: ignore[union-attr]


def test_a_channel_without_spread_gives_beta() -> None:
    state = learnt()
    it = state.layers[1]
    spread = it.spread.floats()
    spread[2] = 0
    layers = list(state.layers)
    layers[1] = replace(it, spread=scalars.from_floats(spread))
    images, _ = batch(8)
    made = finish(NETWORK, replace(state, layers=tuple(layers)), images)
    channel = run_network(made, images.numpy())["block1.conv1"][:, 2]
    assert len(set(channel.ravel().tolist())) == 1
    expected = max(0.0, float(it.beta[2]) / 1024) / 2.0**it.activation
    assert abs(int(channel.flat[0]) - min(expected, 127)) <= 0.5


def test_what_the_accelerator_cannot_hold_is_refused() -> None:
    images, _ = batch(8)
    same = replace(NETWORK, layers=(replace(NETWORK.layers[0], name="head"), *NETWORK.layers[1:]))
    with pytest.raises(LearningError, match=r"names \['input', 'head', .*; legal: different ones"):
        finish(same, learnt(), images)
    state = replace(learnt(), head=replace(learnt().head, activation=-16))
    with pytest.raises(LearningError, match=r"head: a mean shifted by -\d+; legal: 0…15"):
        finish(NETWORK, state, images)
