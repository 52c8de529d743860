"""Amaranth shapes of the records that `golden.spec` declares."""

from amaranth.hdl import signed, unsigned
from amaranth.lib import data

from golden.spec.fields import Record


def layout(record: Record) -> data.StructLayout:
    """The structure whose fields lie where `Record.pack` puts them."""
    return data.StructLayout(
        {field.name: signed(field.bits) if field.signed else unsigned(field.bits) for field in record.fields}
    )
