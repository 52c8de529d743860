"""The verb synth: what one unit or its operations cost, or all figures of synthesis."""

from flows.cost.commands import Synth
from flows.cost.everything import everything
from flows.cost.operations import operations_text
from flows.cost.unit import synth_unit


def synth(options: Synth) -> tuple[str, bool]:
    """Everything (`flows.cost.everything`) if no option but `out` is given, else one unit.

    Returns the text of the result, and False if a step failed.
    """
    if options.whole:
        return everything(options.out)
    if options.operations:
        return operations_text(options), True
    text, _ = synth_unit(options)
    return text, True
