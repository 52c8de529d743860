"""What LightNorm moves for a value, forward and backward, beside batch norm in plain words."""

from dataclasses import dataclass

import numpy as np

from golden.lightnorm import scalars, unit
from golden.lightnorm.blocks import encode_floats
from golden.lightnorm.traffic import Traffic, traffic, two_pass_bits
from golden.spec.block import NormFormat, Spikes, constants, light, mxint8

VALUES, CHANNELS = 4096, 4
"""Size of the tensor that is counted; payload for a value does not depend on it, where groups are full."""


@dataclass(frozen=True)
class Row:
    """One line of the table: bits for each value, of payload, indices and parameters."""

    name: str
    payload: float
    indices: float
    parameters: float


def counted(fmt: NormFormat, fused: bool, spikes: Spikes) -> Traffic:
    """The blocks of one training step of the integer model, on a tensor of CHANNELS × VALUES."""
    rng = np.random.default_rng(1)
    x, _ = encode_floats(rng.normal(size=(CHANNELS, VALUES)), fmt.forward)
    dy, _ = encode_floats(rng.normal(size=(CHANNELS, VALUES)), fmt.gradient)
    gamma, beta = scalars.from_floats(np.ones(CHANNELS)), scalars.from_floats(np.zeros(CHANNELS))
    host = constants(VALUES)
    y, found, _ = unit.forward(x, gamma, beta, host, fmt)
    dx = unit.backward(x, dy, found, gamma, host, fmt, spikes).dx
    return traffic(x, y, dy, dx, host, fused, spikes)


def rows(spikes: Spikes) -> dict[str, Row]:
    """The lines by short names; "g4" and "g32_fused" are those with a bar."""
    formats = {"g4": light(4), "g32": light(32), "mxint8": mxint8()}
    names = {"g4": "LightNorm, G = 4", "g32": "LightNorm, G = 32", "mxint8": "like MXINT8"}
    found = {}
    for short, fmt in formats.items():
        for fused in (False, True):
            it = counted(fmt, fused, spikes)
            found[short + "_fused" * fused] = Row(
                names[short] + ", fused statistics" * fused,
                float(it.bits_per_element),
                it.indices / it.elements,
                it.parameters / it.elements,
            )
    for short, word in (("bf16", 16), ("fp32", 32)):
        found[short] = Row(f"two-pass batch norm, {short.upper()}", two_pass_bits(word), 0.0, 0.0)
    return found
