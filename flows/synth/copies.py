"""ECP5: each multiplier gets registers of its own.

A factor that many multipliers share comes from one register, far from most of them: DSP blocks stand in two
rows of the whole part. `copy_registers` gives each multiplier a copy, which Yosys would merge again if the
design held it. A DSP block's own registers would be nearer still, but nextpnr 0.11 leaves the paths to and
from them out of its timing.
"""

from collections import defaultdict
from itertools import chain
from typing import Any

MULTIPLIER, REGISTER = "MULT18X18D", "TRELLIS_FF"


def copy_registers(module: dict[str, Any]) -> int:
    """Copy flip-flops that feed several multipliers, in one module of Yosys' JSON, in place.

    Returns how many flip-flops there are more.
    """
    cells, names = module["cells"], module["netnames"]
    nets = chain(
        *(cell["connections"].values() for cell in cells.values()), (net["bits"] for net in names.values())
    )
    last = max(bit for bits in nets for bit in bits if isinstance(bit, int))
    source = {cell["connections"]["Q"][0]: name for name, cell in cells.items() if cell["type"] == REGISTER}
    users: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for cell in cells.values():
        if cell["type"] == MULTIPLIER:
            for bit in dict.fromkeys(chain(*cell["connections"].values())):
                if bit in source:
                    users[bit].append(cell["connections"])
    count = 0
    for bit, multipliers in users.items():
        register = cells[source[bit]]
        for pins in multipliers[1:]:
            count += 1
            copy = last + count
            pins |= {pin: [copy if other == bit else other for other in bits] for pin, bits in pins.items()}
            cells[f"{source[bit]}$copy{copy}"] = register | {
                "connections": register["connections"] | {"Q": [copy]}
            }
    return count
