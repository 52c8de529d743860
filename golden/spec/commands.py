"""Commands: what an accelerator that learns does one after the other (docs/machine.md, section 10).

A word of the command memory names a kind and has the fields of its record in its payload. ISSUE of the
controller (golden.spec.controller) begins one, with two shifts that are in no record, as
they change from step to step.

What a command reports goes into the controller's data memory, a number a word, from `report_address` on: two
counts; by NORM, from `found_address` on, two scalars for each channel (`scalar_report_record`).
"""

from enum import IntEnum

from golden.spec.block import GRID_BITS, SCALAR_BITS
from golden.spec.config import Config
from golden.spec.controller import data_bits
from golden.spec.fields import Field, Record
from golden.spec.learning import PARAMETER_BITS
from golden.spec.sizes import CHANNEL_BITS, feature_bits, log2

SHIFT_BITS = 8
"""Exponents and distances between them, with sign. Those that ISSUE gives saturate to it."""


class Command(IntEnum):
    """Kind of a command; every other value is an error.

    `shift` and `addend_shift` are the two that a command is issued with; where they are not named they do
    not count.
    """

    LAYERS = 1
    """The array runs instructions up to an END as in inference."""
    FORWARD = 2
    """The array runs one layer; its sums, of unit 2^shift, become blocks of LightNorm's forward format, whose
    statistics are kept for NORM."""
    ERROR = 3
    """The array runs a layer with the transposed codes; its sums · 2^shift, and what is added ·
    2^addend_shift, become fractions of errors of the map below."""
    GRADIENT = 4
    """The array walks through a layer's codes; what rows and errors of its jobs give is added up."""
    NORM = 5
    """LightNorm's passes over a layer, forward or backward. shift: 8 less the exponent of y; backward 8, and
    the exponent of dy less that of dx. addend_shift: 8, and that of the map that is added less y's."""
    UPDATE = 6
    """Codes and counters of a layer take what their gradients say: a counter moves by −gradient · 2^shift,
    that is its bits − 1 + L + u − g (docs/learning.md, section 9). At −128 nothing moves; gradients are
    summed and cleared and random numbers used as ever."""
    READ = 7
    """Codes and counters are written into the feature memory."""


def pass_record(config: Config) -> Record:
    """Of LAYERS, FORWARD, ERROR and GRADIENT. Distances are modulo the depth of the feature memory."""
    address = feature_bits(config)
    return Record(
        "pass",
        (
            Field("entry", log2(config.instructions), doc="first instruction"),
            Field("block", log2(config.coefficient_words), doc="first pair of the engines' streams"),
            Field("addend", 1, doc="ERROR: a tensor of errors is added"),
            Field("addend_distance", address, doc="from a word that is written to its word"),
            Field("masked", 1, doc="ERROR: what does not pass the map below becomes zero"),
            Field("mask_relu", 1, doc="it has a ReLU"),
            Field("mask_distance", address, doc="from a word that is written to its word"),
            Field("resumes", 1, doc="FORWARD: channels and their statistics go on from the one before"),
            Field("pauses", 1, doc="FORWARD: they go on in the next one"),
            Field("counts_on", 1, doc="ERROR: the counts go on from the command before"),
            Field(
                "report_address",
                data_bits(config),
                doc="ERROR: data words for the counts for the scale, beyond ±127 and beyond ±63",
            ),
            *block_record(config).fields,
        ),
    )


def block_record(config: Config) -> Record:
    """Of FORWARD: what the statistics of its blocks need. NORM has the same of its channels.

    FORWARD of a norm whose statistics are given has 0 for both numbers of chunks: it needs the window alone.
    """
    return Record(
        "blocks",
        (
            Field("parameter_address", log2(config.filter_words), doc="parameter word of channel 0"),
            Field("chunk_beats", index_bits(config), doc="Chunks.length / basis"),
            Field("chunks", MAX_CHUNKS.bit_length(), doc="Chunks.count, 1…MAX_CHUNKS"),
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
            Field("clear", 1, doc="the sums over entries begin anew with this command"),
            Field("report_address", data_bits(config), doc="data words for Σ|gradient| and moved codes"),
        ),
    )


