"""RoundShift equals golden's rounding and saturation."""

import pytest

from golden.spec import formats, latency
from golden.spec.formats import round_shift, saturate
from hw.parts.rounding import RoundShift
from tests.hw.bench import pipeline, seeded, some


def check(bits: int, shift_bits: int, out_bits: int, cases: list[tuple[int, int]]) -> None:
    dut = RoundShift(bits, shift_bits, out_bits)
    inputs = [{"i": value, "shift": shift} for value, shift in cases]
    results = pipeline(dut, inputs, latency.ROUND, lambda ctx: ctx.get(dut.o))
    for (value, shift), result in zip(cases, results, strict=True):
        assert result == saturate(round_shift(value, shift), out_bits), f"{value} >> {shift}"


@pytest.mark.parametrize(("bits", "shift_bits", "out_bits"), [(8, 3, 4), (8, 3, 8), (5, 3, 8), (3, 2, 2)])
def test_every_value_and_shift(bits: int, shift_bits: int, out_bits: int) -> None:
    half = 1 << (bits - 1)
    check(
        bits,
        shift_bits,
        out_bits,
        [(value, shift) for shift in range(1 << shift_bits) for value in range(-half, half)],
    )


def test_requantiser_width_at_random_and_at_its_corners() -> None:
    rng = seeded(1)
    top = 1 << (formats.OUTPUT_BITS - 1)
    cases = []
    for shift in range(1 << formats.SHIFT_BITS):
        half = 1 << shift >> 1
        # Around ties, around the ends of int8, and at the ends of the input.
        centres = [0, half, 3 * half, 127 << shift, (127 << shift) + half, (-128 << shift) - half, -half]
        centres += [top - 1, -top]
        near = [centre + off for centre in centres for off in (-2, -1, 0, 1, 2)]
        near += [rng.randrange(-256 << shift, 256 << shift) for _ in range(40)]
        near += [some(rng, -top, top - 1) for _ in range(10)]
        cases += [(value, shift) for value in near if -top <= value < top]
    rng.shuffle(cases)
    check(formats.OUTPUT_BITS, formats.SHIFT_BITS, 8, cases)


@pytest.mark.parametrize("bits", [17, 24])
def test_widths_of_residual_and_pool(bits: int) -> None:
    rng = seeded(bits)
    top = 1 << (bits - 1)
    shifts = range(16)
    cases = [(some(rng, -top, top - 1), rng.choice(shifts)) for _ in range(1000)]
    cases += [(rng.randint(-300, 300) << shift >> 1, shift) for shift in range(8) for _ in range(50)]
    check(bits, 4, 8, cases)
