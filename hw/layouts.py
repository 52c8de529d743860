"""Amaranth shapes of what `golden.spec` declares: records, and the words of the image and result streams."""

from amaranth.hdl import signed, unsigned
from amaranth.lib import data

from golden.spec.config import Config
from golden.spec.fields import Record


def layout(record: Record) -> data.StructLayout:
    """The structure whose fields lie where `Record.pack` puts them."""
    return data.StructLayout(
        {field.name: signed(field.bits) if field.signed else unsigned(field.bits) for field in record.fields}
    )


def frame_word(config: Config) -> data.StructLayout:
    """A word of an image or a result: its lanes, lane 0 low, and whether it is the last one of its frame.

    `last` means what TLAST means in AXI4-Stream, and is the highest bit of the payload.
    """
    return data.StructLayout({"data": config.lanes * 8, "last": 1})
