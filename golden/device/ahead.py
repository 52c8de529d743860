"""The way forward in steps: which piece of a norm runs beside which piece of a pass of the array.

The next pass reads what a norm writes, so both are cut: while the array has the first images, the norm has
the next ones. And while the array has the last round of a layer's filters, the norm has the channels before.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product, zip_longest

from golden.cycles.norm import norm_cycles
from golden.learning.network import Network
from golden.spec.arithmetics import PAIR
from golden.spec.commands import MAX_RUNS
from golden.spec.config import Config

PIECES = 4
"""A norm is cut into so many pieces at most: of shorter ones the channels' arithmetic takes as long."""
_CUTS = 32
"""Places that are looked at for a cut, at most."""
_BEGIN = 150
"""Cycles that a piece of a pass takes beyond its tiles, about."""


@dataclass(frozen=True)
class NormPiece:
    """Of a layer's norm: channels, and words of each phase plane."""

    layer: int
    channels: range
    words: range


@dataclass(frozen=True)
class PassPiece:
    """Of a layer's forward pass: rounds of its filters, and tiles of each."""

    layer: int
    rounds: range
    tiles: range


@dataclass(frozen=True)
class Step:
    """Commands that run beside each other, once those of the step before have ended."""

    norm: NormPiece | None
    array: PassPiece | None


def piece_filters(network: Network, it: PassPiece) -> range:
    """Filters of a piece of a pass."""
    filters = network.layers[it.layer].filters
    size = network.array.round_filters(filters)
    return range(filters)[it.rounds.start * size : it.rounds.stop * size]


def forward_order(network: Network) -> tuple[int, ...]:
    """The layers in the order of their passes: of two that do not need each other the one whose map is read
    next comes first, so that its norm runs beside the other's pass.
    """
    layers = network.layers
    order = list(range(len(layers)))
    for at in range(len(layers) - 2):
        second, third = layers[at + 1 : at + 3]
        alone = second.source != at + 1 and second.add != at + 1
        if order[at] == at and alone and third.source == at + 2:
            order[at : at + 2] = [at + 1, at]
    return tuple(order)


def forward_steps(
    network: Network,
    pairs: Sequence[Sequence[int]],
    images: int,
    config: Config,
    given: bool,
    pieces: int = PIECES,
) -> tuple[Step, ...]:
    """Those of all layers: all tiles and rounds of each pass once, all words and channels of each norm.

    Parameters
    ----------
    pairs: of each layer's forward stream, by round.  given: the norms' statistics are.
    pieces: of a norm, at most; 1: nothing is cut.
    """
    times = _Times(network, pairs, images, config, given)
    order = forward_order(network)
    steps: list[Step] = []
    left: NormPiece | None = None
    for layer, following in zip_longest(order, order[1:]):
        reads = left is not None and network.layers[layer].source == left.layer + 1
        # Edges of the norm's pieces, and of the first tiles of the pass.
        edges = times.edges(left.layer, layer, pieces) if reads and left and not left.channels.start else []
        late = pieces > 1 and times.late(layer, following, pieces)
        array = list(_passes(times.whole(layer), edges, late))
        norms: list[NormPiece] = [left] if left else []
        if left and edges:
            norms = [replace(left, words=range(*edge)) for edge in pairwise(edges)]
        steps += [Step(*both) for both in zip_longest(norms, [None, *array] if reads else array)]
        left = NormPiece(layer, range(network.layers[layer].filters), range(times.words))
        if late:
            before = piece_filters(network, array[-1]).start
            steps[-1] = Step(replace(left, channels=left.channels[:before]), array[-1])
            left = replace(left, channels=left.channels[before:])
    return (*steps, Step(left, None))


def _passes(whole: PassPiece, edges: list[int], late: bool) -> list[PassPiece]:
    """A pass in pieces; edges: of the first tiles of its first round.  late: its last round is one."""
    rounds = whole.rounds
    cuts = sorted({0, len(rounds), *([1] if edges else []), *([len(rounds) - 1] if late else [])})
    found = [replace(whole, rounds=range(*cut)) for cut in pairwise(cuts)]
    if edges:
        tiles = [*edges[:-1], len(whole.tiles)]
        found[:1] = [replace(found[0], tiles=range(*edge)) for edge in pairwise(tiles)]
    return found


