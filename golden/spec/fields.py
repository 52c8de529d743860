"""Bit fields, declared once: how a record of named integers becomes one memory word.

A `Record` is read by the golden models (`pack`, `unpack`), by the hardware (`hw.parts.layouts` makes
an Amaranth structure of the same order and widths) and by the documentation.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """One integer field of a record.

    Parameters
    ----------
    name:   identifier of the field.
    bits:   width, at least 1.
    signed: two's complement if true.
    doc:    one line saying what the value means, with its unit.
    """

    name: str
    bits: int
    signed: bool = False
    doc: str = ""

    @property
    def low(self) -> int:
        """Smallest value."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest value."""
        return (1 << (self.bits - self.signed)) - 1


@dataclass(frozen=True)
class Record:
    """An ordered list of fields; the first field is the least significant.

    `pack` and `unpack` are exact inverses on values in range.
    """

    name: str
    fields: tuple[Field, ...]

    @property
    def bits(self) -> int:
        """Width of the packed word."""
        return sum(field.bits for field in self.fields)

    def width(self, name: str) -> int:
        """Bits of the field of that name. Raises KeyError."""
        return {field.name: field.bits for field in self.fields}[name]

    def pack(self, **values: int) -> int:
        """One unsigned integer of `bits` bits; every field must be given.

        Raises ValueError naming record, field, value and range if a value does not fit, or if
        the names differ from the declared ones.
        """
        if set(values) != {field.name for field in self.fields}:
            wrong = sorted(set(values) ^ {field.name for field in self.fields})
            raise ValueError(f"{self.name}: missing or unknown fields {wrong}")
        word = 0
        position = 0
        for field in self.fields:
            value = int(values[field.name])
            if not field.low <= value <= field.high:
                raise ValueError(f"{self.name}.{field.name} = {value} is outside {field.low}…{field.high}")
            word |= (value & ((1 << field.bits) - 1)) << position
            position += field.bits
        return word

    def unpack(self, word: int) -> dict[str, int]:
        """The field values of a packed word.

        Raises ValueError if the word has more than `bits` bits.
        """
        if not 0 <= word < 1 << self.bits:
            raise ValueError(f"{self.name}: {word:#x} is not a word of {self.bits} bits")
        values = {}
        for field in self.fields:
            value = word & ((1 << field.bits) - 1)
            if field.signed and value > field.high:
                value -= 1 << field.bits
            values[field.name] = value
            word >>= field.bits
        return values
