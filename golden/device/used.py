"""What a step takes of a device's memories."""

from golden.device.plan import StepPlan
from golden.spec.arithmetics import PAIR
from golden.spec.commands import parameter_record, scalar_report_record
from golden.spec.learning import GRADIENT_BITS
from golden.spec.memories import Memory, memory_shape


def used_bytes(plan: StepPlan) -> dict[str, float]:
    """Bytes of each memory: of its words that the step uses.

    Of the gradient memory an entry for each one of the coefficient memory: gradients of all layers stand side
    by side, so that a step that a fault stops has changed no code.
    """
    config, maps, pairs = plan.config, plan.maps, plan.engines.pairs
    tensors = (*maps.values, *maps.sums, *maps.errors, *maps.outputs, maps.request, maps.result)
    entries = PAIR * pairs * config.engines
    loaded = {
        "taps": (Memory.TAP, len(plan.taps)),
        "instructions": (Memory.FRONT, len(plan.front)),
        "instructions of the drain": (Memory.BACK, len(plan.back)),
        "commands": (Memory.COMMAND, len(plan.commands.words)),
        "controller's program": (Memory.CONTROLLER, len(plan.firmware)),
        "controller's data": (Memory.STATE, plan.data.words),
        "coefficients": (Memory.COEFFICIENT, pairs * config.engines),
        "counters": (Memory.COUNTER, pairs * config.engines),
        "places": (Memory.PLACES, pairs * config.engines),
    }
    found = {name: memory_shape(config, memory).bits * words / 8 for name, (memory, words) in loaded.items()}
    ends = (it.address + it.shape[0] * it.stride for it in tensors if it is not None)
    channels = sum(layer.filters for layer in plan.network.layers)
    found |= {
        "features": max(ends) * config.lanes,
        "gradients": entries * GRADIENT_BITS / 8,
        "parameters": channels * parameter_record().bits / 8,
        # Mean and scale, from the way forward to the way backward.
        "statistics": channels * 2 * scalar_report_record().bits / 8,
    }
    return found
