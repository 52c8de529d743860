"""TermRounder: every error with every random byte, against golden's rule."""

from golden.spec import formats, latency
from golden.spec.learning import power_term
from hw.learning.term_rounder import TermRounder
from tests.hw.bench import join, pipeline, seeded


def test_every_error_and_every_byte() -> None:
    """Pairs in any order on the lanes, so that a lane that looks at another one's bits is seen."""
    lanes = 8
    pairs = [(error, random) for error in range(-127, 128) for random in range(1 << 8)]
    seeded(3).shuffle(pairs)
    beats = [pairs[i : i + lanes] for i in range(0, len(pairs), lanes)]
    inputs = [
        {"errors": join((error for error, _ in beat), 8), "random": join((random for _, random in beat), 8)}
        for beat in beats
    ]
    dut = TermRounder(lanes)
    found = pipeline(dut, inputs, latency.TERM_ROUND, lambda ctx: ctx.get(dut.codes))
    for beat, codes in zip(beats, found, strict=True):
        right = [formats.encode_coefficient(power_term(error, random)) for error, random in beat]
        assert codes == join(right, formats.CODE_BITS), beat
