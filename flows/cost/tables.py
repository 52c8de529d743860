"""What synthesis and the tools behind it found, as text."""

from collections.abc import Sequence

from flows.asic.engine import EngineCost
from flows.asic.macros import MACROS, flip_flop_area, macro_area, macro_energy
from flows.asic.sta import Part, Power, Timing
from flows.base.energy import TABLE
from flows.base.metrics import table
from flows.synth.area import Area
from flows.synth.blocks import block_of
from flows.synth.liberty import Library
from flows.synth.memories import Macro
from flows.synth.netlist import Synthesis
from flows.synth.route import Route

COLUMNS = {
    "sites": "LUT sites",
    "flip_flops": "flip-flops",
    "dsps": "DSPs",
    "block_rams": "block RAMs",
    "lut_rams": "LUT RAMs",
    "cell_area": "cell area, µm²",
}


def columns_of(area: Area) -> list[str]:
    """The columns that say something about a target."""
    return [name for name in COLUMNS if (name == "cell_area") == bool(area.cell_area) or name == "flip_flops"]


def area_table(result: Synthesis, library: Library | None = None) -> str:
    """Counts of the flattened design, by block where there are blocks, and memory macros.

    `library`: of an ASIC; its flip-flops scale the estimated area of macros.
    """
    columns = columns_of(result.area)

    def row(name: str, area: Area, macros: Sequence[Macro]) -> list[object]:
        counts = [f"{getattr(area, column):,.10g}" for column in columns]
        if library is not None:
            estimate = sum(macro_area(macro, library) for macro in macros)
            counts += [f"{sum(it.words * it.bits for it in macros):,}", f"{estimate:,.0f}"]
        return [name, *counts]

    homes = {macro: block_of(macro.module) for macro in result.macros}
    rows = [
        row(block, area, [macro for macro in result.macros if homes[macro] == block])
        for block, area in result.blocks.items()
    ]
    rows.append(row("total, flattened", result.area, result.macros))
    header = [COLUMNS[name] for name in columns]
    if library is not None:
        header += ["bits in macros", "their area, estimated, µm²"]
    text = table([f"{result.name} on {result.target}", *header], rows)
    if result.blocks:
        text += (
            "\n\nThe blocks come from a run that keeps the hierarchy; the total from one without it, where "
            "logic is shared across blocks."
        )
    if result.other_area:
        ways = ("with", "without") if " -booth" in result.command else ("without", "with")
        text += (
            f"\n\nMultipliers are mapped {ways[0]} Booth's recoding; {ways[1]} it the total is "
            f"{result.other_area:,.10g} µm². The smaller one counts."
        )
    if result.macros:
        kinds = sorted({macro.kind for macro in result.macros})
        macros = [[macro for macro in result.macros if macro.kind == kind] for kind in kinds]
        text += f"\n\n{_macro_table(macros, library)}"
    cells = ", ".join(f"{name} {number:,}" for name, number in result.area.cells.items())
    return f"{text}\n\nCells: {cells}.\nMade with {result.versions}: {result.command}; run in {result.folder}"


def _macro_table(kinds: Sequence[Sequence[Macro]], library: Library | None) -> str:
    """A row for each kind of macro."""
    header = ["memory macros", "number", "words", "bits", "read ports", "write ports"]
    rows: list[list[object]] = [
        [kind[0].kind, len(kind), kind[0].words, kind[0].bits, kind[0].reads, kind[0].writes]
        for kind in kinds
    ]
    if library is None:
        return table(header, rows)
    for row, (macro, *_) in zip(rows, kinds, strict=True):
        energy = macro_energy(macro)
        row += [
            f"{macro_area(macro, library):,.0f}",
            "not in the table" if energy is None else f"{energy:.3g}",
        ]
    text = table([*header, "area of one, estimated, µm²", "pJ an access, 45 nm"], rows)
    return (
        f"{text}\n\nMacros are in no area of cells. Their area is an estimate: the smallest flip-flop of the "
        f"library, {flip_flop_area(library):,.4g} µm², × the share of a bit cell ÷ {MACROS.filled:g}. "
        f"{MACROS.source}.\nEnergy of an access: {TABLE.source}.\nSmaller memories, and those read without a "
        "clock, are flip-flops and in the area of cells."
    )


def timing_table(found: Timing) -> str:
    """The shortest period and the slowest path."""
    return (
        f"Static timing by {found.versions}: {found.period:.4g} ns, {found.mhz:.4g} MHz; clock without skew, "
        f"nets without wires, macros without delay. The slowest path:\n\n{found.path.rstrip()}"
    )


def power_table(cost: EngineCost) -> str:
    """Power by kind of cell."""
    power = cost.power
    parts: dict[str, Part | Power] = {
        "flip-flops": power.sequential,
        "gates": power.combinational,
        "total": power,
    }
    kinds = ("internal", "switching", "leakage", "total")
    rows = [
        [
            name,
            *(f"{1000 * watts:.4g}" for watts in (part.internal, part.switching, part.leakage, part.total)),
        ]
        for name, part in parts.items()
    ]
    text = table([f"mW at {power.period:g} ns", *kinds], rows)
    return (
        f"{text}\n\nFlip-flops take {1000 * power.clock:.4g} mW when nothing but their clock moves. In all: "
        f"{power.joules_per_cycle * 1e12:.4g} pJ a cycle, by {power.versions} and toggles counted in "
        f"{cost.activity.cycles:,} cycles of gates; gates equalled RTL in all outputs of "
        f"{cost.activity.compared:,} cycles. Macros, wires and a clock tree are not in it."
    )


def route_table(result: Route) -> str:
    """Frequency and utilisation."""
    rows = [
        [name, f"{used:,}", f"{all_:,}", f"{100 * used / all_:.1f} %"]
        for name, (used, all_) in result.used.items()
    ]
    text = table([f"on {result.part}", "used", "there are", "share"], rows)
    return (
        f"Frequency: {result.mhz:.2f} MHz\n\n{text}\n\nBitstream: {result.bitstream}\n"
        f"Made with {result.versions}: {result.command}"
    )
