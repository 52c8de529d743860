"""The rules of training, one number at a time: LFSR, roundings, scales, codes."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden.spec import formats, learning
from golden.spec.learning import LearningError, Lfsr, seeded


def test_lfsr_is_the_bit_sequence() -> None:
    """s[t] = s[t − 64] ⊕ s[t − 127], kept as a plain list of bits."""
    state = seeded(7)
    bits = [state.before >> i & 1 for i in range(64)] + [state.last >> i & 1 for i in range(64)]
    for _ in range(40):
        state = state.step()
        for _ in range(64):
            bits.append(bits[-64] ^ bits[-127])
        assert state.last == sum(bit << i for i, bit in enumerate(bits[-64:]))


def test_lfsr_has_the_full_period() -> None:
    """x^127 + x^63 + 1 divides x^(2^127) − x, and 127 is prime: it is irreducible. As 2^127 − 1 is prime
    as well, every state but zero lies on one cycle of 2^127 − 1 bits."""
    polynomial = 1 << learning.LFSR_BITS | 1 << 63 | 1

    def squared(value: int) -> int:
        spread = int("0".join(f"{value:b}"), 2)
        while spread.bit_length() > learning.LFSR_BITS:
            spread ^= polynomial << spread.bit_length() - 1 - learning.LFSR_BITS
        return spread

    x = 2
    for _ in range(learning.LFSR_BITS):
        x = squared(x)
    assert x == 2
    # No root in the field of two elements, the only proper subfield.
    assert polynomial.bit_count() % 2 == 1
    # Lucas and Lehmer: 2^127 − 1 is prime.
    prime, s = (1 << 127) - 1, 4
    for _ in range(125):
        s = (s * s - 2) % prime
    assert s == 0


def test_lfsr_refuses_what_would_stand_still() -> None:
    with pytest.raises(LearningError, match="LFSR of zeros"):
        Lfsr(1, 0)
    with pytest.raises(LearningError, match="'last' = -1; legal"):
        Lfsr(0, -1)
    with pytest.raises(LearningError, match="seed = -1; legal"):
        seeded(-1)
    assert seeded(0) != seeded(1)
    assert seeded(2**64 - 1)


@pytest.mark.parametrize("bits", [0, 1, 3, 6])
def test_stochastic_is_unbiased(bits: int) -> None:
    """The mean over all random numbers is the value, exactly; each result is one of its neighbours."""
    for value in range(-200, 201):
        found = [learning.stochastic(value, bits, random) for random in range(1 << bits)]
        exact = Fraction(value, 1 << bits)
        assert Fraction(sum(found), len(found)) == exact
        assert {math.floor(exact), math.ceil(exact)} >= set(found)


def test_powers_are_unbiased_for_every_error() -> None:
    """In units of twice the error's; codes are those of coefficients."""
    randoms = range(1 << learning.TERM_RANDOM_BITS)
    for error in range(-127, 128):
        found = [learning.power_term(error, random) for random in randoms]
        assert Fraction(sum(found), len(found)) * 2**learning.TERM_UNIT == error
        assert all(formats.encode_coefficient(term) >= 0 and term * error >= 0 for term in found)


def test_generators_of_a_seed_are_the_words_of_one_sequence() -> None:
    """SplitMix64 of seed 1234567: the first words as published with its code (prng.di.unimi.it)."""
    words = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [seeded(1234567), seeded(1234567, 1)] == [Lfsr(*words[:2]), Lfsr(*words[2:])]


@pytest.mark.parametrize(
    ("field", "value", "legal"), [("engines", 0, "1…64"), ("lanes", 2, "one of"), ("slots", 65, "1…64")]
)
def test_arrays_that_cannot_be(field: str, value: int, legal: str) -> None:
    with pytest.raises(LearningError, match=f"array field '{field}' = {value}; legal: {legal}"):
        learning.ArrayShape(**{field: value})


