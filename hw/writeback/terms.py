"""Terms and sums on their way from the drain to the output pipeline."""

from amaranth.hdl import signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import Out

from golden.spec import formats
from golden.spec.config import Config
from golden.spec.memories import log2
from hw.writeback.layouts import output_fields, walk_layout


def token_layout(config: Config) -> data.StructLayout:
    """What goes down the output pipeline with each term.

    valid: it is a term.  turn_end: the engine is done with the job.  The others: see `output_fields`.
    """
    return data.StructLayout({"valid": 1, **output_fields(config), "turn_end": 1})


def source_layout(config: Config) -> data.StructLayout:
    """Where sums stand: engine, bank, slot."""
    members = walk_layout(config).members
    return data.StructLayout({name: members[name] for name in ("engine", "bank", "slot")})


def gate_signature(config: Config) -> wiring.Signature:
    """Output pipeline → terms: a value that becomes the basis term of that address, with `valid`."""
    return wiring.Signature(
        {
            "valid": Out(1),
            "address": Out(log2(config.term_words)),
            "value": Out(signed(formats.ACTIVATION_BITS)),
        }
    )


def reads_signature(config: Config) -> wiring.Signature:
    """Drain → operands: which sums are read, and the sums.

    read: the sum of this cycle's token has not been read since the group began; else it is at hand.
    part: its number in the group.  sums: what was read, `latency.SUM_READ` cycles ago.
    """
    return wiring.Signature(
        {"read": Out(1), "part": Out(2), "sums": Out(config.lanes * config.accumulator_bits)}
    )


def terms_signature(config: Config) -> wiring.Signature:
    """A token in each cycle, and a cycle later what goes with it.

    term: basis term.  bias, shift: of the filter.
    """
    return wiring.Signature(
        {
            "token": Out(token_layout(config)),
            "term": Out(signed(formats.ACTIVATION_BITS)),
            "bias": Out(signed(formats.BIAS_BITS)),
            "shift": Out(formats.SHIFT_BITS),
        }
    )


def operands_signature(config: Config) -> wiring.Signature:
    """Operands → output pipeline: as `terms_signature`, with the sums that a term multiplies."""
    sums = Out(config.lanes * config.accumulator_bits)
    return wiring.Signature({**terms_signature(config).members, "sums": sums})
