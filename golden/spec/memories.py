"""The memories of the accelerator and the words they hold. Everything has one home here.

The execution model that these words drive is in `docs/machine.md`.
"""

from dataclasses import dataclass, replace
from enum import IntEnum

from golden.spec import formats
from golden.spec.arithmetics import PAIR, arithmetic
from golden.spec.commands import command_record, parameter_record, scalar_report_record
from golden.spec.config import ADDRESS_BITS, MAX_ENGINES, Config
from golden.spec.controller import WORD_BITS, instruction_record
from golden.spec.fields import Field, Record
from golden.spec.learning import LFSR_WORD, Generator
from golden.spec.sizes import CHANNEL_BITS
from golden.spec.sizes import MAX_CHANNELS as MAX_CHANNELS
from golden.spec.sizes import feature_bits as feature_bits
from golden.spec.sizes import log2 as log2


class Memory(IntEnum):
    """Number of a memory in the section headers of a program image.

    The coefficient memory of engine e is COEFFICIENT + e; in a configuration that learns its counters are
    COUNTER + e, the places of its codes PLACES + e.
    """

    RUN = 0
    FRONT = 1
    BACK = 2
    TAP = 3
    TERM = 4
    FILTER = 5
    PARAMETER = 6
    COMMAND = 7
    COEFFICIENT = 8
    COUNTER = COEFFICIENT + MAX_ENGINES
    PLACES = COUNTER + MAX_ENGINES
    SEED = PLACES + MAX_ENGINES
    """No memory: a word is the state of the generator whose number is its address."""
    CONTROLLER = SEED + 1
    """The controller's program."""
    STATE = SEED + 2
    """The controller's data memory."""
    TABLE = SEED + 3
    """Functions of one value, 256 entries each."""
    STATISTICS = SEED + 4
    """Mean and scale of LightNorm's channels; loaded where they are not those of the batch."""


SECTION = Record(
    "section",
    (
        Field("memory", 8, doc="number of a memory, or END_SECTION"),
        Field("address", ADDRESS_BITS, doc="its first word that the section holds"),
        Field("reserved", 8, doc="zero; not read"),
    ),
)
"""The first word of a section of a program image; the second is its count of memory words."""

END_SECTION = 0xFF
"""In place of the number of a memory: no section follows but the checksum word."""


TABLE_ENTRIES = 256
"""Of a table: one for each int8 value, from −128 on."""

MAX_TAPS = 1024
MAX_TILES = 1024
MAX_ROUNDS = 1024
CYCLE_BITS = 32
TURN_BITS = 20
"""Width of a count of turns: a turn is one engine's part of a job."""


def tap_record(config: Config) -> Record:
    """Where a tile finds its pixels for one kernel position."""
    return Record(
        "tap",
        (
            Field("mask", config.lanes, doc="lane i reads its pixel (1) or zero (0)"),
            Field(
                "pixel",
                log2(config.feature_words * config.lanes) + 1,
                signed=True,
                doc="pixel of lane 0, counted from the first pixel of the channel",
            ),
        ),
    )


def filter_record() -> Record:
    """What the requantiser needs for one filter."""
    return Record(
        "filter",
        (
            Field("bias", formats.BIAS_BITS, signed=True, doc="added before the shift"),
            Field("shift", formats.SHIFT_BITS, doc="bits that the rounding shift removes"),
        ),
    )


class Operation(IntEnum):
    """Operation of an instruction; every other value is an error."""

    END = 0
    LAYER = 1


class Fold(IntEnum):
    """What becomes of the partial sums of a filter (SmartDeal; docs/machine.md, section 3)."""

    GROUP = 0
    COLUMN = 1
    LARGEST = 2


def run_record(config: Config) -> Record:
    """The one word that says what a run reads, writes and may take."""
    address = feature_bits(config)
    return Record(
        "run",
        (
            Field("input_address", address, doc="first word of the input image"),
            Field("input_words", address + 1, doc="words of the input image, at least 1"),
            Field("result_address", address, doc="first word of the result"),
            Field("result_words", address + 1, doc="words of the result, at least 1"),
            Field("cycle_limit", CYCLE_BITS, doc="a run of more cycles ends in TIMEOUT"),
        ),
    )


