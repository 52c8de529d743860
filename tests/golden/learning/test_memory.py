"""Lifespans of a step, and their places: against an independent check, over random networks and schemes."""

from dataclasses import replace

import numpy as np
import pytest

from golden.compiler.placement import Life, Placement, PlacementError, bound, check_placement, place
from golden.learning import (
    Head,
    Layer,
    LayerScheme,
    Network,
    Scheme,
    State,
    Statistics,
    everything,
    fresh_state,
    head_only,
    last_blocks,
    residual_network,
)
from golden.learning.memory import step_memory

DIGITS = residual_network((1, 8, 8), (24, 1), ((24, 1), (48, 2)))
RESNET8 = residual_network((3, 32, 32), (16, 1), ((16, 1), (32, 2), (64, 2)))


def random_step(rng: np.random.Generator) -> tuple[Network, State, Scheme, int]:
    """A residual network of random sizes, and a random choice of what learns."""
    blocks = tuple((int(rng.integers(1, 16)), int(rng.choice([1, 1, 2]))) for _ in range(rng.integers(1, 5)))
    network = residual_network(
        (int(rng.integers(1, 4)), 32, 32), (int(rng.integers(1, 16)), int(rng.choice([1, 2]))), blocks
    )
    layers = []
    for layer in network.layers:
        channels = network.shape(layer.source)[0]
        layers.append(
            LayerScheme(
                int(rng.integers(0, channels + 1)) * int(rng.integers(0, 2)), bool(rng.integers(0, 2))
            )
        )
    scheme = Scheme(tuple(layers), Head.ALL, rng.choice(list(Statistics)))
    return network, fresh_state(network, int(rng.integers(1 << 30)), 0.3), scheme, int(rng.integers(1, 9))


@pytest.mark.parametrize("steps", [100, pytest.param(1000, marks=pytest.mark.long)])
def test_random_steps_are_placed_without_overlap_close_to_the_bound(steps: int) -> None:
    rng = np.random.default_rng(0)
    worst = 0.0
    for _ in range(steps):
        lives, found = step_memory(*random_step(rng))
        check_placement(lives, found)
        worst = max(worst, found.size / bound(lives))
    assert worst <= 1.05


def test_random_lives_are_placed_without_overlap() -> None:
    """Lives that no network has; painted byte by byte."""
    rng = np.random.default_rng(1)
    for _ in range(200):
        lives = []
        for number in range(rng.integers(1, 14)):
            first = int(rng.integers(0, 10))
            size, last = int(rng.integers(1, 30)), first + int(rng.integers(0, 6))
            lives.append(Life(str(number), size, first, last, "maps"))
        found = place(lives)
        check_placement(lives, found)
        painted = np.zeros((16, found.size), int)
        for life in lives:
            address = found.addresses[life.name]
            painted[life.first : life.last + 1, address : address + life.size] += 1
        assert painted.max() == 1
        assert painted.sum() == sum(life.size * (life.last - life.first + 1) for life in lives)
        assert bound(lives) == painted.sum(1).max() <= found.size


def test_the_check_sees_what_is_wrong() -> None:
    lives = (Life("a", 4, 0, 2, "maps"), Life("b", 4, 2, 3, "maps"), Life("c", 2, 3, 4, "maps"))
    check_placement(lives, Placement({"a": 0, "b": 4, "c": 0}, 8))
    for addresses, size, text in (
        ({"a": 0, "b": 3, "c": 0}, 8, "b at 3 lies on a, at time 2"),
        ({"a": 0, "b": 4, "c": 5}, 8, "c at 5 lies on b, at time 3"),
        ({"a": 0, "b": 4, "c": 0}, 7, "b ends at 8; the memory ends at 7"),
        ({"a": -1, "b": 4, "c": 0}, 8, "a at -1 lies on the beginning"),
        ({"a": 0, "b": 4}, 8, "other tensors than those that live"),
    ):
        with pytest.raises(PlacementError, match=text):
            check_placement(lives, Placement(addresses, size))


def named(network: Network, scheme: Scheme, images: int = 8) -> dict[str, Life]:
    lives, _ = step_memory(network, fresh_state(network, 0), scheme, images)
    return {life.name: life for life in lives}


def test_lives_of_a_network_by_hand() -> None:
    """Two layers; forward at 0 and 1, head at 2, back at 3, 4, 5 and 6, 7, 8."""
    network = Network((1, 4, 4), (Layer("a", 0, 2), Layer("b", 1, 3)))
    found = named(network, everything(network), 2)
    assert (found["images 0…0"].first, found["images 0…0"].last, found["images 0…0"].size) == (0, 8, 32)
    # The map between is read forward at 1, for where errors pass at 4, for the gradient of b at 5.
    assert (found["a: map 0…1"].first, found["a: map 0…1"].last) == (0, 5)
    assert (found["b: map 0…2"].first, found["b: map 0…2"].last) == (1, 2)
    assert (found["b: errors of its map"].first, found["b: errors of its map"].last) == (2, 3)
    assert (found["a: errors of its map"].first, found["a: errors of its map"].last) == (4, 6)
    assert (found["b: errors"].first, found["b: errors"].last) == (3, 5)
    assert (found["a: values of the norm"].first, found["a: values of the norm"].last) == (0, 6)
    # 64 values of six bits, and sixteen exponents of five.
    assert found["a: values of the norm"].size == 48 + 10
    assert found["b: gradients"].size == 4 * int(fresh_state(network, 0).layers[1].mask.sum())


def test_what_is_frozen_keeps_nothing() -> None:
    found = named(DIGITS, last_blocks(DIGITS, 1))
    errors = {name.partition(":")[0] for name, life in found.items() if life.kind == "errors"}
    assert errors == {"head", "block2.shortcut", "block2.conv1", "block2.conv2"}
    # Forward alone: the values of a frozen norm go when its map stands.
    assert found["conv: values of the norm"].first == found["conv: values of the norm"].last == 0
    assert found["images 0…0"].last == 0
    assert not any(life.kind == "gradients" for life in named(DIGITS, head_only(DIGITS)).values()) or (
        "head: gradients" in named(DIGITS, head_only(DIGITS))
    )


def test_a_share_of_the_channels_keeps_that_share() -> None:
    layers = tuple(LayerScheme(6 if layer.name == "block2.conv2" else 0) for layer in DIGITS.layers)
    found = named(DIGITS, Scheme(layers))
    # The first six channels of the map that it reads wait for the gradient pass, the others go at once.
    assert found["block2.conv1: map 0…5"].last > found["block2.conv1: map 6…47"].last
    assert found["block2.conv1: map 0…5"].size * 7 == found["block2.conv1: map 6…47"].size


def test_running_statistics_keep_no_values_for_codes_alone() -> None:
    codes = tuple(LayerScheme(RESNET8.shape(layer.source)[0]) for layer in RESNET8.layers)
    found = named(RESNET8, Scheme(codes, statistics=Statistics.RUNNING), 1)
    assert all(life.first == life.last for life in found.values() if life.kind == "blocks")
    whole = named(RESNET8, replace(everything(RESNET8), statistics=Statistics.RUNNING), 1)
    assert all(life.first < life.last for life in whole.values() if life.kind == "blocks")
