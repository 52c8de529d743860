"""Cells of a netlist, counted."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from flows.synth.liberty import Library
from flows.synth.memories import MACRO


@dataclass(frozen=True)
class Kinds:
    """What the cells of a target are; names may hold wildcards.

    Parameters
    ----------
    sites: cell → sites of the logic fabric that it takes (LUT4 sites; on xilinx LUT6 sites).
    flip_flops, dsps, block_rams, lut_rams: cell → how many of them it is.
    """

    sites: Mapping[str, int] = field(default_factory=dict)
    flip_flops: tuple[str, ...] = ()
    dsps: tuple[str, ...] = ()
    block_rams: tuple[str, ...] = ()
    lut_rams: tuple[str, ...] = ()


KINDS = {
    # A CCU2C is two LUTs with a carry; a TRELLIS_DPR16X4 is four LUTs of a slice pair whose
    # write port takes the two of a third slice.
    "ecp5": Kinds(
        sites={"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6},
        flip_flops=("TRELLIS_FF",),
        dsps=("MULT18X18D", "MULT9X9D"),
        block_rams=("DP16KD", "PDPW16KD"),
        lut_rams=("TRELLIS_DPR16X4",),
    ),
    # An SB_CARRY shares the logic cell of its SB_LUT4.
    "ice40": Kinds(
        sites={"SB_LUT4": 1},
        flip_flops=("SB_DFF*",),
        dsps=("SB_MAC16",),
        block_rams=("SB_RAM40_4K*", "SB_SPRAM256KA"),
    ),
    # MUX2_LUT* are wired between LUTs; a RAM16SDP4 is counted as its like on ECP5.
    "gowin": Kinds(
        sites={"LUT[1-4]": 1, "ALU": 1, "RAM16SDP4": 6, "RAM16SDP2": 4, "RAM16SDP1": 4, "INV": 1},
        flip_flops=("DFF*",),
        dsps=("MULT*", "MULTADD*"),
        block_rams=("DP*B", "DP*X9*", "SP", "SPX9", "SDP*", "pROM*"),
        lut_rams=("RAM16*",),
    ),
    # LUT6 sites; CARRY4 and MUXF* lie beside the LUTs.
    "xilinx": Kinds(
        sites={
            "LUT[1-6]": 1,
            "INV": 1,
            "SRL*": 1,
            "RAM32M": 4,
            "RAM64M": 4,
            "RAM32X1D": 2,
            "RAM64X1D": 2,
            "RAM128X1D": 4,
        },
        flip_flops=("FD?E*",),
        dsps=("DSP48E1",),
        block_rams=("RAMB18E1", "RAMB36E1"),
        lut_rams=("RAM32*", "RAM64*", "RAM128*"),
    ),
}


@dataclass(frozen=True)
class Area:
    """What a netlist is made of.

    Parameters
    ----------
    cells: cell type → count, without memory macros.
    sites: LUT4 sites (xilinx: LUT6 sites); 0 for an ASIC.
    flip_flops, dsps, block_rams, lut_rams: counts of cells; block_rams are those of the FPGA.
    cell_area: area of the standard cells, µm², without memory macros; 0 for an FPGA.
    """

    cells: Mapping[str, int]
    sites: int
    flip_flops: int
    dsps: int
    block_rams: int
    lut_rams: int
    cell_area: float


def make_area(cells: Mapping[str, int], target: str, library: Library | None) -> Area:
    """The counts of `cells` in the words of a target."""
    cells = {name: cells[name] for name in sorted(cells) if not name.startswith(("$scopeinfo", MACRO))}
    if library is not None:
        return Area(
            cells=cells,
            sites=0,
            flip_flops=sum(cells[name] for name in cells if library.cells[name].is_flip_flop),
            dsps=0,
            block_rams=0,
            lut_rams=0,
            cell_area=round(sum(cells[name] * library.cells[name].area for name in cells), 3),
        )
    kinds = KINDS[target]

    def count(patterns: tuple[str, ...]) -> int:
        return sum(
            number for name, number in cells.items() if any(fnmatch(name, pattern) for pattern in patterns)
        )

    return Area(
        cells=cells,
        sites=sum(weight * count((name,)) for name, weight in kinds.sites.items()),
        flip_flops=count(kinds.flip_flops),
        dsps=count(kinds.dsps),
        block_rams=count(kinds.block_rams),
        lut_rams=count(kinds.lut_rams),
        cell_area=0.0,
    )


def total_cells(statistics: Path, top: str) -> dict[str, Counter[str]]:
    """Cells of every module below `top`, from a file of Yosys' `stat -json`, times its instances."""
    modules = {
        name.removeprefix("\\"): {
            cell.removeprefix("\\"): number for cell, number in about["num_cells_by_type"].items()
        }
        for name, about in json.loads(statistics.read_text())["modules"].items()
    }
    found: dict[str, Counter[str]] = {}

    def walk(module: str, times: int) -> None:
        own = found.setdefault(module, Counter())
        for cell, number in modules[module].items():
            if cell in modules:
                walk(cell, times * number)
            else:
                own[cell] += times * number

    walk(top, 1)
    return found
