"""The operations in hardware: every write, and every cycle, of small networks of random options."""

from dataclasses import replace

import numpy as np
import pytest

from flows.fuzz.networks import roomy
from golden.compiler import compile_network
from golden.graph.network import Feature, Layer, Network
from golden.graph.operations.add import Add
from golden.graph.operations.gate import Gate
from golden.graph.operations.relu import Relu
from golden.graph.operations.requantise import Requantise
from golden.graph.reference import run_network
from golden.spec.config import TINY
from tests.golden.naive import run_naive
from tests.golden.networks import random_images
from tests.golden.small import chain
from tests.golden.windows import random_windows
from tests.sim.hardware import check_run

CONFIG = roomy(TINY)
"""The one that the fuzzer takes, too: a simulator is built once."""


@pytest.mark.parametrize("seeds", [range(4), pytest.param(range(4, 12), marks=pytest.mark.long)], ids=str)
def test_random_windows(seeds: range) -> None:
    for seed in seeds:
        rng = np.random.default_rng(seed)
        network = random_windows(rng, largest=7)
        check_run(network, CONFIG, random_images(rng, network, 2), 0.3 * (seed % 2), f"seed {seed}")


def test_sequences() -> None:
    """Maps of one row: strided, dilated, padded on one side, of groups, pooled."""
    network = chain(
        (5, 1, 23),
        ("a", 6, (1, 4), {"stride": (1, 2), "dilation": (1, 2), "padding": (0, 0, 3, 1), "relu": True}),
        ("b", 6, (1, 3), {"groups": 6, "padding": (0, 0, 1, 1), "kind": "scale"}),
        ("c", 6, (1, 3), {"stride": (1, 2), "padding": (0, 0, 1, 1), "kind": "largest"}),
        ("d", 9, (1, 1), {"kind": "scale"}),
        ("e", 4, (1, 2), {"pool": 2}),
    )
    rng = np.random.default_rng(2)
    for stalls in (0.0, 0.3):
        check_run(network, CONFIG, random_images(rng, network, 2), stalls, f"stalls {stalls}")


@pytest.mark.long
def test_what_was_left_out() -> None:
    """Nothing but convolutions, each round of which fetches all channels."""
    config = replace(CONFIG, name="bare", largest=False, moves=False, gates=False, tables=TINY.tables)
    same = {"padding": 1, "groups": 23, "kind": "scale"}
    network = chain(
        (2, 4, 4), ("a", 23, (1, 1), {"kind": "scale"}), ("d", 23, (3, 3), same), ("b", 3, (2, 2))
    )
    check_run(network, config, random_images(np.random.default_rng(1), network, 2), 0.3, "bare")


@pytest.mark.parametrize("largest", [False, pytest.param(True, marks=pytest.mark.long)])
def test_without_bases(largest: bool) -> None:
    """A residual, pooling, more than a round of filters, each with a scale; max pooling beside them."""
    config = replace(CONFIG, name="no-bases", bases=False, largest=largest, gates=False)
    same = {"padding": 1, "kind": "scale"}
    pool = {"stride": 2, "kind": "largest"} if largest else {"stride": 2, "groups": 5, "kind": "scale"}
    network = chain(
        (2, 6, 6),
        ("a", 5, (3, 3), same),
        ("b", 5, (3, 3), {**same, "residual": Add("a", 1, 0, 2), "relu": True}),
        ("p", 5, (2, 2), pool),
        ("c", 23, (3, 3), {**same, "relu": True}),
        ("d", 3, (1, 1), {"kind": "scale", "pool": 3}),
    )
    rng = np.random.default_rng(5)
    for stalls in (0.0, 0.3):
        check_run(network, config, random_images(rng, network, 2), stalls, f"stalls {stalls}")


def test_unrolled_layers() -> None:
    """A depthwise layer whose phases are in several engines, and a strided one."""
    same = {"padding": 1, "groups": 3, "kind": "scale"}
    network = chain(
        (3, 8, 7), ("a", 3, (3, 3), same), ("b", 3, (3, 3), {**same, "stride": 2}), ("c", 2, (1, 1))
    )
    program = compile_network(network, CONFIG)
    assert max(np.prod(tensor.phases) for tensor in program.tensors) >= 2
    rng = np.random.default_rng(3)
    for stalls in (0.0, 0.3):
        check_run(network, CONFIG, random_images(rng, network, 2), stalls, f"stalls {stalls}")


def with_gate(pooled: bool) -> Network:
    """A map times what another layer computes of it; two layers take the same factors."""
    made = chain(
        (2, 5, 6),
        ("x", 7, (3, 3), {"padding": 1}),
        ("m", 7, (1, 1), {"pool": 3, "relu": True}),
        ("g", 7, (1, 1), {"kind": "group"}),
    )
    features, layers = dict(made.features), list(made.layers)
    shift = np.full(7, 6)
    for name, source in (("y", "x"), ("z", "y")):
        product = Gate(7, "m" if pooled else "g")
        layers.append(Layer(name, source, name, product, (Requantise(shift * 9, shift), Relu())))
        features[name] = Feature(name, features["x"].shape, 1.0)
    return Network(features, tuple(layers), "image", ("y", "z"))


@pytest.mark.parametrize("pooled", [False, True])
def test_gates(pooled: bool) -> None:
    """Three images in a row: each has its own factors."""
    network = with_gate(pooled)
    images = random_images(np.random.default_rng(4), network, 3)
    for stalls in (0.0, 0.3):
        check_run(network, CONFIG, images, stalls, f"stalls {stalls}")
    expected = [run_naive(network, image)["z"] for image in images]
    np.testing.assert_array_equal(run_network(network, images)["z"], expected)


@pytest.mark.parametrize(
    "step",
    [
        ("d", 23, (3, 3), {"padding": 1, "groups": 23, "kind": "scale"}),
        ("d", 22, (3, 3), {"padding": 1, "groups": 22, "kind": "column"}),
        ("d", 36, (2, 2), {"groups": 18, "kind": "group2", "stride": (1, 2)}),
        ("d", 18, (2, 2), {"stride": 2, "kind": "largest"}),
        ("d", 11, (1, 3), {"padding": (0, 0, 1, 1), "kind": "largest", "relu": True}),
        ("d", 14, (3, 1), {"kind": "largest", "pool": 2}),
    ],
    ids=["depthwise", "column", "groups", "pool", "padded", "pooled"],
)
def test_each_round_reads_its_channels(step: tuple[str, int, tuple[int, int], dict[str, object]]) -> None:
    """The layer before it has other rounds; on the image itself nothing waits."""
    channels = step[3].get("groups", step[1])
    network = chain((2, 4, 4), ("a", channels, (1, 1), {"kind": "scale"}), step, ("b", 3, (1, 1)))
    rng = np.random.default_rng(1)
    check_run(network, CONFIG, random_images(rng, network, 2), 0.2, step[0])
    alone = chain((channels, 4, 4), step)  # type: ignore[arg-type]
    check_run(alone, CONFIG, random_images(rng, alone, 1), 0.0, "alone")
