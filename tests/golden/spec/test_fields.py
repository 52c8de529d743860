"""Records: exact inverses, clear refusals; and every declared record of the memories."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden.numerics.records import pack_words, unpack_words
from golden.spec.arithmetics import coefficient_record
from golden.spec.config import PRESETS, Config
from golden.spec.fields import Field, Record
from golden.spec.memories import (
    Memory,
    back_record,
    filter_record,
    front_record,
    memories,
    memory_shape,
    run_record,
    tap_record,
)

_RECORD = Record("thing", (Field("small", 3), Field("number", 5, signed=True)))

_ALL = [
    make(config)
    for config in PRESETS.values()
    for make in (coefficient_record, tap_record, run_record, front_record, back_record)
] + [filter_record()]


def test_first_field_is_least_significant() -> None:
    assert _RECORD.bits == 8
    assert _RECORD.pack(small=5, number=-1) == 0b11111_101
    assert _RECORD.unpack(0b10000_001) == {"small": 1, "number": -16}


@pytest.mark.parametrize("record", _ALL, ids=lambda record: f"{record.name}{record.bits}")
@given(data=st.data())
def test_pack_and_unpack_are_inverses(record: Record, data: st.DataObject) -> None:
    values = {f.name: data.draw(st.integers(f.low, f.high)) for f in record.fields}
    word = record.pack(**values)
    assert 0 <= word < 1 << record.bits
    assert record.unpack(word) == values


def test_refusals_name_record_field_and_range() -> None:
    with pytest.raises(ValueError, match=r"^thing\.number = 16 is outside -16…15$"):
        _RECORD.pack(small=0, number=16)
    with pytest.raises(ValueError, match=r"^thing: missing or unknown fields \['number', 'other'\]$"):
        _RECORD.pack(small=0, other=1)
    with pytest.raises(ValueError, match=r"^thing: 0x100 is not a word of 8 bits$"):
        _RECORD.unpack(256)


@pytest.mark.parametrize("record", [_RECORD, filter_record(), coefficient_record(PRESETS["small"])])
def test_array_form_equals_the_scalar_form(record: Record) -> None:
    rng = np.random.default_rng(1)
    values = {f.name: rng.integers(f.low, f.high + 1, 200) for f in record.fields}
    words = pack_words(record, **values)
    rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    assert words.tolist() == [record.pack(**row) for row in rows]
    for name, array in unpack_words(record, words).items():
        np.testing.assert_array_equal(array, values[name])


def test_array_form_refuses_like_the_scalar_form() -> None:
    with pytest.raises(ValueError, match=r"^thing\.small = 9 is outside 0…7$"):
        pack_words(_RECORD, small=np.array([1, 9]), number=np.array([0, 0]))
    with pytest.raises(ValueError, match=r"^thing: fields \['small', 'number'\] .*, got \['small'\]$"):
        pack_words(_RECORD, small=np.array([1]))


@pytest.mark.parametrize("config", PRESETS.values(), ids=PRESETS)
def test_every_memory_has_a_shape(config: Config) -> None:
    numbers = memories(config)
    # What learns has parameters, statistics, commands, seeds, a controller; and counters and places beside
    # coefficients.
    expected = 12 + 3 * config.engines if config.learning else 6 + config.engines
    assert len(numbers) == len(set(numbers)) == expected
    shapes = [memory_shape(config, number) for number in numbers]
    assert all(shape.bits >= 1 and shape.depth >= 1 for shape in shapes)
    assert memory_shape(config, Memory.RUN).depth == 1
