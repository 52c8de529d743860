"""The small rules of docs/learning.md, value by value, in Python's integers and fractions."""

import math
from fractions import Fraction

import torch

from golden.learning import Layer, Network, Rates, State
from golden.lightnorm import scalars
from golden.lightnorm.scalars import Scalars
from golden.spec.learning import moved_scale, power_terms, stochastic

MAPS, ERRORS = (-16, 8), (-48, 8)
Plane = list[list[list[int]]]


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


def to_map(values: list[list[list[Fraction]]], exponent: int) -> tuple[Plane, int, list[list[list[bool]]]]:
    """int8 to nearest; the next exponent; what did not saturate."""
    raw = [[[round(v / two(exponent)) for v in row] for row in plane] for plane in values]
    flat = [abs(v) for plane in raw for row in plane for v in row]
    moved = moved_scale(exponent, len(flat), sum(v > 127 for v in flat), sum(v > 63 for v in flat), MAPS)
    held = [[[max(-127, min(127, v)) for v in row] for row in plane] for plane in raw]
    return held, moved, [[[abs(v) <= 127 for v in row] for row in plane] for plane in raw]


class Naive:
    """One step; `run` gives the state after it."""

    def __init__(self, network: Network, state: State, rates: Rates) -> None:
        self.network, self.state, self.rates, self.lfsr = network, state, rates, state.lfsr

    def word(self) -> int:
        self.lfsr = self.lfsr.step()
        return self.lfsr.last

    def bytes(self, channels: int, images: int, pixels: int) -> Plane:
        found = [[[0] * pixels for _ in range(images)] for _ in range(channels)]
        size = self.network.round_filters
        for first in range(0, channels, size):
            for image in range(images):
                for tile in range(0, pixels, 8):
                    for channel in range(first, min(first + size, channels)):
                        word = self.word()
                        for lane in range(min(8, pixels - tile)):
                            found[channel][image][tile + lane] = word >> 8 * lane & 255
        return found

    def numbers(self, count: int) -> list[int]:
        words = [self.word() for _ in range(-(-count // 4))]
        return [words[k // 4] >> 16 * (k % 4) & 0xFFFF for k in range(count)]

    def to_error(self, terms: list[list[list[int]]], exponent: int) -> tuple[Plane, int]:
        """int8 of sums that have eight fraction bits."""
        random = self.bytes(len(terms), len(terms[0]), len(terms[0][0]))
        raw = [
            [[stochastic(v, 8, r) for v, r in zip(vs, rs, strict=True)] for vs, rs in zip(p, q, strict=True)]
            for p, q in zip(terms, random, strict=True)
        ]
        flat = [abs(v) for plane in raw for row in plane for v in row]
        moved = moved_scale(
            exponent, len(flat), sum(v > 127 for v in flat), sum(v > 63 for v in flat), ERRORS
        )
        return [[[max(-127, min(127, v)) for v in row] for row in plane] for plane in raw], moved

    def powers(self, errors: Plane) -> Plane:
        random = self.bytes(len(errors), len(errors[0]), len(errors[0][0]))
        return [
            [
                [sum(power_terms(v, r >> 3)) for v, r in zip(vs, rs, strict=True)]
                for vs, rs in zip(p, q, strict=True)
            ]
            for p, q in zip(errors, random, strict=True)
        ]

    def moved_parameters(
        self, values: list[int], gradients: list[Fraction], lsb: int, largest: int
    ) -> list[int]:
        rate = Fraction(self.rates.plain, 256)
        random = self.numbers(len(values))
        result = []
        for value, gradient, draw in zip(values, gradients, random, strict=True):
            fine = round(-gradient * rate / two(lsb) * 65536)
            fine = max(-2 * largest * 65536, min(2 * largest * 65536, fine))
            result.append(max(-largest, min(largest, value + stochastic(fine, 16, draw))))
        return result


def fraction_bits(value: Fraction, exponent: int) -> int:
    """A term in units of 2^exponent with eight fraction bits, saturated."""
    return max(-(1 << 21), min(1 << 21, round(value / two(exponent) * 256)))


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
