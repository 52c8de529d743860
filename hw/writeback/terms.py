"""Terms and sums on their way from the drain to the output pipeline."""

from amaranth.hdl import signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import Out

from golden.spec import formats
from golden.spec.config import Config
from hw.writeback.walk import output_fields


def token_layout(config: Config) -> data.StructLayout:
    """What goes down the output pipeline with each term.

    valid: it is a term.  turn_end: the engine is done with the job.  The others: see `output_fields`.
    """
    return data.StructLayout({"valid": 1, **output_fields(config), "turn_end": 1})


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
