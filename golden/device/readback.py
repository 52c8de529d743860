"""Codes and counters out of what READ writes (`golden.spec.commands.read_record`)."""

import numpy as np
import numpy.typing as npt

from golden.device.plan import StepPlan
from golden.spec.arithmetics import PAIR
from golden.spec.formats import CODE_BITS, CODE_END, decode_coefficient
from golden.spec.memories import COUNTER_BITS

Int8 = npt.NDArray[np.int8]

_VALUES = np.array(
    [0 if code == CODE_END else decode_coefficient(code) for code in range(1 << CODE_BITS)],
    np.int8,
)


def codes_of(plan: StepPlan, words: Int8) -> list[tuple[Int8, Int8]]:
    """Codes and counters of each layer, int8 (filters · rows,), of the words that READ wrote."""
    count = PAIR * plan.engines.pairs
    bytes_ = words.view(np.uint8).reshape(-1)[: count * plan.config.engines].reshape(-1, count)
    codes = _VALUES[bytes_ & (1 << CODE_BITS) - 1]
    half = 1 << COUNTER_BITS - 1
    counters = ((bytes_ >> CODE_BITS).astype(np.int8) ^ half) - half
    found = []
    for layer in plan.layers:
        kept = layer.entries.entry >= 0
        where = layer.entries.engine[kept], layer.entries.entry[kept]
        parts = []
        for values in (codes, counters):
            flat = np.zeros(len(kept), np.int8)
            flat[kept] = values[where]
            parts.append(flat)
        found.append((parts[0], parts[1]))
    return found
