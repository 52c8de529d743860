"""ECP5: copies of cells that feed too much, or far too scattered, for a short way to all of it.

Yosys makes one register of those that hold the same, however many cells they feed, and nextpnr copies none:
the way from it to the last of some hundred cells then decides the frequency. `copy_registers` gives every
multiplier registers of its own, since DSP blocks stand in two rows of the whole part, and every `MOST` other
inputs one. The registers inside a DSP block would be nearer still; Yosys does not use them here.
`copy_luts` gives every `MOST` inputs a look-up table that decides for them, an enable for example.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

MULTIPLIER, REGISTER, LUT = "MULT18X18D", "TRELLIS_FF", "LUT4"
MOST = 64
"""Inputs that one cell feeds."""
BESIDE = ("ALUT", "BLUT")
"""Inputs of a PFUMX: the LUT that feeds one lies in the same slice."""


def copy_registers(module: dict[str, Any], most: int = MOST) -> int:
    """Copy flip-flops that feed several multipliers or more than `most` other inputs, in place.

    Parameters
    ----------
    module: of a netlist that Yosys wrote as JSON.

    Returns how many flip-flops there are more.
    """
    return _copy(module, REGISTER, "Q", most, MULTIPLIER)


def copy_luts(module: dict[str, Any], most: int = MOST) -> int:
    """Copy LUT4s that feed more than `most` inputs, in place; returns how many there are more."""
    return _copy(module, LUT, "Z", most)


def _copy(module: dict[str, Any], kind: str, output: str, most: int, single: str = "") -> int:
    """Copy cells of a kind; each cell of the kind `single` gets one of its own."""
    cells, names = module["cells"], module["netnames"]
    nets = chain(
        *(cell["connections"].values() for cell in cells.values()), (net["bits"] for net in names.values())
    )
    last = max(bit for bits in nets for bit in bits if isinstance(bit, int))
    source = {cell["connections"][output][0]: name for name, cell in cells.items() if cell["type"] == kind}
    for cell in cells.values():
        for pin in BESIDE:
            for bit in cell["connections"].get(pin, ()):
                source.pop(bit, None)
    fed: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for name, cell in cells.items():
        for pin, bits in cell["connections"].items():
            if cell["port_directions"][pin] == "input":
                for bit in bits:
                    if bit in source:
                        fed[bit][name] += 1
    count = 0
    for bit, inputs in fed.items():
        original = cells[source[bit]]
        _, *others = _groups(inputs, cells, most, single)
        for group in others:
            count += 1
            copy = last + count
            for name in group:
                pins, way = cells[name]["connections"], cells[name]["port_directions"]
                pins |= {
                    pin: [copy if other == bit else other for other in bits]
                    for pin, bits in pins.items()
                    if way[pin] == "input"
                }
            cells[f"{source[bit]}$copy{copy}"] = original | {
                "connections": original["connections"] | {output: [copy]}
            }
    return count


def _groups(
    inputs: Mapping[str, int], cells: Mapping[str, Any], most: int, single: str
) -> Iterator[Sequence[str]]:
    """Cells that share a source; names that are near to each other are cells that are."""
    group: list[str] = []
    for name in sorted(inputs, key=_natural):
        if cells[name]["type"] == single:
            yield [name]
            continue
        if group and sum(inputs[other] for other in group) + inputs[name] > most:
            yield group
            group = []
        group.append(name)
    if group:
        yield group


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that puts lane2 before lane10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
