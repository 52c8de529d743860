"""A step of training from docs/learning.md, value by value.

The norm is LightNorm's integer model, the rules of one number are golden.spec's; of golden.learning
only the records are used. A map is a list of channels, each a list of values in the order of section 3.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import torch

from golden.learning import Head, Network, Rates, Scheme, State, Statistics
from golden.learning.state import HeadState, LayerState
from golden.lightnorm import channel, scalars, unit
from golden.lightnorm.blocks import Blocks, encode
from golden.lightnorm.channel import Statistics as Statistics_
from golden.lightnorm.scalars import Scalars
from golden.spec.block import Constants, constants
from golden.spec.block import scalar as nearest_scalar
from golden.spec.learning import NORM_FORMAT, Generator, moved_gradient, stochastic, switched
from tests.golden.learning.naive_parts import (
    Naive,
    Rows,
    by_the_contract,
    fraction_bits,
    numbers_of,
    order,
    parameters,
    passes,
    taps,
    to_map,
    two,
)


@dataclass(frozen=True)
class Norm:
    """What a layer's norm leaves for the way back, and the next exponent of its map."""

    blocks: Blocks
    found: Statistics_
    gamma: Scalars
    host: Constants
    activation: int


class NaiveStep:
    """One step; `after()` is the state after it."""

    def __init__(
        self,
        network: Network,
        state: State,
        images: torch.Tensor,
        labels: torch.Tensor,
        rates: Rates,
        scheme: Scheme,
    ) -> None:
        self.scheme, self.running = scheme, scheme.statistics == Statistics.RUNNING
        self.it, self.network, self.state = Naive(network, state, rates), network, state
        self.count, self.labels = len(images), labels.tolist()
        self.exponents = [-7, *(each.activation for each in state.layers)]
        # The degree of a map: any way to the last one.
        degrees = {len(network.layers): 1}
        for index in reversed(range(len(network.layers))):
            layer = network.layers[index]
            degrees[layer.source] = degrees[index + 1] * layer.stride
            if layer.add is not None:
                degrees[layer.add] = degrees[index + 1]
        self.orders = [
            order(network.shape(index), degrees[index], self.count)
            for index in range(len(network.layers) + 1)
        ]
        pixels = images.flatten(2).tolist()
        self.maps: list[Rows] = [
            [[pixels[n][c][p] for n, p in self.orders[0]] for c in range(network.image[0])]
        ]
        self.errors: dict[int, tuple[Rows, int]] = {}
        self.moved = {index: it.map_error for index, it in enumerate(state.layers, 1)}

    def taps(self, index: int) -> list[tuple[int, int, int]]:
        """(place in the output's order, kernel place, place in the source's order) of a layer's products."""
        layer = self.network.layers[index]
        inside = {value: place for place, value in enumerate(self.orders[layer.source])}
        outside = {value: place for place, value in enumerate(self.orders[index + 1])}
        _, height, width = self.network.shape(layer.source)
        return [
            (outside[n, out], place, inside[n, pixel])
            for out, place, pixel in taps(layer, height, width)
            for n in range(self.count)
        ]

    def after(self) -> State:
        found = [self.forward(index) for index in range(len(self.network.layers))]
        head = self.head()
        layers = [self.backward(index, found[index]) for index in reversed(range(len(found)))]
        return State(tuple(reversed(layers)), head, tuple(self.it.generators.values()), self.state.steps + 1)

    def forward(self, index: int) -> Norm:
        layer, now = self.network.layers[index], self.state.layers[index]
        x, codes = self.maps[layer.source], now.codes.flatten(2).tolist()
        sums = np.zeros((layer.filters, len(self.orders[index + 1])), np.int64)
        for out, place, pixel in self.taps(index):
            for f in range(layer.filters):
                sums[f, out] += sum(codes[f][c][place] * x[c][pixel] for c in range(len(x)))
        grid = self.exponents[layer.source] + layer.unit
        blocks, _ = encode(sums, np.array([[grid]]), NORM_FORMAT.forward)
        host, gamma = constants(sums.shape[1]), parameters(now.gamma)
        found = unit.stat(blocks, host, NORM_FORMAT)
        if self.running:
            found = running(found, now, blocks, host)
        words = channel.apply_words(found, gamma, parameters(now.beta), NORM_FORMAT)
        terms = []
        for f, row in enumerate(unit.window(blocks, words.window_grid, words.mean).tolist()):
            centred = [0 if found.flat[f] else v for v in row]
            factor, offset, scale = int(words.scale[f]), int(words.offset[f]), two(int(words.grid[f]))
            terms.append([fraction_bits((v * factor + offset) * scale, now.activation) for v in centred])
        if layer.add is not None:
            scale = two(self.exponents[layer.add])
            for row, other in zip(terms, self.maps[layer.add], strict=True):
                row[:] = [
                    v + fraction_bits(o * scale, now.activation) for v, o in zip(row, other, strict=True)
                ]
        if layer.relu:
            terms = [[max(v, 0) for v in row] for row in terms]
        made, moved = to_map(terms, now.activation)
        self.maps.append(made)
        return Norm(blocks, found, gamma, host, moved)

    def head(self) -> HeadState:
        it, head, last, classes = self.it, self.state.head, self.maps[-1], range(self.network.classes)
        pixels = len(last[0]) // self.count
        scale = two(self.exponents[-1] - self.network.pool_shift)
        sums = [[sum(row[n * pixels : (n + 1) * pixels]) for n in range(self.count)] for row in last]
        features, activation = to_map(
            [[fraction_bits(v * scale, head.activation) for v in row] for row in sums], head.activation
        )
        weights = [
            [max(-127, min(127, round(Fraction(w, 16)))) for w in row] for row in head.weights.tolist()
        ]
        gaps: Rows = [[0] * self.count for _ in classes]
        for n, label in enumerate(self.labels):
            logits = []
            for k in classes:
                product = sum(w * row[n] for w, row in zip(weights[k], features, strict=True))
                logits.append(
                    round(product * two(head.activation + self.network.head_unit + 10)) + int(head.bias[k])
                )
            found, _ = by_the_contract(logits, label)
            for k in classes:
                gap = (found[k] - 65536 * (k == label)) * two(-16 - (self.count - 1).bit_length())
                gaps[k][n] = fraction_bits(gap, head.error)
        errors, error = it.cut(gaps, it.scalar_bytes(gaps), head.error)
        following = replace(head, activation=activation, error=error)
        learns = self.scheme.head == Head.ALL
        if learns or self.wants(len(self.maps) - 1):
            terms = it.powers(errors, it.scalar_bytes(errors))
        if self.wants(len(self.maps) - 1):
            below = [
                [
                    fraction_bits(
                        sum(weights[k][c] * terms[k][n] for k in classes)
                        * two(head.error + 1 + self.network.head_unit),
                        head.map_error,
                    )
                    * passes(row[n], relu=False)
                    for n in range(self.count)
                ]
                for c, row in enumerate(features)
            ]
            sent, map_error = it.cut(below, it.scalar_bytes(below), head.map_error)
            relu = self.network.layers[-1].relu
            spread = [
                [sent[c][n] * passes(v, relu) for (n, _), v in zip(self.orders[-1], row, strict=True)]
                for c, row in enumerate(last)
            ]
            self.errors[len(self.maps) - 1] = spread, head.map_error - self.network.pool_shift
            following = replace(following, map_error=map_error)
        if learns:
            unit_of = two(head.error + 1 + head.activation)
            gradients = [
                sum(e * x for e, x in zip(terms[k], row, strict=True)) * unit_of
                for k in classes
                for row in features
            ]
            moved = it.moved_parameters(
                head.weights.flatten().tolist(), gradients, self.network.head_unit - 4, 2032
            )
            weights_next = torch.tensor(moved, dtype=torch.int16).reshape(head.weights.shape)
            following = replace(following, weights=weights_next)
        if self.scheme.head != Head.FROZEN:
            totals = [sum(row) * two(head.error) for row in errors]
            bias = it.moved_parameters(head.bias.tolist(), totals, -10, 32767)
            following = replace(following, bias=torch.tensor(bias, dtype=torch.int16))
        return following

    def wants(self, index: int) -> bool:
        """Whether anything that led to a map learns."""
        if index == 0:
            return False
        layer, learns = self.network.layers[index - 1], self.scheme.layers[index - 1]
        here = learns.norm or learns.channels > 0
        return here or self.wants(layer.source) or (layer.add is not None and self.wants(layer.add))

    def arrived(self, index: int) -> tuple[Rows, int]:
        """The error of a map, or of the one that it is added to."""
        while index not in self.errors:
            index = next(k for k, layer in enumerate(self.network.layers, 1) if layer.add == index)
        return self.errors[index]

    def backward(self, index: int, norm: Norm) -> LayerState:
        it, layer, now = self.it, self.network.layers[index], self.state.layers[index]
        found = norm.found
        learns, down = self.scheme.layers[index], self.wants(layer.source)
        following = replace(now, activation=norm.activation)
        if not self.running:
            mean = _followed(now.mean, found.mean, self.network.share)
            spread = _followed(now.spread, found.spread, self.network.share)
            following = replace(following, mean=mean, spread=spread)
        if not (learns.norm or learns.channels or down):
            return following
        output, level = self.arrived(index + 1)
        dy, _ = encode(np.array(output, np.int64), np.array([[0]]), NORM_FORMAT.gradient)
        assert [[int(v) for v in row] for row in dy.integers()] == output
        sums = unit.reduce(norm.blocks, dy, found, norm.gamma, norm.host)
        if self.running:
            zero = scalars.from_integers([0] * layer.filters, 0)
            sums = replace(sums, mean=zero, spike=zero)
        words = channel.grad_words(sums, NORM_FORMAT)
        terms, unit_of = [], two(level)
        for f, row in enumerate(unit.window(dy, words.window_grid, words.mean).tolist()):
            scale = int(words.scale[f]) * two(int(words.grid[f])) * unit_of
            terms.append([fraction_bits(v * scale, now.error) for v in row])
        for f, spike in enumerate(numbers_of(sums.spike)):
            part = fraction_bits(spike * unit_of, now.error)
            for high, low in zip(found.highest[f].tolist(), found.lowest[f].tolist(), strict=True):
                if high != low:
                    terms[f][high] -= part
                    terms[f][low] += part
        following = replace(following, map_error=self.moved[index + 1])
        if learns.channels or down:
            errors, error = it.cut(terms, it.bytes(Generator.NORM, terms, 1), now.error)
            following = replace(following, error=error)
        if down:
            self.send(index, errors)
        if learns.channels:
            codes, counters, gradient = self.gradient(index, errors)
            following = replace(following, codes=codes, counters=counters, gradient=gradient)
        if learns.norm:
            gamma, beta = (
                torch.tensor(
                    it.moved_parameters(old.tolist(), [v * unit_of for v in numbers_of(of)], -10, 32767),
                    dtype=torch.int16,
                )
                for old, of in ((now.gamma, sums.gamma), (now.beta, sums.beta))
            )
            following = replace(following, gamma=gamma, beta=beta)
        return following

    def gradient(self, index: int, errors: Rows) -> tuple[torch.Tensor, torch.Tensor, int]:
        """The gradient pass, and the update: codes, counters, the next g."""
        it, layer, now = self.it, self.network.layers[index], self.state.layers[index]
        powers = it.powers(errors, it.bytes(Generator.TERMS, errors, it.round_filters(layer.filters)))
        x = self.maps[layer.source]
        g = np.zeros((layer.filters, len(x), layer.kernel**2), np.int64)
        for out, place, pixel in self.taps(index):
            for f in range(layer.filters):
                for c in range(len(x)):
                    g[f, c, place] += powers[f][out] * x[c][pixel]
        unit_of_codes = now.error + 1 + self.exponents[layer.source]
        mask = now.mask.clone()
        mask[:, self.scheme.layers[index].channels :] = False
        return self.codes(now, mask, g.reshape(layer.filters, -1), unit_of_codes)

    def send(self, index: int, errors: Rows) -> None:
        """An error pass."""
        it, network, layer, now = self.it, self.network, self.network.layers[index], self.state.layers[index]
        source, exponent = layer.source, self.state.layers[layer.source - 1].map_error
        codes, x = now.codes.flatten(2).tolist(), self.maps[source]
        sums = np.zeros((len(x), len(x[0])), np.int64)
        for out, place, pixel in self.taps(index):
            for c in range(len(x)):
                sums[c, pixel] += sum(codes[f][c][place] * errors[f][out] for f in range(layer.filters))
        terms = [[fraction_bits(int(v) * two(now.error + layer.unit), exponent) for v in row] for row in sums]
        readers = [k for k, other in enumerate(network.layers) if other.source == source]
        adders = [k for k, other in enumerate(network.layers) if other.add == source]
        addend = None
        if index != max(readers):
            addend = self.errors[source]
        elif adders:
            addend = self.arrived(adders[0] + 1)
        if addend is not None:
            values, level = addend
            for row, other in zip(terms, values, strict=True):
                row[:] = [
                    v + fraction_bits(e * two(level), exponent) for v, e in zip(row, other, strict=True)
                ]
        if index == min(readers):
            relu = network.layers[source - 1].relu
            terms = [
                [t * passes(v, relu) for t, v in zip(row, values, strict=True)]
                for row, values in zip(terms, x, strict=True)
            ]
        random = it.bytes(Generator.ERRORS, terms, it.round_filters(len(x)))
        made, moved = it.cut(terms, random, exponent)
        self.errors[source] = made, exponent
        if index == min(readers):
            self.moved[source] = moved

    def codes(
        self, now: LayerState, mask: torch.Tensor, sums: np.ndarray, unit_of: int
    ) -> tuple[torch.Tensor, torch.Tensor, int]:
        """The rule of section 9 for the kept codes, in their order: codes, counters, the next g."""
        it, bits, rate = self.it, self.network.counter_bits, self.it.rates.code
        codes, counters = now.codes.flatten(1).clone(), now.counters.flatten(1).clone()
        assert rate is not None
        scale, limit, total = two(bits - 1 + rate + unit_of - now.gradient), (1 << bits) << 16, 0
        kept = it.kept(mask.flatten(1).tolist())
        for f, place, draw in kept:
            value = int(sums[f, place])
            total += abs(value)
            move = stochastic(max(-limit, min(limit, round(-value * scale * 65536))), 16, draw)
            code, counter = switched(int(codes[f, place]), int(counters[f, place]), move, bits)
            codes[f, place], counters[f, place] = code, counter
        level = moved_gradient(now.gradient, total, unit_of, len(kept))
        return codes.reshape(now.codes.shape), counters.reshape(now.codes.shape), level


