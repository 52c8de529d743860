"""Widths that follow from the sizes of a configuration."""

from golden.spec.config import Config

MAX_CHANNELS = 1024


def log2(value: int) -> int:
    """Exact base-two logarithm of a power of two."""
    return value.bit_length() - 1


def feature_bits(config: Config) -> int:
    """Width of an address of the activation memory."""
    return log2(config.feature_words)
