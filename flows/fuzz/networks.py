"""Seeded random networks: graphs of up to twelve operations with all options that the machine has."""

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np

from flows.fuzz.weights import random_weights, rough_size
from golden.graph.joined import SideBySide
from golden.graph.network import Feature, Layer, Network, Product
from golden.graph.operations.add import Add
from golden.graph.operations.convolution import Convolution
from golden.graph.operations.gate import Gate
from golden.graph.operations.global_mean import GlobalMean
from golden.graph.operations.integers import IntegerOperation, Shape
from golden.graph.operations.lookup import Lookup
from golden.graph.operations.max_pool import MOST, MaxPool
from golden.graph.operations.relu import Relu
from golden.graph.operations.requantise import Requantise
from golden.graph.operations.uneven_pool import UnevenPool
from golden.graph.operations.window import MAX_STRIDE, Window
from golden.spec.config import Config

LARGEST = 9
"""Rows and columns of an image, and filters of a layer, at most."""

MOST_OPERATIONS = 12

_KINDS = ("plain", "scale", "group2", "group", "group4")


@dataclass
class RandomNetwork:
    """A network in the making; `options` counts what it has, by name."""

    rng: np.random.Generator
    config: Config
    features: dict[str, Feature] = field(default_factory=dict)
    layers: list[Layer] = field(default_factory=list)
    joined: dict[str, tuple[str, ...]] = field(default_factory=dict)
    options: Counter[str] = field(default_factory=Counter)

    def draw(self) -> Network:
        """The network. It may be one that no compiler takes: too large, or with strides that do not agree."""
        rng = self.rng
        shape = (self._number(4), self._number(LARGEST), self._number(LARGEST))
        self._put("image", shape)
        for number in range(self._number(MOST_OPERATIONS)):
            steps = [self._convolution] * 4 + [self._pooling, self._addition, self._addition]
            steps += [self._concatenation] * 2 + [self._gating]
            steps[int(rng.integers(len(steps)))](f"t{number}")
        if not self.layers:
            self._convolution("last")
        names = [layer.output for layer in self.layers]
        unread = set(names) - {
            name for layer in self.layers for name in (layer.input, *layer.gates, *layer.reads)
        }
        unread -= {name for parts in self.joined.values() for name in parts}
        # What nobody reads leaves, and sometimes what somebody reads as well.
        outputs = [name for name in names if name in unread or rng.random() < 0.1] or names[-1:]
        rng.shuffle(outputs)
        self.options[f"{min(len(outputs), 3)}{'+' * (len(outputs) > 2)} outputs"] += 1
        return Network(self.features, tuple(self.layers), "image", tuple(outputs), self.joined)

    def _number(self, most: int) -> int:
        return int(self.rng.integers(1, most + 1))

    def _put(self, name: str, shape: Shape) -> None:
        self.features[name] = Feature(name, shape, 1.0)

    def _source(self) -> Feature:
        """One of the last features, mostly."""
        names = [*self.features]
        return self.features[names[-1 - min(int(self.rng.exponential(1.2)), len(names) - 1)]]

    def _window(self, source: Shape, most: int) -> Window:
        """One that fits the map; half of them keep its size, so that maps can be added and joined."""
        rng = self.rng
        if rng.random() < 0.5:
            rows, columns = (int(it) for it in rng.choice([1, 3], 2))
            if rows * columns <= most:
                return Window((rows, columns), padding=(rows // 2, rows // 2, columns // 2, columns // 2))
        while True:
            kernel, dilation = (tuple(int(it) for it in rng.integers(1, top + 1, 2)) for top in (4, 2))
            stride = tuple(int(it) for it in rng.choice([1, 1, 1, 1, 2, 2, 3, MAX_STRIDE], 2))
            padding = tuple(int(it) for it in rng.integers(0, 3, 4))
            window = Window(kernel, stride, padding, dilation)  # type: ignore[arg-type]
            sizes = window.size(*source[1:])
            if kernel[0] * kernel[1] <= most and min(sizes) >= 1 and max(sizes) <= LARGEST + 3:
                return window

    def _convolution(self, name: str) -> None:
        rng, source = self.rng, self._source()
        channels, height, width = source.shape
        if max(height, width) <= 4 and rng.random() < 0.15:
            window = Window((height, width))
            self.options["linear"] += 1
        else:
            window = self._window(source.shape, 25)
            larger = replace(window, enlarge=(self._number(3), self._number(3)))
            if rng.random() < 0.15 and max(larger.size(height, width)) <= LARGEST + 3:
                window = larger
                self.options["upsampling"] += 1
        filters, groups, kind = self._number(LARGEST), 1, str(rng.choice(_KINDS))
        if rng.random() < 0.3:
            groups = int(rng.choice([it for it in range(1, channels + 1) if channels % it == 0]))
            filters, kind = groups * self._number(2), str(rng.choice(_KINDS[:2]))
            self.options["depthwise" if groups == channels else "groups"] += groups > 1
        self._layer(name, source, window, filters, groups, kind)

    def _layer(
        self,
        name: str,
        source: Feature,
        window: Window,
        filters: int,
        groups: int,
        kind: str,
        other: str | None = None,
    ) -> None:
        """A convolution with random contents."""
        rng = self.rng
        largest = (1 << (self.config.accumulator_bits - 1)) // 128 - 1
        weights = random_weights(
            rng,
            kind,
            (filters, source.shape[0] // groups, *window.kernel),
            float(rng.uniform(0.1, 0.8)),
            largest,
        )
        spread = np.sqrt((rough_size(weights, filters) ** 2.0).sum(axis=(1, 2, 3))) * 50
        shift = np.clip(np.log2(spread / 50 + 1).round() + rng.integers(-1, 2, filters), 0, 31)
        bias = (rng.normal(size=filters) * spread / 2).round()
        epilogue: list[IntegerOperation] = [Requantise(bias.astype(np.int64), shift.astype(np.int64))]
        if other is not None:
            epilogue.append(Add(other, *(int(it) for it in rng.integers(0, 3, 3))))
        product = Convolution(filters, window, weights, groups)
        self.options[kind] += 1
        self._finish(name, source, product, epilogue)

    def _finish(self, name: str, source: Feature, product: Product, epilogue: list[IntegerOperation]) -> None:
        rng, shape, window = self.rng, product.shape(source.shape), product.window
        if self.config.tables and rng.random() < 0.3:
            epilogue.append(Lookup(self._table()))
            self.options["table"] += 1
        elif rng.random() < 0.4:
            epilogue.append(Relu())
            self.options["relu"] += 1
        if rng.random() < 0.08 and shape[1:] != (1, 1):
            epilogue.append(GlobalMean(int(rng.integers(0, (shape[1] * shape[2]).bit_length() + 1))))
            self.options["mean"] += 1
            shape = (shape[0], 1, 1)
        self.options["stride"] += window.stride != (1, 1)
        self.options["dilation"] += window.dilation != (1, 1)
        self.options["uneven padding"] += window.padding[::2] != window.padding[1::2]
        self.options["reads a concatenation"] += source.name in self.joined
        self.layers.append(Layer(name, source.name, name, product, tuple(epilogue)))
        self._put(name, shape)

    def _table(self) -> np.ndarray:
        """A random table, or one that the network has."""
        tables = [it.entries for layer in self.layers for it in layer.epilogue if it.entries is not None]
        if len(tables) < self.config.tables:
            return self.rng.integers(-128, 128, 256)
        return tables[int(self.rng.integers(len(tables)))]

    def _pooling(self, name: str) -> None:
        source = self._source()
        channels = source.shape[0]
        nothing = np.zeros(channels, np.int64)
        if self.rng.random() < 0.6:
            self.options["max pooling"] += 1
            window = self._window(source.shape, MOST)
            self._finish(name, source, MaxPool(channels, window), [Requantise(nothing, nothing)])
            return
        self.options["average pooling with several divisors"] += 1
        window = self._window(source.shape, 9)
        factors = self.rng.choice([1, 4, 6, 9, 150], window.size(*source.shape[1:]))
        shift = nothing + int(self.rng.integers(0, 9))
        self._finish(name, source, UnevenPool(channels, window, factors), [Requantise(nothing, shift)])

    def _gating(self, name: str) -> None:
        """A map times the factors that some layer gives, or one that is drawn for it."""
        if not self.config.gates:
            return
        source = self._source()
        channels = source.shape[0]
        found = [it.output for it in self.layers if self.features[it.output].shape == (channels, 1, 1)]
        if not found or self.rng.random() < 0.5:
            found = [f"{name} gate"]
            window = Window(source.shape[1:]) if source.shape[1] * source.shape[2] < 25 else Window((1, 1))
            self._layer(found[0], source, window, channels, 1, str(self.rng.choice(_KINDS)))
            if self.features[found[0]].shape[1:] != (1, 1):
                return
        self.options["gate"] += 1
        shift = np.full(channels, int(self.rng.integers(5, 9)))
        gate = Gate(channels, str(self.rng.choice(found)))
        self._finish(name, source, gate, [Requantise(shift * 0 + int(self.rng.integers(-99, 99)), shift)])

    def _addition(self, name: str) -> None:
        """A layer whose map has the shape of another feature, which it adds."""
        source, other = self._source(), self._source()
        kernel = int(self.rng.choice([1, 3]))
        window = Window((kernel, kernel), padding=(kernel // 2,) * 4)
        if source.shape[1:] == other.shape[1:]:
            self.options["addition"] += 1
            self.options["addition of a concatenation"] += other.name in self.joined
            kind = str(self.rng.choice(_KINDS))
            self._layer(name, source, window, other.shape[0], 1, kind, other.name)

    def _concatenation(self, name: str) -> None:
        """Outputs of layers that can lie side by side, in an order of their own."""
        first, side = self._source(), SideBySide(self.joined.values())
        parts: list[str] = []
        names = [layer.output for layer in self.layers]
        self.rng.shuffle(names)
        most = 1 + self._number(3)
        for part in (*self.joined.get(first.name, (first.name,)), *names):
            fits = part not in parts and part in names and len(parts) < most
            if self.features[part].shape[1:] != first.shape[1:] or not fits:
                continue
            if not parts or side.fits(parts[-1], part):
                if parts:
                    side.put(parts[-1], part)
                parts.append(part)
        if len(parts) > 1 and tuple(parts) not in self.joined.values():
            shape = (sum(self.features[it].shape[0] for it in parts), *first.shape[1:])
            self.joined[name] = tuple(parts)
            self._put(name, shape)
            self.options["concatenation"] += 1


def random_images(rng: np.random.Generator, network: Network, count: int) -> np.ndarray:
    """int8 images (count, C, H, W): every value occurs, zeros often, and the extremes."""
    shape = (count, *network.features[network.input].shape)
    images = rng.integers(-128, 128, shape) * (rng.random(shape) < 0.7)
    images[rng.random(shape) < 0.02] = -128
    return images.astype(np.int8)


def roomy(config: Config) -> Config:
    """A configuration with memories for networks of this size."""
    return replace(
        config,
        name=f"{config.name} with room",
        tap_words=16384,
        feature_words=8192,
        coefficient_words=4096,
        term_words=4096,
        filter_words=1024,
        tables=3,
        gates=True,
    )
