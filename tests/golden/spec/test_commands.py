"""Commands hold what networks ask for."""

from golden.spec.block import constants
from golden.spec.commands import (
    MAX_CHUNKS,
    SHIFT_BITS,
    index_bits,
    norm_record,
    parameter_record,
    scalar_report_record,
)
from golden.spec.config import SMALL
from golden.spec.controller import WORD_BITS
from golden.spec.learning import ACTIVATION_EXPONENTS, ERROR_EXPONENTS, PARAMETER_BITS


def test_shifts_reach_all_scales() -> None:
    reach = range(-(1 << SHIFT_BITS - 1), 1 << SHIFT_BITS - 1)
    low, high = ACTIVATION_EXPONENTS
    first, last = ERROR_EXPONENTS
    # A head's error is shared by the pixels of a map: its exponent may lie below by as many bits.
    for least, most in ((8 + first - 16 - last, 8 + last - first), (8 + low - high, 8 + high - low)):
        assert least in reach
        assert most in reach


def test_chunks_of_any_channel() -> None:
    counts = {constants(values).chunks.count for values in range(4, 5000, 4)}
    assert max(counts) == MAX_CHUNKS
    assert {field.name: field.high for field in norm_record(SMALL).fields}["chunks"] >= MAX_CHUNKS
    longest = constants(1 << index_bits(SMALL)).chunks.length // 4
    assert longest <= {field.name: field.high for field in norm_record(SMALL).fields}["chunk_beats"]


def test_parameters_and_reports_are_whole_numbers_of_words() -> None:
    assert parameter_record().bits == 2 * PARAMETER_BITS
    # A scalar is a number without sign in a data word.
    assert scalar_report_record().bits < WORD_BITS
