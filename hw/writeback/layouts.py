"""What goes with a step of the drain's walk."""

from amaranth.hdl import Const, Value
from amaranth.lib import data

from golden.spec import memories
from golden.spec.config import Config
from golden.spec.memories import log2
from hw.writeback.basis import slice_bits


def ends_output(config: Config, token: data.View) -> Value:
    """Whether a term is the last of its output; each is where an output has one."""
    last: Value = token.last if config.several_terms else Const(1, 1)
    return last


def pool_index_bits(config: Config) -> int:
    """Width of the number of a channel in its round."""
    return log2(1 << (config.engines * config.accumulators - 1).bit_length())


def output_fields(config: Config) -> dict[str, int]:
    """What the output pipeline does with a term.

    first, last: of an output slice; where it may have several terms.  column: see `hw.writeback.basis`; where
    the configuration has bases.  slice: lanes.
    address: word of the output.  tail: the tile is the last of its plane.  pool_index: channel in the round.
    pool_first, pool_last: slice of the channel's map.
    """
    return {
        **({"first": 1, "last": 1} if config.several_terms else {}),
        **({"column": 2} if config.bases else {}),
        "slice": slice_bits(config),
        "address": memories.feature_bits(config),
        "tail": 1,
        "pool_index": pool_index_bits(config),
        "pool_first": 1,
        "pool_last": 1,
    }


def walk_layout(config: Config) -> data.StructLayout:
    """One term, or an engine without filters.

    empty: the engine has no filters; then only engine, bank, turn_end and layer_end count.
    engine, bank, slot: the partial sum.  part: its number in its group.  read: it has not been read since
    the group began.  term, filter: addresses.  turn_end, layer_end: the last of its turn, of the layer.
    The others: see `output_fields`.
    """
    return data.StructLayout(
        {
            "empty": 1,
            "engine": range(max(config.engines, 2)),
            "bank": 1,
            "slot": log2(config.accumulators),
            "part": 2,
            "read": 1,
            "term": log2(config.term_words),
            "filter": log2(config.filter_words),
            "turn_end": 1,
            "layer_end": 1,
            **output_fields(config),
        }
    )
