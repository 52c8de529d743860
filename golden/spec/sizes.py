"""Widths that follow from the sizes of a configuration."""

from golden.spec.config import Config

MAX_CHANNELS = 2047
"""Channels of a map and filters of a layer; all that a count of 11 bits holds."""

CHANNEL_BITS = MAX_CHANNELS.bit_length()


def log2(value: int) -> int:
    """Exact base-two logarithm of a power of two."""
    return value.bit_length() - 1


def feature_bits(config: Config) -> int:
    """Width of an address of the activation memory."""
    return log2(config.feature_words)
