"""Packed words of a record for whole arrays at once: the array form of `golden.spec.fields.Record`."""

import numpy as np
import numpy.typing as npt

from golden.spec.fields import Record

Int64 = npt.NDArray[np.int64]


def pack_words(record: Record, **values: Int64) -> Int64:
    """Packed words, int64, of equally long arrays, one for each field; records of at most 62 bits.

    Raises ValueError naming record, field and value if one does not fit or names differ.
    """
    names = [field.name for field in record.fields]
    if set(names) != set(values) or record.bits > 62:
        raise ValueError(f"{record.name}: fields {names} of at most 62 bits, got {sorted(values)}")
    words: Int64 = np.zeros(len(values[names[0]]), np.int64)
    position = 0
    for field in record.fields:
        array = values[field.name]
        wrong = (array < field.low) | (array > field.high)
        if wrong.any():
            raise ValueError(
                f"{record.name}.{field.name} = {array[wrong][0]} is outside {field.low}…{field.high}"
            )
        words |= (array & ((1 << field.bits) - 1)) << position
        position += field.bits
    return words


def unpack_words(record: Record, words: Int64) -> dict[str, Int64]:
    """Field name → int64 array of the field's values; the inverse of `pack_words`."""
    values = {}
    position = 0
    for field in record.fields:
        value = words >> position & ((1 << field.bits) - 1)
        if field.signed:
            value = value - ((value > field.high).astype(np.int64) << field.bits)
        values[field.name] = value
        position += field.bits
    return values
