"""Single layers and short chains with chosen geometry, for the compiler's tests."""

from typing import Any

import numpy as np

from flows.fuzz.weights import random_weights
from golden.graph.network import Feature, Layer, Network
from golden.graph.operations.weights import Factored
from tests.golden.layers import altered, make_layer


def layer(
    name: str, source: Feature, filters: int, kernel: tuple[int, int], kind: str = "plain", **options: Any
) -> tuple[Layer, Feature]:
    """A layer `name` that reads `source` and writes a feature of the same name."""
    stride, padding = options.pop("stride", 1), options.pop("padding", 0)
    dilation = options.pop("dilation", (1, 1))
    channels, groups = source.shape[0], options.pop("groups", 1)
    rng = np.random.default_rng(options.pop("seed", 0))
    shape = (filters, channels // groups, *kernel)
    pooled = kind in ("largest", "average")
    weights = None if pooled else random_weights(rng, kind, shape, 0.5, 4000)
    made = make_layer(
        path=name,
        input=source.name,
        output=name,
        filters=filters,
        kernel=kernel,
        stride=stride,
        padding=padding,
        weights=weights,
        bias=np.zeros(filters, np.int64) if pooled else rng.integers(-1000, 1000, filters),
        shift=np.zeros(filters, np.int64) if pooled else rng.integers(8, 12, filters),
        relu=False,
        dilation=dilation,
        groups=groups,
        enlarge=options.pop("enlarge", (1, 1)),
    )
    if kind == "average":
        factors = rng.choice([1, 2, 7, 150], made.product.shape(source.shape)[1:])
        made = altered(made, factors=factors, shift=np.full(filters, 4))
    size = made.product.shape(source.shape)
    made = altered(made, **options)
    return made, Feature(name, size if made.per_pixel else (filters, 1, 1), 1.0)


def factored(made: Layer) -> Factored:
    """The weights of a layer that has a basis or a scale per filter."""
    assert isinstance(made.convolution.weights, Factored)
    return made.convolution.weights


def chain(shape: tuple[int, int, int], *steps: tuple[Any, ...]) -> Network:
    """Layers one after another; a step is (name, filters, kernel) and perhaps a dict of options.

    The option `source` names another feature than the last one to read from. A step (name, names of features)
    is their concatenation.
    """
    last = Feature("image", shape, 1.0)
    features, layers, joined = {"image": last}, [], {}
    for name, *numbers in steps:
        if len(numbers) == 1:
            (joined[name],) = numbers
            parts = [features[it] for it in joined[name]]
            last = Feature(name, (sum(it.shape[0] for it in parts), *parts[0].shape[1:]), 1.0)
            features[name] = last
            continue
        filters, kernel, *rest = numbers
        options = dict(rest[0]) if rest else {}
        last = features[options.pop("source", last.name)]
        made, last = layer(name, last, filters, kernel, **options)
        features[name] = last
        layers.append(made)
    return Network(features, tuple(layers), "image", (last.name,), joined)
