"""Commands: what an accelerator that learns does one after the other (docs/machine.md, section 10).

A word of the command memory names a kind and has the fields of its record in its payload.
"""

from enum import IntEnum

from golden.spec.config import Config
from golden.spec.fields import Field, Record
from golden.spec.memories import feature_bits, log2

SHIFT_BITS = 8
"""Exponent distances between tensors, with sign."""


class Command(IntEnum):
    """Kind of a command; every other value is an error."""

    STOP = 0
    """The run ends."""
    LAYERS = 1
    """The array runs instructions up to an END as in inference."""
    FORWARD = 2
    """The array runs one layer; its sums become blocks of LightNorm's forward format."""
    ERROR = 3
    """The array runs a layer with the transposed codes; its sums become errors of the map below."""
    GRADIENT = 4
    """The array walks through a layer's codes; what rows and errors of its jobs give is added up."""
    NORM = 5
    """LightNorm's passes over a layer, forward or backward."""
    UPDATE = 6
    """Codes and counters of a layer take what their gradients say."""


def pass_record(config: Config) -> Record:
    """Of LAYERS, FORWARD, ERROR and GRADIENT."""
    address = feature_bits(config)
    return Record(
        "pass",
        (
            Field("entry", log2(config.instructions), doc="first instruction"),
            Field("block", log2(config.coefficient_words), doc="first pair of the engines' streams"),
            Field("shift", SHIFT_BITS, signed=True, doc="FORWARD: exponent of the sums; ERROR: see MapRounder"),
            Field("addend", 1, doc="ERROR: a tensor of errors is added"),
            Field("addend_address", address, doc="its first word"),
            Field("addend_shift", SHIFT_BITS, signed=True, doc="see MapRounder"),
            Field("masked", 1, doc="ERROR: what does not pass the map below becomes zero"),
            Field("mask_relu", 1, doc="it has a ReLU"),
            Field("mask_address", address, doc="its first word"),
            Field("counted", 1, doc="ERROR: counts for the scale are written"),
            Field("report_address", address, doc="where they are written"),
        ),
    )
