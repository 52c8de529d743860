"""Commands hold what networks ask for."""

from golden.spec.block import GRID_BITS, constants
from golden.spec.commands import MAX_CHUNKS, index_bits, norm_record, parameter_record
from golden.spec.config import SMALL
from golden.spec.learning import ACTIVATION_EXPONENTS, ERROR_EXPONENTS, PARAMETER_BITS, PARAMETER_FRACTION


def test_shifts_reach_all_scales() -> None:
    fields = {field.name: field for field in norm_record(SMALL).fields}
    low, high = ACTIVATION_EXPONENTS
    first, last = ERROR_EXPONENTS
    # A head's error is shared by the pixels of a map: its exponent may lie below by as many bits.
    widest = range(8 + first - 16 - last, 8 + last - first + 1)
    assert fields["shift"].low <= widest[0]
    assert widest[-1] <= fields["shift"].high
    assert fields["addend_shift"].low <= 8 + low - high
    assert 8 + high - low <= fields["addend_shift"].high


def test_chunks_of_any_channel() -> None:
    counts = {constants(values).chunks.count for values in range(4, 5000, 4)}
    assert max(counts) == MAX_CHUNKS
    assert {field.name: field.high for field in norm_record(SMALL).fields}["chunks"] >= MAX_CHUNKS
    longest = constants(1 << index_bits(SMALL)).chunks.length // 4
    assert longest <= {field.name: field.high for field in norm_record(SMALL).fields}["chunk_beats"]


def test_scalars_of_parameters_fit() -> None:
    fields = {field.name: field for field in parameter_record().fields}
    # The smallest and the largest one, as exponents of a mantissa of 24 bits.
    least = -PARAMETER_FRACTION - fields["gamma_mantissa"].bits + 1
    most = PARAMETER_BITS - 1 - PARAMETER_FRACTION - fields["gamma_mantissa"].bits
    assert fields["gamma_exponent"].low <= least <= most <= fields["beta_exponent"].high
    assert fields["gamma_exponent"].bits == GRID_BITS
