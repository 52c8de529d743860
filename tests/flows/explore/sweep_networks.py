"""Small networks with made-up accuracies, for tests of the sweep."""

import numpy as np

from flows.explore.networks import Trained
from golden.graph.network import Feature, Network
from tests.golden.small import layer


def tiny_networks() -> dict[str, Trained]:
    """Two networks of two layers, with and without a basis."""
    found = {}
    for number, kind in enumerate(("group", "scale")):
        image = Feature("image", (2, 8, 8), 1.0)
        first, middle = layer("first", image, 6, (3, 3), kind, padding=1, relu=True, seed=number)
        second, last = layer("second", middle, 3, (8, 8), kind, seed=number + 7)
        features = {it.name: it for it in (image, middle, last)}
        network = Network(features, (first, second), "image", ("second",))
        found[kind] = Trained(network, 0.9 + number / 100, 0.5, f"digest{number}")
    return found


def rng(seed: int) -> np.random.Generator:
    """A generator; its seed is printed for a failing test."""
    print(f"seed {seed}")
    return np.random.default_rng(seed)
