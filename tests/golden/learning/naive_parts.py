"""The small rules of docs/learning.md, value by value, in Python's integers and fractions."""

import math
from fractions import Fraction

import torch

from golden.learning import Layer, Network, Rates, State
from golden.lightnorm import scalars
from golden.lightnorm.scalars import Scalars
from golden.spec.learning import Generator, moved_scale, power_term, stochastic

MAPS, ERRORS = (-16, 8), (-48, 8)
Rows = list[list[int]]
"""A value of each channel (or class) in the order of section 3."""


def by_the_contract(logits: list[int], label: int) -> tuple[list[int], int]:
    """Probabilities and loss: docs/learning.md, section 7."""

    def rounded(value: Fraction) -> int:
        return math.floor(value + Fraction(1, 2))

    steps = [rounded(Fraction((max(logits) - z) * 23637, 1 << 16)) for z in logits]
    table = [round(2 ** (16 - i / 256)) for i in range(256)]
    parts = [rounded(Fraction(table[t % 256], 1 << min(t // 256, 18))) for t in steps]
    total = sum(parts)
    lead = total.bit_length() - 1
    below = rounded(Fraction(total - (1 << lead), 1 << lead - 8))
    log_total = (lead - 16) * 256 + round(256 * math.log2(1 + below / 256))
    return [(e * 65536 + total // 2) // total for e in parts], steps[label] + log_total


def two(exponent: int) -> Fraction:
    return Fraction(2) ** exponent


def fraction_bits(value: Fraction, exponent: int) -> int:
    """A term in units of 2^exponent with eight fraction bits, saturated."""
    return max(-(1 << 21), min(1 << 21, round(value / two(exponent) * 256)))


def saturated(raw: Rows, exponent: int, ends: tuple[int, int]) -> tuple[Rows, int]:
    """int8, and the next exponent."""
    flat = [abs(v) for row in raw for v in row]
    moved = moved_scale(exponent, len(flat), sum(v > 127 for v in flat), sum(v > 63 for v in flat), ends)
    return [[max(-127, min(127, v)) for v in row] for row in raw], moved


def to_map(terms: Rows, exponent: int) -> tuple[Rows, int]:
    """Sums with eight fraction bits to int8, to nearest."""
    return saturated([[round(Fraction(v, 256)) for v in row] for row in terms], exponent, MAPS)


def passes(value: int, relu: bool) -> bool:
    return 0 < value < 127 if relu else -127 < value < 127


def order(shape: tuple[int, int, int], degree: int, images: int) -> list[tuple[int, int]]:
    """(image, pixel) of each value of a channel: section 3."""
    _, height, width = shape
    return [
        (image, (row * degree + plane // degree) * width + column * degree + plane % degree)
        for plane in range(degree * degree)
        for image in range(images)
        for row in range(height // degree)
        for column in range(width // degree)
    ]


class Naive:
    """The random bits of one step and what is rounded with them."""

    def __init__(self, network: Network, state: State, rates: Rates) -> None:
        self.network, self.array, self.rates = network, network.array, rates
        self.generators = dict(zip(Generator, state.generators, strict=True))

    def word(self, generator: Generator) -> int:
        self.generators[generator] = self.generators[generator].step()
        return self.generators[generator].last

    def lanes(self, generator: Generator) -> list[int]:
        """A byte for each lane of a map word."""
        words = [self.word(generator) for _ in range(max(1, self.array.lanes // 8))]
        return [words[lane // 8] >> lane % 8 * 8 & 255 for lane in range(self.array.lanes)]

    def bytes(self, generator: Generator, rows: Rows, together: int) -> Rows:
        found: Rows = [[] for _ in rows]
        for first in range(0, len(rows), together):
            for _ in range(len(rows[0]) // self.array.lanes):
                for channel in range(first, min(first + together, len(rows))):
                    found[channel] += self.lanes(generator)
        return found

    def scalar_bytes(self, rows: Rows) -> Rows:
        """Image by image."""
        draws = [[self.word(Generator.SCALARS) & 255 for _ in rows] for _ in rows[0]]
        return [list(each) for each in zip(*draws, strict=True)]

    def cut(self, terms: Rows, random: Rows, exponent: int) -> tuple[Rows, int]:
        """int8 of sums that have eight fraction bits, without bias."""
        raw = [
            [stochastic(v, 8, r) for v, r in zip(vs, rs, strict=True)]
            for vs, rs in zip(terms, random, strict=True)
        ]
        return saturated(raw, exponent, ERRORS)

    def powers(self, errors: Rows, random: Rows) -> Rows:
        return [
            [power_term(v, r) for v, r in zip(vs, rs, strict=True)]
            for vs, rs in zip(errors, random, strict=True)
        ]

    def round_filters(self, filters: int) -> int:
        return self.array.engines * self.engine_filters(filters)

    def engine_filters(self, filters: int) -> int:
        rounds = math.ceil(filters / (self.array.slots * self.array.engines))
        return math.ceil(filters / rounds / self.array.engines)

    def kept(self, mask: Rows) -> list[tuple[int, int, int]]:
        """(filter, place, 16 random bits) of the kept codes, in their order."""
        each, found = self.engine_filters(len(mask)), []
        for first in range(0, len(mask), each):
            filters, here, word = range(first, min(first + each, len(mask))), 0, 0
            for place in range(len(mask[0])):
                for f in filters:
                    if mask[f][place]:
                        if here % 4 == 0:
                            word = self.word(Generator.CODES)
                        found.append((f, place, word >> here % 4 * 16 & 0xFFFF))
                        here += 1
        return found

    def moved_parameters(
        self, values: list[int], gradients: list[Fraction], lsb: int, largest: int
    ) -> list[int]:
        rate = Fraction(self.rates.plain, 256)
        result = []
        for value, gradient in zip(values, gradients, strict=True):
            fine = round(-gradient * rate / two(lsb) * 65536)
            fine = max(-2 * largest * 65536, min(2 * largest * 65536, fine))
            draw = self.word(Generator.SCALARS) & 0xFFFF
            result.append(max(-largest, min(largest, value + stochastic(fine, 16, draw))))
        return result


def taps(layer: Layer, height: int, width: int) -> list[tuple[int, int, int]]:
    """(output pixel, kernel place, input pixel) of all products of one channel of a map of these sizes."""
    k, out_w = layer.kernel, -(-width // layer.stride)
    found = []
    for out in range(-(-height // layer.stride) * out_w):
        for place in range(k * k):
            row = out // out_w * layer.stride + place // k - k // 2
            column = out % out_w * layer.stride + place % k - k // 2
            if 0 <= row < height and 0 <= column < width:
                found.append((out, place, row * width + column))
    return found


def numbers_of(values: Scalars) -> list[Fraction]:
    return [int(m) * two(int(e)) for m, e in zip(values.mantissa, values.exponent, strict=True)]


def parameters(values: torch.Tensor) -> Scalars:
    return scalars.from_integers(values.tolist(), -10)
