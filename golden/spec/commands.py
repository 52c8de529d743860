"""What the units of an accelerator that learns are told, a command word each, and what they read with it."""

from golden.spec.block import GRID_BITS, SCALAR_BITS
from golden.spec.config import Config
from golden.spec.fields import Field, Record
from golden.spec.memories import MAX_CHANNELS, feature_bits, log2

COMMAND_SHIFT_BITS = 8
"""Signed shifts between the units of maps."""

MAX_CHUNKS = 8
"""Chunks of a channel: as many as LightNorm's choice of eight makes at most."""


def index_bits(config: Config) -> int:
    """A channel has at most 2**index_bits values: those of the feature memory."""
    return feature_bits(config) + log2(config.lanes)


def parameter_record() -> Record:
    """gamma and beta of a channel, as scalars (golden.spec.block.Scalar): a word of LightNorm's memory."""
    fields = []
    for name in ("gamma", "beta"):
        fields += [
            Field(f"{name}_mantissa", SCALAR_BITS, doc="its top bit is set unless it is zero"),
            Field(f"{name}_sign", 1),
            Field(f"{name}_exponent", GRID_BITS, signed=True, doc="of the lowest bit of the mantissa"),
        ]
    return Record("parameter", tuple(fields))


def norm_record(config: Config) -> Record:
    """What `hw.learning.norm_passes.NormPasses` does with the maps of a layer."""
    address = feature_bits(config)
    scalars = []
    for name, doc in (("inverse", "1/n"), ("spread", "C/K")):
        scalars += [
            Field(f"{name}_mantissa", SCALAR_BITS, doc=f"{doc}, positive"),
            Field(f"{name}_exponent", GRID_BITS, signed=True, doc="of the lowest bit of the mantissa"),
        ]
    return Record(
        "norm",
        (
            Field("backward", 1, doc="from dy to dx, else from x to y"),
            Field("channels", log2(MAX_CHANNELS) + 1, doc="at least 1"),
            Field("words", address + 1, doc="of a channel, at least 1; channels follow each other"),
            Field("x_address", address, doc="first word of x, in blocks (golden.spec.maps.pack_group)"),
            Field("other_address", address, doc="first word of dy (backward), of the map that is added"),
            Field("out_address", address, doc="first word of dx or y, int8"),
            Field("add", 1, doc="a map is added to y; 0 if backward"),
            Field("relu", 1, doc="negative y become zero; 0 if backward"),
            Field(
                "shift",
                COMMAND_SHIFT_BITS,
                signed=True,
                doc="8 less the exponent of y; 8, and the exponent of dy less that of dx",
            ),
            Field("addend_shift", COMMAND_SHIFT_BITS, signed=True, doc="8, and that of the map less y's"),
            Field("parameter_address", log2(config.filter_words), doc="parameter word of channel 0"),
            Field("chunk_beats", index_bits(config), doc="Chunks.length / basis"),
            Field("chunks", MAX_CHUNKS.bit_length(), doc="Chunks.count, 1…MAX_CHUNKS"),
            *scalars,
        ),
    )