def _left_out(there: bool, field: Field) -> tuple[Field, ...]:
    """A field that some configurations do without."""
    return (field,) if there else ()


def front_record(config: Config) -> Record:
    """The half of an instruction that the fetch unit reads."""
    address = feature_bits(config)
    return Record(
        "front",
        (
            Field("operation", 2, doc="Operation"),
            Field("rounds", log2(MAX_ROUNDS), doc="rounds of filters, at least 1"),
            Field("tiles", log2(MAX_TILES), doc="tiles of pixels, at least 1"),
            Field("channels", CHANNEL_BITS, doc="input channels of a job, at least 1"),
            *_left_out(
                config.moves,
                Field("moves", 1, doc="each round takes the channels behind those of the round before"),
            ),
            *_left_out(
                config.largest, Field("low", 1, doc="what a mask leaves out is the lowest value, not zero")
            ),
            Field("taps", log2(MAX_TAPS) + 1, doc="kernel positions, at least 1"),
            Field("tap_address", log2(config.tap_words), doc="tap word of tile 0, position 0"),
            Field("input_address", address, doc="first word of input channel 0"),
            Field("input_stride", address, doc="words from one input channel to the next"),
            Field("ready_first", TURN_BITS, doc="turns that must be done before channel 0 is read"),
            Field("ready_step", TURN_BITS, doc="further turns from one round of the producer to the next"),
            Field("ready_channels", CHANNEL_BITS, doc="channels of one turn of the producer"),
        ),
    )


def back_record(config: Config) -> Record:
    """The half of an instruction that the drain unit reads."""
    address = feature_bits(config)
    return Record(
        "back",
        (
            Field("operation", 2, doc="Operation"),
            Field("rounds", log2(MAX_ROUNDS), doc="as in front"),
            Field("tiles", log2(MAX_TILES), doc="as in front"),
            Field("fold", 2, doc="Fold"),
            Field("group", 3, doc="partial sums of a filter, which in GROUP as many share, 1…4; 1 in COLUMN"),
            Field("filters", CHANNEL_BITS, doc="filters of the layer, at least 1"),
            Field("engine_filters", CHANNEL_BITS, doc="filters of one engine in a round"),
            Field("row_width", formats.LANES_BITS, doc="pixels of a map row (COLUMN); divides lanes"),
            Field("term_address", log2(config.term_words), doc="first basis term"),
            Field("filter_address", log2(config.filter_words), doc="first filter word"),
            Field("output_address", address, doc="first word of output channel 0"),
            Field(
                "output_stride", address, doc="words from one output channel to the next, and of the residual"
            ),
            Field("plane_tiles", log2(MAX_TILES), doc="tiles of one phase plane, at least 1"),
            Field("last_lanes", formats.LANES_BITS, doc="lanes in use in the last tile of a plane, 1…lanes"),
            Field("relu", 1, doc="negative results become zero"),
            Field("residual", 1, doc="add the tensor at residual_address"),
            Field("residual_address", address, doc="first word of its channel 0; stride as output"),
            Field("align_result", formats.ALIGN_BITS, doc="left shift of the requantised result"),
            Field("align_residual", formats.ALIGN_BITS, doc="left shift of the residual"),
            Field("residual_shift", formats.SUM_SHIFT_BITS, doc="rounding right shift of their sum"),
            Field("pool", 1, doc="write one pixel per channel: the rounded sum of the map"),
            Field("pool_shift", formats.SUM_SHIFT_BITS, doc="rounding right shift of the sum"),
            *_table_field(config),
            *_gate_fields(config),
        ),
    )


def _table_field(config: Config) -> tuple[Field, ...]:
    doc = "number of the table that takes the place of ReLU, 1…; 0 for none"
    return (Field("table", config.tables.bit_length(), doc=doc),) if config.tables else ()


def _gate_fields(config: Config) -> tuple[Field, ...]:
    if not config.gates:
        return ()
    return (
        Field("gate", 1, doc="lane 0 of each word that is written becomes a basis term, too"),
        Field(
            "gate_offset", log2(config.term_words), doc="from the address of such a word to that of the term"
        ),
    )


def statistics_record() -> Record:
    """What LightNorm keeps of a channel, as `golden.spec.commands.scalar_report_record` has scalars."""
    fields = scalar_report_record().fields
    return Record(
        "statistics",
        tuple(replace(it, name=f"{name}_{it.name}") for name in ("mean", "scale") for it in fields),
    )


