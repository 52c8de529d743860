"""Coefficient streams: entries with fillers and END, packed into pairs (docs/machine.md, section 4)."""

from dataclasses import dataclass

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
    pairs = [
        pack_pairs(block_entries(row[piece], slot[piece], code[piece], rows), config) for piece in pieces
    ]
    return [pairs[engine :: config.engines] for engine in range(config.engines)]


@dataclass(frozen=True)
class BlockEntries:
    """The entries of one block: those given, fillers, END at the marker row, padding to a whole pair.

    Parameters
    ----------
    code, slot, advance: int64, one per entry.
    places: int64, where each entry that was given stands.
    """

    code: Int64
    slot: Int64
    advance: Int64
    places: Int64


def block_entries(row: Int64, slot: Int64, code: Int64, rows: int, least: int = 0) -> BlockEntries:
    """A block of sorted entries; before END so many fillers that lead nowhere that it has `least` entries."""
    gap = np.diff(np.append(row, rows), prepend=0)
    fillers = np.maximum(gap - 1, 0) // _LARGEST_ADVANCE
    last = np.cumsum(fillers + 1) - 1
    length = int(last[-1]) + 1
    short = max(0, least - length - length % 2)
    padded = length + length % 2 + short
    codes = np.full(padded, formats.CODE_ZERO, np.int64)
    slots = np.zeros(padded, np.int64)
    advances = np.full(padded, _LARGEST_ADVANCE, np.int64)
    # What leads nowhere goes between the fillers of the last gap and END.
    last[-1] += short
    advances[length - 1 : last[-1]] = 0
    advances[last[-1] + 1 :] = 0
    codes[last] = np.append(code, formats.CODE_END)
    slots[last] = np.append(slot, 0)
    advances[last] = gap - fillers * _LARGEST_ADVANCE
    return BlockEntries(codes, slots, advances, last[:-1])


def pack_pairs(block: BlockEntries, config: Config) -> Int64:
    """The pairs of a block, int64, one a word."""
    record = coefficient_record(config)
    words = pack_words(record, code=block.code, slot=block.slot, advance=block.advance)
    return words[0::2] | words[1::2] << record.bits
