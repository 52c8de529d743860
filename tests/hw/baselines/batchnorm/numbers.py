"""float32 patterns that hurt."""

import random

import numpy as np
import numpy.typing as npt

SPECIAL = [
    0x00000000, 0x80000000, 0x00000001, 0x807FFFFF, 0x00800000, 0x80800000, 0x00800001, 0x00FFFFFF,
    0x3F800000, 0xBF800000, 0x3F7FFFFF, 0x3F800001, 0x33800000, 0x33800001, 0x34000000, 0xB3000000,
    0x7F7FFFFF, 0xFF7FFFFF, 0x73000000, 0xF2800000, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFF800001,
    0x20000000, 0x1FFFFFFF, 0x60000000, 0xDF800000, 0x4B000000, 0x4B7FFFFF, 0x4B800000, 0xCB800001,
]  # fmt: skip


def pairs(rng: random.Random, count: int) -> list[tuple[int, int]]:
    """All pairs of special patterns, then pairs with random, near and far exponents, ties among them."""
    result = [(a, b) for a in SPECIAL for b in SPECIAL]
    for _ in range(count):
        a = rng.getrandbits(32)
        kind = rng.randrange(4)
        if kind == 0:
            b = rng.getrandbits(32)
        elif kind == 1:
            b = a ^ rng.choice([1 << 31, 0]) ^ rng.getrandbits(rng.randrange(1, 24))
        else:
            exponent = min(254, max(1, (a >> 23 & 255) + rng.randint(-28, 28)))
            fraction = rng.choice([rng.getrandbits(23), 1 << rng.randrange(23), 0, (1 << 23) - 1])
            b = rng.getrandbits(1) << 31 | exponent << 23 | fraction
        if kind == 3:
            a = a & 0x807FFFFF | (127 + rng.randint(-3, 3)) << 23
        result.append((a, b) if rng.getrandbits(1) else (b, a))
    return result


def flushed(bits: list[int]) -> npt.NDArray[np.float32]:
    """Patterns as float32, denormals as zeros of their sign."""
    word = np.array(bits, np.uint32)
    return np.where(word >> 23 & 255 == 0, word & 0x80000000, word).astype(np.uint32).view(np.float32)


def patterns(values: npt.NDArray[np.float32]) -> list[int]:
    """The inverse of `flushed`, with one NaN."""
    word = np.where(np.isnan(values), np.uint32(0x7FC00000), values.view(np.uint32))
    return [int(v) for v in np.where(word >> 23 & 255 == 0, word & 0x80000000, word)]
