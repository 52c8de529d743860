"""Bundles of wires inside this folder."""

from amaranth.hdl import signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats
from golden.spec.commands import SHIFT_BITS, block_record, command_record, parameter_record
from golden.spec.config import Config
from golden.spec.controller import WORD_BITS, data_bits
from golden.spec.learning import GRADIENT_BITS
from golden.spec.memories import COUNTER_BITS, entry_bits, log2, place_record
from hw.parts.layouts import layout
from hw.writeback.basis import slice_bits
from hw.writeback.layouts import pool_index_bits


def entries_signature(config: Config) -> wiring.Signature:
    """Update → engine: what it has of an entry. Only while no job is under way; before the next one there is
    a start.

    look: Out, the entry `entry` is wanted.  code, kept, counter, gradient, place: In, it, a cycle later.
    put_code, put_counter: Out, the entry `put_entry` gets `new_code`, or `new_counter` and a gradient of 0;
    the latter of a kept entry alone.
    """
    return wiring.Signature(
        {
            "look": Out(1),
            "entry": Out(entry_bits(config)),
            "code": In(formats.CODE_BITS),
            "kept": In(1),
            "counter": In(signed(COUNTER_BITS)),
            "gradient": In(signed(GRADIENT_BITS)),
            "place": In(layout(place_record(config))),
            "put_code": Out(1),
            "put_counter": Out(1),
            "put_entry": Out(entry_bits(config)),
            "new_code": Out(formats.CODE_BITS),
            "new_counter": Out(signed(COUNTER_BITS)),
        }
    )


def data_signature(config: Config) -> wiring.Signature:
    """Reports → the controller's data memory: a number that is written at once."""
    return wiring.Signature({"valid": Out(1), "address": Out(data_bits(config)), "word": Out(WORD_BITS)})


def report_item(config: Config) -> data.StructLayout:
    """A number for the controller, and where it goes."""
    return data.StructLayout({"address": data_bits(config), "word": WORD_BITS})


def issue_layout(config: Config) -> data.StructLayout:
    """Controller → conductor: the number of a command, the shifts that it goes with, and whether it may begin
    beside another."""
    return data.StructLayout(
        {
            "command": log2(config.instructions),
            "shift": signed(SHIFT_BITS),
            "addend_shift": signed(SHIFT_BITS),
            "beside": unsigned(1),
        }
    )


def slot_signature(config: Config) -> wiring.Signature:
    """Conductor → slot: a command for its unit. See `CommandSlot`."""
    shift = Out(signed(SHIFT_BITS))
    return wiring.Signature(
        {
            "free": In(1),
            "take": Out(1),
            "word": Out(command_record(config).bits),
            "given_shift": shift,
            "given_addend_shift": shift,
        }
    )


def parameter_signature(config: Config) -> wiring.Signature:
    """Controller → LightNorm's parameter memory: a word (golden.spec.commands.parameter_record), written at
    once."""
    return wiring.Signature(
        {
            "valid": Out(1),
            "address": Out(log2(config.filter_words)),
            "word": Out(parameter_record().bits),
        }
    )


def blocks_signature(config: Config) -> wiring.Signature:
    """Map writer → norm: blocks of a forward pass, `basis` bytes of a word with `valid`, at once, in the
    order of the drain (`hw.writeback.layouts.output_fields`).

    start: Out, a pass begins that does not go on.  layer: Out, fields of its command; still during the pass.
    bytes: Out, as they are written.  slice: Out, which bytes of the word.  channel: Out, in its round.
    initial, final: Out, they are the first, the last ones of their channel.
    """
    return wiring.Signature(
        {
            "start": Out(1),
            "layer": Out(layout(block_record(config))),
            "valid": Out(1),
            "bytes": Out(config.basis * 8),
            "slice": Out(slice_bits(config)),
            "channel": Out(pool_index_bits(config)),
            "initial": Out(1),
            "final": Out(1),
        }
    )