def running(found: Statistics_, now: LayerState, blocks: Blocks, host: Constants) -> Statistics_:
    """Running statistics in the place of a batch's: section 12."""
    scales, windows, means, grid = [], [], [], two(blocks.format.grid)
    for mean, spread, row in zip(
        numbers_of(now.mean), numbers_of(now.spread), blocks.integers().tolist(), strict=True
    ):
        divisor = nearest_scalar(spread + host.epsilon.mantissa * two(host.epsilon.exponent))
        # Ten bits, to nearest even; 1 over them, floored.
        digits, exponent = round(Fraction(divisor.mantissa, 1 << 14)), divisor.exponent + 14
        if digits == 1 << 10:
            digits, exponent = digits >> 1, exponent + 1
        quotient = min((1 << 19) // digits, (1 << 10) - 1)
        scales.append(nearest_scalar(quotient * two(-19 - exponent) if spread else 0))
        # The mean, eight bits below the finest x and no larger than x can be.
        fine, most = round(mean / two(-26)), (1 << 42) - 1
        means.append(nearest_scalar(max(-most, min(most, fine)) * two(-26)))
        size, window = abs(means[-1].mantissa) * two(means[-1].exponent), -17
        while two(window) <= max(size, (max(0, *row) - min(0, *row)) * grid):
            window += 1
        windows.append(window + 1)
    flat = np.array([not spread for spread in numbers_of(now.spread)])
    nowhere = np.zeros((len(flat), 0), np.int64)
    names = "mantissa", "exponent"
    normal, scale = (
        Scalars(*(np.array([getattr(v, name) for v in values], np.int64) for name in names))
        for values in (means, scales)
    )
    return replace(
        found,
        mean=normal,
        scale=scale,
        spread=now.spread,
        flat=flat,
        window=np.array(windows),
        highest=nowhere,
        lowest=nowhere,
    )


def _followed(running: Scalars, batch: Scalars, share: int) -> Scalars:
    """The scalar nearest to running + (the scalar nearest to batch − running) · 2^−share."""
    found = []
    for r, b in zip(numbers_of(running), numbers_of(batch), strict=True):
        gap = nearest_scalar(b - r)
        found.append(nearest_scalar(r + gap.mantissa * two(gap.exponent - share)))
    mantissas, exponents = ([getattr(v, name) for v in found] for name in ("mantissa", "exponent"))
    return Scalars(np.array(mantissas, np.int64), np.array(exponents, np.int64))