def test_filters_of_an_engine_and_a_round() -> None:
    """All engines work before one takes a second filter: 12 filters are 3 for each of 4 engines. Two rounds
    share out 48: 6 for each in both, not 8 in the first one and half of the engines idle in the second.
    """
    small = learning.ArrayShape()
    assert [small.engine_filters(count) for count in (1, 4, 5, 12, 32, 33, 48)] == [1, 1, 2, 3, 8, 5, 6]
    assert [small.round_filters(count) for count in (1, 12, 48, 64)] == [4, 12, 24, 32]


def test_filters_take_as_few_rounds_as_there_can_be() -> None:
    for array in (learning.ArrayShape(engines, slots=slots) for engines in (1, 3, 4) for slots in (1, 5, 8)):
        for filters in range(1, 100):
            each = array.round_filters(filters)
            assert array.engine_filters(filters) <= array.slots
            assert -(-filters // each) == -(-filters // (array.engines * array.slots))
    assert [learning.ArrayShape(lanes=lanes).random_words for lanes in (4, 8, 16, 32)] == [1, 1, 2, 4]


def test_a_power_term_is_unbiased_for_every_error() -> None:
    """Over the bits that count, and so over a byte; in units of two."""
    for error in range(-127, 128):
        found = [learning.power_term(error, random) for random in range(64)]
        assert Fraction(sum(found), len(found)) == Fraction(error, 2)
        assert found * 4 == [learning.power_term(error, random) for random in range(256)]
        # Its neighbours among the powers.
        allowed = {0} if error == 0 else {0, 1} if abs(error) == 1 else set(_around(abs(error) / 2))
        assert {abs(term) for term in found} == allowed


def _around(value: float) -> tuple[int, ...]:
    """The powers of two next to a number of at least 1."""
    return (2 ** math.floor(math.log2(value)), 2 ** math.ceil(math.log2(value)))


@pytest.mark.parametrize(
    ("saturated", "large", "expected"),
    [(2, 9, 4), (1, 9, 3), (0, 1, 3), (0, 0, 2), (1024, 1024, 4)],
)
def test_scale_moves_by_its_counts(saturated: int, large: int, expected: int) -> None:
    assert learning.moved_scale(3, 1024, saturated, large, (-9, 9)) == expected


def test_scale_stays_at_its_ends() -> None:
    assert learning.moved_scale(9, 10, 10, 10, (-9, 9)) == 9
    assert learning.moved_scale(-9, 10, 0, 0, (-9, 9)) == -9


@given(st.integers(1, 1 << 45), st.integers(-40, 20), st.integers(-40, 20), st.integers(1, 1 << 16))
def test_gradient_exponent_follows_the_mean(total: int, unit: int, exponent: int, kept: int) -> None:
    """Away from the borders of 2^(g ± 0.75) the integers decide as the logarithm does."""
    distance = math.log2(total) + unit - math.log2(kept) - exponent
    if abs(abs(distance) - 0.75) < 0.001:
        return
    expected = exponent + (distance > 0.75) - (distance < -0.75)
    assert learning.moved_gradient(exponent, total, unit, kept) == expected


def test_gradient_exponent_without_gradient_or_at_an_end() -> None:
    assert learning.moved_gradient(5, 0, 0, 10) == 5
    low, high = learning.GRADIENT_EXPONENTS
    assert learning.moved_gradient(high, 1 << 31, 31, 1) == high
    assert learning.moved_gradient(low, 1, low - 20, 9) == low


CODES = [-64, -32, -16, -8, -4, -2, -1, 0, 1, 2, 4, 8, 16, 32, 64]


@pytest.mark.parametrize("bits", range(3, 9))
def test_a_code_moves_one_place_towards_the_sign(bits: int) -> None:
    """Codes in order are a ladder: a move is one rung up or down, and stays at its ends."""
    bar = 1 << bits - 1
    for place, code in enumerate(CODES):
        for counter in range(1 - bar, bar):
            for move in (-2 * bar, -1, 0, 1, bar - 1, 2 * bar):
                found, left = learning.switched(code, counter, move, bits)
                if -bar < counter + move < bar:
                    assert (found, left) == (code, counter + move)
                else:
                    rung = place + (1 if counter + move > 0 else -1)
                    assert (found, left) == (CODES[min(max(rung, 0), 14)], 0)
