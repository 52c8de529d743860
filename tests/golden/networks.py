"""Seeded random networks that a configuration can run: for the tests of compiler, machine and RTL."""

from dataclasses import dataclass

import numpy as np

from flows.fuzz.weights import KINDS, random_weights, rough_size
from golden.graph.network import Feature, Layer, Network
from golden.graph.operations.add import Add
from golden.graph.operations.weights import Plain
from golden.graph.operations.window import Window
from golden.spec.config import Config
from tests.golden.layers import make_layer


@dataclass
class _Builder:
    rng: np.random.Generator
    config: Config
    features: dict[str, Feature]
    layers: list[Layer]

    def add(
        self,
        source: str,
        kind: str,
        filters: int,
        kernel: tuple[int, int],
        stride: int = 1,
        padding: int = 0,
        residual: str | None = None,
        pool: bool = False,
    ) -> str:
        """Appends a layer with random contents; returns the name of its output."""
        rng = self.rng
        channels = self.features[source].shape[0]
        largest = (1 << (self.config.accumulator_bits - 1)) // 128 - 1
        weights = random_weights(
            rng, kind, (filters, channels, *kernel), float(rng.uniform(0.1, 0.7)), largest
        )
        spread = np.sqrt((rough_size(weights, filters) ** 2.0).sum(axis=(1, 2, 3))) * 50
        shift = np.clip(np.log2(spread / 50 + 1).round() + rng.integers(-1, 2, filters), 0, 31)
        bias = (rng.normal(size=filters) * spread / 2).round()
        name = f"t{len(self.layers)}"
        around = Window(kernel, (stride, stride), (padding,) * 4)
        shape = (filters, *around.size(*self.features[source].shape[1:]))
        self.features[name] = Feature(name, (filters, 1, 1) if pool else shape, 1.0)
        add = None
        if residual is not None:
            left, right, down = (int(v) for v in rng.integers(0, 3, 3))
            add = Add(residual, left, right, down)
        self.layers.append(
            make_layer(
                path=f"layer{len(self.layers)}",
                input=source,
                output=name,
                filters=filters,
                kernel=kernel,
                stride=stride,
                padding=padding,
                weights=weights,
                bias=np.clip(bias, -(2**31), 2**31 - 1).astype(np.int64),
                shift=shift.astype(np.int64),
                relu=bool(rng.random() < 0.6),
                residual=add,
                pool=int(rng.integers(0, (shape[1] * shape[2]).bit_length() + 1)) if pool else None,
            )
        )
        return name


def random_network(rng: np.random.Generator, config: Config, largest: int = 8) -> Network:
    """A network of 3 to 6 layers that `config` can run.

    It has convolutions of stride 1 and 2 (3×3, 1×1, 5×5 or 2×2), often a residual block, and ends
    in pooling with a fully connected layer, a fully connected layer over the map, or a map. All
    kinds of weights occur, COLUMN where it is legal.

    Parameters
    ----------
    largest: most channels and pixels in a row or column of the input map.
    """
    while True:
        network = _draw(rng, config, largest)
        # Half of the memory leaves room for fillers and for engines with more than their share.
        if sum(_entries(layer) for layer in network.layers) < config.engines * config.coefficient_words:
            return network


def _entries(layer: Layer) -> int:
    """Entries of the layer in its coefficient streams, without fillers, or a little more."""
    if isinstance(layer.convolution.weights, Plain):
        return 4 * int(np.count_nonzero(layer.convolution.weights.weights))
    return int(layer.convolution.weights.mask.sum())


def _draw(rng: np.random.Generator, config: Config, largest: int) -> Network:
    height, width = (int(v) for v in rng.integers(3, largest + 1, 2))
    divisors = [w for w in (2, 4, 8, 16) if config.lanes % w == 0 and w <= largest]
    if rng.random() < 0.5:
        width = int(rng.choice(divisors))
    build = _Builder(rng, config, {}, [])
    build.features["image"] = Feature("image", (int(rng.integers(1, 4)), height, width), 1.0)
    strided = bool(rng.random() < 0.5)
    current = build.add("image", _kind(rng, False), _filters(rng, largest), (3, 3), 1, 1)
    if strided:
        kernel = int(rng.choice([1, 3, 5]))
        if height % 2 == width % 2 == 0 and rng.random() < 0.3:
            kernel = 2
        current = build.add(
            current, _kind(rng, False), _filters(rng, largest), (kernel, kernel), 2, (kernel - 1) // 2
        )
    column = config.lanes % build.features[current].shape[2] == 0
    if rng.random() < 0.7:
        filters = build.features[current].shape[0]
        inner = build.add(current, _kind(rng, column), _filters(rng, largest), (3, 3), 1, 1)
        current = build.add(
            inner, _kind(rng, column), filters, (3, 3), 1, 1, current, pool=bool(rng.random() < 0.2)
        )
    shape = build.features[current].shape
    ending = rng.choice(["pool", "cover", "map"])
    if ending == "pool" and shape[1:] != (1, 1):
        current = build.add(current, _kind(rng, False), _filters(rng, largest), (1, 1), pool=True)
        build.add(current, _kind(rng, False), int(rng.integers(2, 11)), (1, 1))
    elif ending == "cover":
        build.add(current, _kind(rng, False), int(rng.integers(2, 11)), shape[1:])
    else:
        build.add(current, _kind(rng, False), _filters(rng, largest), (1, 1))
    return Network(build.features, tuple(build.layers), "image", (build.layers[-1].output,))


def _filters(rng: np.random.Generator, largest: int) -> int:
    return int(rng.integers(1, largest + 1))


def _kind(rng: np.random.Generator, column: bool) -> str:
    if column and rng.random() < 0.5:
        return "column"
    return str(rng.choice(KINDS[:5]))


def random_images(rng: np.random.Generator, network: Network, count: int) -> np.ndarray:
    """int8 images (count, C, H, W): every value occurs, zeros often, and the extremes."""
    shape = (count, *network.features[network.input].shape)
    images = rng.integers(-128, 128, shape) * (rng.random(shape) < 0.7)
    images[rng.random(shape) < 0.02] = -128
    return images.astype(np.int8)
