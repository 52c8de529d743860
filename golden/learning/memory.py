"""What a training step keeps in memory, tensor by tensor: docs/learning.md, section 14.

Time: 0 … L − 1 the layers forward, L the head, then for each layer, last to first, three steps: its norm
backward, its error pass, its gradient pass and update.
"""

from collections.abc import Iterator

import numpy as np

from golden.compiler.placement import Life, Placement, place
from golden.learning.network import Network
from golden.learning.scheme import Head, Scheme, Statistics
from golden.learning.state import State
from golden.spec.learning import GRADIENT_BITS, NORM_FORMAT

STREAM = 1
"""Bytes of a kept code in a coefficient stream: code and step to the next row."""
SCALAR = 4
"""Bytes of a running statistic."""


class StepMemory:
    """The tensors of a step.

    Parameters
    ----------
    images: of a batch.
    """

    def __init__(self, network: Network, state: State, scheme: Scheme, images: int) -> None:
        self._network, self._state, self._scheme, self._images = network, state, scheme, images
        self._wanted = scheme.wanted(network)
        self._layers = len(network.layers)
        self._end = self._layers + 3 * self._layers

    def lives(self) -> tuple[Life, ...]:
        """All of them, with no bytes left out."""
        found = [*self._parameters(), *self._head()]
        for index in range(self._layers + 1):
            found += self._map(index)
        for index in range(self._layers):
            found += self._layer(index)
        return tuple(it for it in found if it.size)

    def _norm(self, index: int) -> int:
        return self._layers + 1 + 3 * (self._layers - 1 - index)

    def _error(self, index: int) -> int:
        return self._norm(index) + 1

    def _gradient(self, index: int) -> int:
        return self._norm(index) + 2

    def _values(self, index: int) -> int:
        return self._images * int(np.prod(self._network.shape(index)))

    def _kept(self, index: int, channels: int | None = None) -> int:
        return int(self._state.layers[index].mask[:, :channels].sum())

    def _parameters(self) -> Iterator[Life]:
        for index, (layer, learns) in enumerate(zip(self._network.layers, self._scheme.layers, strict=True)):
            streams = 1 + self._wanted[layer.source]
            counters = -(-self._kept(index, learns.channels) * self._network.counter_bits // 8)
            yield self._always(f"{layer.name}: streams", self._kept(index) * STREAM * streams)
            yield self._always(f"{layer.name}: counters", counters)
            yield self._always(f"{layer.name}: gamma, beta, statistics", layer.filters * (4 + 2 * SCALAR))
        classes, features = self._network.classes, self._network.features
        yield self._always("head: weights", 2 * classes * (features + 1))

    def _always(self, name: str, size: int) -> Life:
        return Life(name, size, 0, self._end, "coefficients")

    def _head(self) -> Iterator[Life]:
        now, images = self._layers, self._images
        features, classes = self._network.features, self._network.classes
        yield Life("head: features", images * features, now, now, "maps")
        yield Life("head: logits", 4 * images * classes, now, now, "maps")
        yield Life("head: errors", 2 * images * classes, now, now, "errors")
        if self._wanted[-1]:
            yield Life("head: errors of the features", images * features, now, now, "errors")
        if self._scheme.head == Head.ALL:
            size = GRADIENT_BITS // 8 * features * classes
            yield Life("head: gradients", size, now, now, "gradients")

    def _map(self, index: int) -> Iterator[Life]:
        """A map; where the way back needs some of its channels alone, the others go earlier."""
        network, readers = self._network, self._network.readers(index)
        adder = network.adder(index)
        first = max(index - 1, 0)
        ends = [
            *readers,
            *([] if adder is None else [adder]),
            *([self._layers] if index == self._layers else []),
        ]
        forward = max(ends, default=first)
        # The last error pass needs the values, to see where it passes.
        passes = self._error(readers[0]) if readers and self._wanted[index] else forward
        learning = [(self._scheme.layers[k].channels, self._gradient(k)) for k in readers]
        name = f"{network.layers[index - 1].name}: map" if index else "images"
        channels = network.shape(index)[0]
        size, done = self._values(index) // channels, 0
        # Channels in parts that end alike.
        for border in sorted({count for count, _ in learning if count} | {channels}):
            last = max([passes, *(time for count, time in learning if count >= border)])
            yield Life(f"{name} {done}…{border - 1}", size * (border - done), first, last, "maps")
            done = border

    def _layer(self, index: int) -> Iterator[Life]:
        layer, learns = self._network.layers[index], self._scheme.layers[index]
        down, values = self._wanted[layer.source], self._values(index + 1)
        fmt = NORM_FORMAT.forward
        blocks = -(-values * (1 + fmt.magnitude_bits) // 8) + -(-values // fmt.group * fmt.exponent_bits // 8)
        # What the batch's statistics made of the values is needed again; with running ones gamma alone needs
        # the values.
        again = self._scheme.statistics == Statistics.BATCH and (learns.learns or down)
        last = self._norm(index) if again or learns.norm else index
        if again:
            yield Life(f"{layer.name}: mean, scale", 2 * SCALAR * layer.filters, index, last, "blocks")
        yield Life(f"{layer.name}: values of the norm", blocks, index, last, "blocks")
        if self._wanted[index + 1]:
            yield from self._map_error(index + 1)
        if learns.channels or down:
            last = self._gradient(index) if learns.channels else self._error(index)
            yield Life(f"{layer.name}: errors", values, self._norm(index), last, "errors")
        if learns.channels:
            now = self._gradient(index)
            size = GRADIENT_BITS // 8 * self._kept(index, learns.channels)
            yield Life(f"{layer.name}: gradients", size, now, now, "gradients")

    def _map_error(self, index: int) -> Iterator[Life]:
        """The error of a map; one that is only added has none of its own."""
        readers = self._network.readers(index)
        if not readers and index < self._layers:
            return
        first = self._layers if index == self._layers else self._error(readers[-1])
        name = self._network.layers[index - 1].name
        yield Life(f"{name}: errors of its map", self._values(index), first, self._read(index), "errors")

    def _read(self, index: int) -> int:
        """When the error of a map is read last: by its norm, and by those who add the map they lead to."""
        layer, own = self._network.layers[index - 1], self._norm(index - 1)
        if layer.add is None or not self._wanted[layer.add]:
            return own
        readers = self._network.readers(layer.add)
        return max(own, self._error(readers[-1]) if readers else self._read(layer.add))


def step_memory(
    network: Network, state: State, scheme: Scheme, images: int
) -> tuple[tuple[Life, ...], Placement]:
    """The tensors of a step of `images` images, and where they lie."""
    scheme.demand(network)
    lives = StepMemory(network, state, scheme, images).lives()
    return lives, place(lives)
