"""Steps: what a stream tells the lanes of its engine."""

from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.arithmetics import arithmetic
from golden.spec.config import Config
from golden.spec.memories import entry_bits, log2
from hw.interfaces import flags_signature, load_signature, row_bits


def step_layout(config: Config) -> data.StructLayout:
    """One step for the lanes: add the row, times what the operand says, to a slot of a bank.

    entry: (of an engine that learns) number of the entry that the step is of.
    """
    members = {
        "operand": arithmetic(config.arithmetic).operand_bits,
        "slot": log2(config.accumulators),
        "bank": 1,
        "place": log2(config.window),
    }
    return data.StructLayout(members | ({"entry": entry_bits(config)} if config.learning else {}))


def steps_signature(config: Config) -> wiring.Signature:
    """Stream → accumulators.

    step: the step of this cycle.  valid: it adds something.
    end: the job in `end_bank` ends with this cycle; the next one fills the other bank.
    may_end: In, the other bank has been drained, so the job under way may end in this cycle.
    hold: In, there may be no step in this cycle.
    """
    return wiring.Signature(
        {
            "step": Out(step_layout(config)),
            "valid": Out(1),
            "end": Out(1),
            "end_bank": Out(1),
            "may_end": In(1),
            "hold": In(1),
        }
    )


def stream_signature(config: Config) -> wiring.Signature:
    """What every stream of an engine has, whatever its arithmetic.

    load: load bus.  start: In, go to the first word, bank 0.
    skip: In, steps of rows that are all zero may be left out.
    ahead: to the row window.  row: Out, the oldest row that may still be read.
    steps: to the accumulators.  bad: Out, the stream and the rows do not fit together.
    """
    return wiring.Signature(
        {
            "load": In(load_signature(config)),
            "start": In(1),
            "skip": In(1),
            "ahead": Out(flags_signature(config)),
            "row": Out(row_bits(config)),
            "steps": Out(steps_signature(config)),
            "bad": Out(1),
        }
    )