COUNTER_BITS = 4
"""Width of a counter in the device's memory (golden.spec.learning has the widths that golden knows)."""


def counter_record() -> Record:
    """What an update keeps of an entry, beside its code."""
    return Record(
        "counter",
        (
            Field("kept", 1, doc="the entry is a kept code: it has a gradient and may move"),
            Field("counter", COUNTER_BITS, signed=True, doc="see golden.spec.learning.switched"),
        ),
    )


def entry_bits(config: Config) -> int:
    """Width of the number of an entry of an engine: PAIR times the address of its pair, plus its half."""
    return log2(PAIR * config.coefficient_words)


def place_record(config: Config) -> Record:
    """Where the code of an entry stands a second time, in the transposed stream."""
    return Record(
        "place",
        (
            Field("entry", entry_bits(config), doc="number of that entry"),
            Field("engine", max(1, (config.engines - 1).bit_length()), doc="its engine"),
            Field("valid", 1, doc="there is such an entry"),
        ),
    )


SEED_RECORD = Record(
    "seed",
    (
        Field("before", LFSR_WORD, doc="see golden.spec.learning.Lfsr"),
        Field("last", LFSR_WORD, doc="likewise"),
    ),
)
"""The state of a generator of random bits."""


@dataclass(frozen=True)
class MemoryShape:
    """Width in bits of a word of a memory as the loader sees it, and its depth in words."""

    bits: int
    depth: int


def memory_shape(config: Config, memory: int) -> MemoryShape:
    """Shape of a loadable memory (a number of `Memory`, or one of an engine)."""
    shapes: dict[int, MemoryShape] = {
        Memory.RUN: MemoryShape(run_record(config).bits, 1),
        Memory.FRONT: MemoryShape(front_record(config).bits, config.instructions),
        Memory.BACK: MemoryShape(back_record(config).bits, config.instructions),
        Memory.TAP: MemoryShape(tap_record(config).bits, config.tap_words),
        Memory.TERM: MemoryShape(formats.ACTIVATION_BITS, config.term_words),
        Memory.FILTER: MemoryShape(filter_record().bits, config.filter_words),
    }
    if config.tables:
        depth = TABLE_ENTRIES << (config.tables - 1).bit_length()
        shapes[Memory.TABLE] = MemoryShape(formats.ACTIVATION_BITS, depth)
    for engine in range(config.engines):
        bits = arithmetic(config.arithmetic).word_bits(config)
        shapes[Memory.COEFFICIENT + engine] = MemoryShape(bits, config.coefficient_words)
        if config.learning:
            shapes[Memory.PARAMETER] = MemoryShape(parameter_record().bits, config.filter_words)
            shapes[Memory.STATISTICS] = MemoryShape(statistics_record().bits, config.filter_words)
            shapes[Memory.COMMAND] = MemoryShape(command_record(config).bits, config.instructions)
            shapes[Memory.SEED] = MemoryShape(SEED_RECORD.bits, len(Generator))
            shapes[Memory.CONTROLLER] = MemoryShape(instruction_record().bits, config.controller_instructions)
            shapes[Memory.STATE] = MemoryShape(WORD_BITS, config.controller_words)
            for first, record in ((Memory.COUNTER, counter_record()), (Memory.PLACES, place_record(config))):
                shapes[first + engine] = MemoryShape(PAIR * record.bits, config.coefficient_words)
    return shapes[memory]


def memories(config: Config) -> list[int]:
    """Numbers of all loadable memories of a configuration, in order."""
    of_engines = (Memory.COEFFICIENT, Memory.COUNTER, Memory.PLACES)
    learning = (
        Memory.PARAMETER,
        Memory.COMMAND,
        Memory.SEED,
        Memory.CONTROLLER,
        Memory.STATE,
        Memory.STATISTICS,
    )
    fixed = [
        int(memory)
        for memory in Memory
        if memory not in of_engines
        and (config.learning or memory not in learning)
        and (config.tables or memory != Memory.TABLE)
    ]
    there = of_engines if config.learning else of_engines[:1]
    return fixed + [first + engine for first in there for engine in range(config.engines)]