@dataclass(frozen=True)
class _Times:
    """How long pieces take, about."""

    network: Network
    pairs: Sequence[Sequence[int]]
    images: int
    config: Config
    given: bool

    @property
    def words(self) -> int:
        """Of a phase plane, of every map."""
        return self.images * self._pixels // self.config.lanes

    @property
    def _pixels(self) -> int:
        """Of an image in a phase plane."""
        _, height, width = self.network.shape(len(self.network.layers))
        return height * width

    def _planes(self, layer: int) -> int:
        return self.network.degrees[layer + 1] ** 2

    def whole(self, layer: int) -> PassPiece:
        """The pass of a layer."""
        tiles = self.words * self._planes(layer)
        return PassPiece(layer, range(len(self.pairs[layer])), range(tiles))

    def _tile(self, layer: int, round_: int) -> int:
        """A tile of a round."""
        filters = self.network.array.round_filters(self.network.layers[layer].filters)
        drained = filters * (self.config.lanes // self.config.basis)
        return max(PAIR * self.pairs[layer][round_], drained)

    def _pass(self, it: PassPiece) -> int:
        return sum(self._tile(it.layer, round_) for round_ in it.rounds) * len(it.tiles) + _BEGIN

    def _norm(self, layer: int, channels: int, words: int) -> int:
        """Channels follow each other at the distance of the last two of three."""
        it = self.network.layers[layer]
        size = words * self._planes(layer)
        two, three = (
            norm_cycles(self.config, count, size, False, it.add is not None, self.given) for count in (2, 3)
        )
        return two + (three - two) * (channels - 2)

    def late(self, layer: int, following: int | None, pieces: int) -> bool:
        """Whether the norm shall begin beside the last round: nothing that comes later hides it."""
        whole, last = self.whole(layer), len(self.pairs[layer]) - 1
        filters = self.network.layers[layer].filters
        if last == 0:
            return False
        if following is not None:
            if self.network.layers[following].source != layer + 1:
                if self._norm(layer, filters, self.words) <= self._pass(self.whole(following)):
                    return False
            elif self.edges(layer, following, pieces):
                return False
        before = last * self.network.array.round_filters(filters)
        beside = self._pass(replace(whole, rounds=whole.rounds[last:]))
        return min(beside, self._norm(layer, before, self.words)) > 2 * _BEGIN

    def edges(self, layer: int, following: int, pieces: int) -> list[int]:
        """The words of each plane at which the norm of a layer is cut, from 0 to the last; none if nothing is
        gained.

        Whole images are apart: the pass reads nothing of the next piece.
        """
        if self._planes(layer) > MAX_RUNS:
            return []
        unit = math.lcm(self._pixels, self.config.lanes) // self.config.lanes
        unit *= -(-self.words // (unit * _CUTS))
        places = [*range(0, self.words, unit), self.words]
        filters, tile = self.network.layers[layer].filters, self._tile(following, 0)
        norm = [self._norm(layer, filters, words) for words in places[1:]]
        best, found = norm[-1] + tile * self.words, list[int]()
        for first, count in product(range(1, len(norm)), range(2, pieces + 1)):
            # Each piece is as long as what the array has in hand meanwhile; the last one is the rest.
            cuts, beside = [0, first], _BEGIN + tile * places[first]
            cycles = norm[first - 1]
            while len(cuts) < count:
                size = max(1, bisect_right(norm, beside))
                if cuts[-1] + size >= len(norm):
                    break
                cuts.append(cuts[-1] + size)
                cycles += max(norm[size - 1], beside)
                beside = _BEGIN + tile * (places[cuts[-1]] - places[cuts[-2]])
            cuts.append(len(norm))
            rest = cuts[-1] - cuts[-2]
            cycles += max(norm[rest - 1], beside) + tile * (self.words - places[cuts[-2]]) + _BEGIN
            if cycles < best:
                best, found = cycles, [places[cut] for cut in cuts]
        return found
