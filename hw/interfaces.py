"""Every bundle of wires that joins two folders, as a Signature with its contract.

Directions are those of the side that is named first: Out leaves it. The other side takes the bundle as In.
"""

from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats, memories
from golden.spec.config import ADDRESS_BITS, Config
from golden.spec.memories import SECTION, log2, memory_shape


def load_bits(config: Config) -> int:
    """Width of the load bus: the widest memory word in whole 32-bit words."""
    return max(-(-memory_shape(config, number).bits // 32) * 32 for number in memories.memories(config))


def load_signature(config: Config) -> wiring.Signature:
    """Loader → memories: a word for the memory of that number.

    memory: still from the cycle before `valid` on.
    """
    return wiring.Signature(
        {
            "valid": Out(1),
            "memory": Out(SECTION.width("memory")),
            "address": Out(ADDRESS_BITS),
            "data": Out(load_bits(config)),
        }
    )


def row_bits(config: Config) -> int:
    """Width of a row number: rows are counted modulo twice the window, so that full ≠ empty."""
    return log2(config.window) + 1


def row_signature(config: Config) -> wiring.Signature:
    """Fetch → window: a row in a cycle with `valid`; the fetch unit keeps the window from overflowing.

    data: `lanes` bytes.  busy: per lane, its byte is not zero.  marker: the row ends a job and has no data.
    rewind: (marker) the job's block of coefficients is read once more.
    """
    return wiring.Signature(
        {
            "valid": Out(1),
            "data": Out(config.lanes * 8),
            "busy": Out(config.lanes),
            "marker": Out(1),
            "rewind": Out(1),
        }
    )


FLAGS = data.StructLayout({"zero": 1, "marker": 1, "rewind": 1})
"""Of a row in the window: all its bytes are zero, and it is no marker; `row_signature` has the others."""


def flags_signature(config: Config) -> wiring.Signature:
    """Engine → window: what rows are, before they are read.

    written: In, rows pushed since the start, modulo twice the window.
    look: Out, two places.  flags: In, of the rows in them, in the same cycle.
    """
    return wiring.Signature(
        {
            "written": In(row_bits(config)),
            "look": Out(log2(config.window)).array(2),
            "flags": In(FLAGS).array(2),
        }
    )


def bytes_signature(config: Config) -> wiring.Signature:
    """Engine → window: the bytes of the row in a place, in the same cycle."""
    return wiring.Signature({"place": Out(log2(config.window)), "bytes": In(config.lanes * 8)})


def sums_signature(config: Config) -> wiring.Signature:
    """Drain → engine: partial sums of finished jobs.

    full: In, per bank, its sums stand.  release: Out, per bank, it has been drained; the last read may come
    in the same cycle.  read, bank, slot: Out, read that sum.  sums: In, `lanes` sums `latency.SUM_READ`
    cycles after `read`, else zero.

    In a gradient pass (of an engine that learns) nothing is read. full: the bank waits for the error codes of
    its next job, both do from the start on.  release: they are in, or the last of `errors_signature` comes in
    the same cycle; the job may begin. Its END makes the bank full again, so at the end of the pass both are.
    """
    return wiring.Signature(
        {
            "full": In(2),
            "release": Out(2),
            "read": Out(1),
            "bank": Out(1),
            "slot": Out(log2(config.accumulators)),
            "sums": In(config.lanes * config.accumulator_bits),
        }
    )


def errors_signature(config: Config) -> wiring.Signature:
    """Drain → engine that learns: error codes of a bank, in a gradient pass; written a cycle later.

    bank, slot: Out, of the filter whose errors they are.  slice: Out, which `basis` of its lanes.
    codes: Out, the lanes' codes (golden.spec.formats), the first one lowest.
    """
    return wiring.Signature(
        {
            "valid": Out(1),
            "bank": Out(1),
            "slot": Out(log2(config.accumulators)),
            "slice": Out(log2(config.lanes // config.basis)),
            "codes": Out(config.basis * formats.CODE_BITS),
        }
    )


def write_signature(config: Config) -> wiring.Signature:
    """Writeback → feature memory: per-lane enables, data for all lanes, in a cycle with `valid`."""
    return wiring.Signature(
        {
            "valid": Out(1),
            "address": Out(memories.feature_bits(config)),
            "enable": Out(config.lanes),
            "data": Out(config.lanes * 8),
        }
    )


def read_signature(config: Config) -> wiring.Signature:
    """Writeback → feature memory: the word of an address, asked for with `valid`, a cycle later."""
    return wiring.Signature(
        {"valid": Out(1), "address": Out(memories.feature_bits(config)), "data": In(config.lanes * 8)}
    )


def bank_signature(config: Config) -> wiring.Signature:
    """Fetch → feature memory: `lanes` bytes from anywhere, in the order of banks, a cycle later.

    Bank b gives its byte of `word` or, for b < rotation, of `next_word`.
    """
    return wiring.Signature(
        {
            "word": Out(memories.feature_bits(config)),
            "next_word": Out(memories.feature_bits(config)),
            "rotation": Out(log2(config.lanes)),
            "data": In(config.lanes * 8),
        }
    )


def access_signature(config: Config) -> wiring.Signature:
    """Host → arbiter of the feature memory: an access that waits for its grant.

    valid: Out.  write: Out, else a read.  address, data: Out.  grant: In, in the same cycle.
    read: In, the word of an address that was granted a cycle ago.
    """
    return wiring.Signature(
        {
            "valid": Out(1),
            "write": Out(1),
            "address": Out(memories.feature_bits(config)),
            "data": Out(config.lanes * 8),
            "grant": In(1),
            "read": In(config.lanes * 8),
        }
    )


def port_signature(config: Config) -> wiring.Signature:
    """Arbiter → port B of the feature memory.

    address, enable (per lane), write: Out.  read: In, the word of the address a cycle ago; not defined if it
    was written.
    """
    return wiring.Signature(
        {
            "address": Out(memories.feature_bits(config)),
            "enable": Out(config.lanes),
            "write": Out(config.lanes * 8),
            "read": In(config.lanes * 8),
        }
    )


def frame_word(config: Config) -> data.StructLayout:
    """A word of an image or a result: its lanes, lane 0 low, and whether it is the last one of its frame.

    `last` means what TLAST means in AXI4-Stream, and is the highest bit of the payload.
    """
    return data.StructLayout({"data": config.lanes * 8, "last": 1})
