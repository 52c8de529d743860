"""Commands: what an accelerator that learns does one after the other (docs/machine.md, section 10).

A word of the command memory names a kind and has the fields of its record in its payload.
"""

from enum import IntEnum

from golden.spec.config import Config
from golden.spec.fields import Field, Record
from golden.spec.sizes import feature_bits, log2

SHIFT_BITS = 8
"""Exponents and distances between them, with sign."""


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
            Field("shift", SHIFT_BITS, signed=True, doc="FORWARD: exponent of sums; ERROR: to fractions"),
            Field("addend", 1, doc="ERROR: a tensor of errors is added"),
            Field("addend_address", address, doc="its first word"),
            Field("addend_shift", SHIFT_BITS, signed=True, doc="likewise, of the addend"),
            Field("masked", 1, doc="ERROR: what does not pass the map below becomes zero"),
            Field("mask_relu", 1, doc="it has a ReLU"),
            Field("mask_address", address, doc="its first word"),
            Field("report_address", address, doc="ERROR: where the counts for the scale are written"),
        ),
    )


def update_record(config: Config) -> Record:
    """Of UPDATE: which entries, the same of every engine, and how far they go.

    One command is a round of a layer, so that random numbers come in the order of docs/learning.md.
    """
    return Record(
        "update",
        (
            Field("pair", log2(config.coefficient_words), doc="address of the first pair"),
            Field("pairs", log2(config.coefficient_words) + 1, doc="pairs, at least 1"),
            Field(
                "shift",
                SHIFT_BITS,
                signed=True,
                doc="a counter moves by −gradient · 2^shift: its bits − 1 + L + u − g (docs/learning.md, 9)",
            ),
            Field("still", 1, doc="counters and codes stay: gradients are summed and cleared alone"),
            Field("clear", 1, doc="the sums over entries begin anew with this command"),
            Field("report_address", feature_bits(config), doc="for Σ|gradient| and moved codes"),
        ),
    )


def payload_records(config: Config) -> dict[Command, Record]:
    """The fields of each kind; STOP has none."""
    array = (Command.LAYERS, Command.FORWARD, Command.ERROR, Command.GRADIENT)
    return {**dict.fromkeys(array, pass_record(config)), Command.UPDATE: update_record(config)}


def payload_bits(config: Config) -> int:
    """Width of a payload: that of the widest record."""
    return max(record.bits for record in payload_records(config).values())


def command_record(config: Config) -> Record:
    """A word of the command memory."""
    return Record(
        "command",
        (
            Field("kind", max(Command).bit_length(), doc="Command"),
            Field("payload", payload_bits(config), doc="fields of the record of that kind"),
        ),
    )


def command_word(config: Config, kind: Command, **values: int) -> int:
    """A packed command. Raises ValueError as `Record.pack`."""
    record = payload_records(config).get(kind)
    return command_record(config).pack(kind=kind, payload=record.pack(**values) if record else 0)


REPORT_BITS = 64
"""Width of a number that a unit writes for the host, the lowest byte first."""


def report_words(lanes: int) -> int:
    """Words of the feature memory that it takes."""
    return -(-REPORT_BITS // (8 * lanes))
