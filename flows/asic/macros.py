"""Memory macros of an ASIC: no library here has any, so their area is estimated by a stated table.

The bit cells are those of OpenRAM's planar layouts in scalable design rules, as shares of the flip-flop
that it shows beside them, which is of the same standard cells as osu018; so they scale with the smallest
flip-flop of the library at hand.
"""

from dataclasses import dataclass

from flows.base.energy import access_energy
from flows.synth.liberty import Library
from flows.synth.memories import Macro
from golden.spec.errors import LightDealError


@dataclass(frozen=True)
class MacroTable:
    """Areas of bit cells.

    Parameters
    ----------
    one_port, two_ports: area of a bit cell ÷ that of a flip-flop; each further port takes what the
        second one takes.
    filled: share of a macro that is bit cells; the rest is decoders, amplifiers and drivers.
    source: where the figures come from.
    """

    one_port: float
    two_ports: float
    filled: float
    source: str


MACROS = MacroTable(
    one_port=6.8 * 9.2 / (21.9 * 21.2),
    two_ports=10.9 * 13.9 / (21.9 * 21.2),
    filled=0.74,
    source=(
        "OpenRAM (Guthaus et al., ICCAD 2016, and its documentation, Results): planar bit cells in SCMOS of "
        "0.35 µm, 6.8 µm × 9.2 µm with one port and 10.9 µm × 13.9 µm with two, beside a flip-flop of OSU's "
        "cells, 21.9 µm × 21.2 µm; 0.0050 Mb/mm² in SCMOS of 0.5 µm, of which the bit cells, in the same "
        "units of design rules, fill 74 %"
    ),
)


def flip_flop_area(library: Library) -> float:
    """Area of the smallest flip-flop. Raises LightDealError if the library has none."""
    found = [cell.area for cell in library.cells.values() if cell.is_flip_flop]
    if not found:
        raise LightDealError(f"Liberty file {library.path}: no flip-flop among its cells")
    return min(found)


def macro_area(macro: Macro, library: Library, table: MacroTable = MACROS) -> float:
    """Estimated area of a macro, in the units of the library (µm²)."""
    ports = macro.reads + macro.writes
    cell = table.one_port + (ports - 1) * (table.two_ports - table.one_port)
    return macro.words * macro.bits * cell * flip_flop_area(library) / table.filled


def macro_energy(macro: Macro) -> float | None:
    """pJ of one access by `flows.base.energy`, at 45 nm whatever the library; None beyond its table."""
    return access_energy(macro.words, macro.bits)
