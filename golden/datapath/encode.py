"""Coefficient streams: entries with fillers and END, packed into pairs (docs/machine.md, section 4)."""

import numpy as np
import numpy.typing as npt

from golden.datapath.entries import Entries
from golden.graph.network import Layer
from golden.numerics.records import pack_words
from golden.spec import formats
from golden.spec.arithmetics import ADVANCE_BITS, coefficient_record
from golden.spec.config import Config

Int64 = npt.NDArray[np.int64]

_LARGEST_ADVANCE = (1 << ADVANCE_BITS) - 1


def layer_blocks(
    _: Layer, entries: Entries, rounds: int, units: int, rows: int, config: Config
) -> list[list[Int64]]:
    """The pairs of a layer: for each engine, one int64 array for each round of `units` units an engine."""
    block = entries.unit // units
    slot = entries.unit % units * entries.unit_slots + entries.slot
    # lexsort is stable, so the digits of a weight stay largest first.
    order = np.lexsort((slot, entries.row, block))
    block, slot, row, code = block[order], slot[order], entries.row[order], entries.codes[order]
    count = rounds * config.engines
    edges = np.searchsorted(block, np.arange(count + 1))
    pieces = [slice(edges[i], edges[i + 1]) for i in range(count)]
    pairs = [_block(row[piece], slot[piece], code[piece], rows, config) for piece in pieces]
    return [pairs[engine :: config.engines] for engine in range(config.engines)]


def _block(row: Int64, slot: Int64, code: Int64, rows: int, config: Config) -> Int64:
    """The pairs of one block: the sorted entries, fillers, END at the marker row, padding."""
    gap = np.diff(np.append(row, rows), prepend=0)
    fillers = np.maximum(gap - 1, 0) // _LARGEST_ADVANCE
    last = np.cumsum(fillers + 1) - 1
    length = int(last[-1]) + 1
    padded = length + length % 2
    codes = np.full(padded, formats.CODE_ZERO, np.int64)
    slots = np.zeros(padded, np.int64)
    advances = np.full(padded, _LARGEST_ADVANCE, np.int64)
    advances[length:] = 0
    codes[last] = np.append(code, formats.CODE_END)
    slots[last] = np.append(slot, 0)
    advances[last] = gap - fillers * _LARGEST_ADVANCE
    record = coefficient_record(config)
    words = pack_words(record, code=codes, slot=slots, advance=advances)
    return words[0::2] | words[1::2] << record.bits