def read_record(config: Config) -> Record:
    """Of READ: a byte for each entry of a range of pairs, engine after engine: code, above it the counter."""
    return Record(
        "read",
        (
            Field("pair", log2(config.coefficient_words), doc="address of the first pair"),
            Field("pairs", log2(config.coefficient_words) + 1, doc="pairs, at least 1"),
            Field("address", feature_bits(config), doc="where the first word is written"),
        ),
    )


MAX_RUNS = 255
"""Runs of a channel of a norm: the phase planes of a map that is cut."""
MAX_CHUNKS = 8
"""Chunks of a channel: as many as LightNorm's choice of eight makes at most."""


def index_bits(config: Config) -> int:
    """A channel has at most 2**index_bits values: those of the feature memory."""
    return feature_bits(config) + log2(config.lanes)


def parameter_record() -> Record:
    """A word of LightNorm's parameter memory: gamma and beta of a channel, of LSB 2^−PARAMETER_FRACTION."""
    return Record("parameter", tuple(Field(name, PARAMETER_BITS, signed=True) for name in ("gamma", "beta")))


def scalar_report_record() -> Record:
    """A scalar (golden.spec.block.Scalar) as it is reported, in the lowest bits of a data word.

    Forward a channel's mean and spread, backward its dβ and dγ, in the unit of dy.
    """
    return Record(
        "scalar",
        (
            Field("mantissa", SCALAR_BITS, doc="its top bit is set unless it is zero"),
            Field("sign", 1),
            Field("exponent", GRID_BITS, signed=True, doc="of the lowest bit of the mantissa"),
        ),
    )


def norm_record(config: Config) -> Record:
    """What `hw.learning.norm_passes.NormPasses` does with the maps of a layer."""
    address = feature_bits(config)
    scalars = []
    for name, doc in (("inverse", "1/n"), ("spread", "C/K")):
        scalars += [
            Field(f"{name}_mantissa", SCALAR_BITS, doc=f"{doc}, positive; both 0: statistics are given"),
            Field(f"{name}_exponent", GRID_BITS, signed=True, doc="of the lowest bit of the mantissa"),
        ]
    return Record(
        "norm",
        (
            Field("backward", 1, doc="from dy to dx, else from x to y"),
            Field("channels", CHANNEL_BITS, doc="at least 1"),
            Field("words", address + 1, doc="of a run, at least 1"),
            Field("runs", MAX_RUNS.bit_length(), doc="of a channel, 1…MAX_RUNS"),
            Field("run_step", address, doc="from a run's last word to the next one's first, in all maps"),
            Field("x_address", address, doc="first word of x, in blocks (golden.spec.maps.pack_group)"),
            Field("other_address", address, doc="first word of dy (backward), of the map that is added"),
            Field("out_address", address, doc="first word of dx or y, int8"),
            Field("add", 1, doc="a map is added to y; 0 if backward"),
            Field("relu", 1, doc="negative y become zero; 0 if backward"),
            Field("lone", 1, doc="backward: dβ and dγ alone, nothing is written; 0 if forward"),
            Field("counts_on", 1, doc="the counts go on from the command before"),
            Field("report_address", data_bits(config), doc="data words for the counts for the scale"),
            Field("found_address", data_bits(config), doc="data words for what is found, two a channel"),
            *block_record(config).fields,
            *scalars,
        ),
    )


def payload_records(config: Config) -> dict[Command, Record]:
    """The fields of each kind."""
    array = (Command.LAYERS, Command.FORWARD, Command.ERROR, Command.GRADIENT)
    return {
        **dict.fromkeys(array, pass_record(config)),
        Command.NORM: norm_record(config),
        Command.UPDATE: update_record(config),
        Command.READ: read_record(config),
    }


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
    return command_record(config).pack(kind=kind, payload=payload_records(config)[kind].pack(**values))
