"""Synthesis: an Amaranth component becomes a netlist of a target's cells, which are counted."""

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable

from flows.base.files import read_json, write_whole
from flows.synth.area import Area, make_area, total_cells
from flows.synth.blocks import cells_by_block
from flows.synth.liberty import Library, read_liberty
from flows.synth.mapping import (
    NAME_CLASHES,
    ROWS,
    drive_and_load,
    finish_ecp5,
    map_commands,
    without_wires,
)
from flows.synth.memories import Macro, make_macros, without_zeros
from flows.synth.reads import reads_in_mid_cycle, unordered_reads
from flows.synth.targets import TARGETS
from flows.synth.yosys import run_yosys, yosys_version
from golden.spec.errors import LightDealError
from sim.drivers.ports import ToolError

BUILD = Path("build/synth")
"""Where runs are kept, each in a folder named after the digest of all that it depends on."""

ASIC = "osu018"

FLAT, BOOTH, BLOCKS = "flat", "booth", "blocks"

FORMAT = 4
"""Part of the digest: raised when the meaning of a result changes."""

_MULTIPLIER = "cell $mul "
"""A product in the design's RTLIL."""


@dataclass(frozen=True)
class Synthesis:
    """A netlist and its counts.

    Parameters
    ----------
    name, target: what was mapped to what; for an ASIC the target is the name of the library.
    dsp: DSP blocks were allowed.
    area: of the flattened design: the total.
    blocks: block → area, of a run that keeps the hierarchy, so that no logic is shared or moved
        between blocks; their sum is somewhat more than `area`. Empty unless asked for.
    macros: memories that are black boxes in the netlist.
    folder: the run's directory: the flat netlist as netlist.json and netlist.v, scripts, log.
    versions: tools.  command: the Yosys commands of the flat run.
    other_area: an ASIC's products are mapped with and without Booth's recoding; all that is here is of the
        smaller design, and this is the cell area of the other one, µm². 0.0 where there is no choice.
    """

    name: str
    target: str
    dsp: bool
    area: Area
    blocks: Mapping[str, Area]
    macros: tuple[Macro, ...]
    folder: Path
    versions: str
    command: str
    other_area: float = 0.0


def _map(folder: Path, name: str, kind: str, kinds: dict[str, list[str]]) -> dict[str, Counter[str]]:
    """Run kinds[kind], which becomes what was run instead where the design needs other commands."""
    try:
        return _run(folder, name, kind, kinds[kind])
    except ToolError as error:
        if not any(clash in str(error) for clash in NAME_CLASHES):
            raise
    kinds[kind] = without_wires(kinds[kind])
    return _run(folder, name, kind, kinds[kind])


def _run(folder: Path, name: str, kind: str, commands: list[str]) -> dict[str, Counter[str]]:
    lines = ["read_rtlil design.il", f"hierarchy -check -top {name}", *commands]
    if any(command.startswith("synth_ecp5") for command in commands):
        run_yosys([*lines, "write_json mapped.json"], folder, f"{kind}_mapped")
        finish_ecp5(folder / "mapped.json")
        lines = ["read_json mapped.json", f"hierarchy -top {name}"]
    if kind != BLOCKS:
        lines += [f"write_json {kind}.netlist.json", f"write_verilog -noattr -noexpr -nohex {kind}.netlist.v"]
    lines.append(f"tee -q -o {kind}.json stat -json")
    run_yosys(lines, folder, kind)
    return total_cells(folder / f"{kind}.json", name)


def _prepare(folder: Path, name: str, text: str, macros: bool) -> tuple[Macro, ...]:
    """Write design.il, and memories.v with what the black boxes hold; returns the black boxes."""
    design = folder / "design.il"
    design.write_text(text)
    if not macros:
        return ()
    run_yosys(
        [
            "read_rtlil design.il",
            f"hierarchy -check -top {name}",
            "proc",
            "opt_clean",
            "memory -nomap",
            "write_rtlil memories.il",
        ],
        folder,
        "memories",
    )
    boxed, bodies, found = make_macros((folder / "memories.il").read_text())
    design.write_text(boxed)
    (folder / "memories.il").write_text(bodies)
    if found:
        run_yosys(["read_rtlil memories.il", "write_verilog -noattr memories.v"], folder, "bodies")
    return found


def read_synthesis(path: Path) -> Synthesis:
    """The result that a run has kept. Raises LightDealError if the file is damaged."""

    def parse(values: dict[str, Any]) -> Synthesis:
        return Synthesis(
            **{
                **values,
                "area": Area(**values["area"]),
                "blocks": {name: Area(**area) for name, area in values["blocks"].items()},
                "macros": tuple(Macro(**macro) for macro in values["macros"]),
                "folder": path.parent,
            }
        )

    return read_json(path, "kept synthesis", parse, f"remove {path.parent} to make it again")


def target_library(target: str, liberty: Path | None) -> Library | None:
    """The library of a target: of `liberty`, or its own, or None for an FPGA.

    Raises LightDealError for a target or a file that cannot be used.
    """
    if target not in TARGETS:
        raise LightDealError(f"target {target!r} is unknown; legal: {', '.join(TARGETS)}")
    if liberty is not None and target != ASIC:
        raise LightDealError(f"--liberty goes with --target {ASIC}; target {target!r} has cells of its own")
    return read_liberty(liberty) if target == ASIC else None


def synthesise(
    component: Elaboratable,
    name: str,
    target: str = "ecp5",
    *,
    dsp: bool = True,
    macros: bool = False,
    liberty: Path | None = None,
    blocks: bool = False,
    out: Path = BUILD,
) -> Synthesis:
    """Map a component to a target, or take the result of an equal earlier run.

    Parameters
    ----------
    component: with ports that Amaranth can find by itself (a `wiring.Component`).
    name: of the top module.
    target: one of `flows.synth.targets.TARGETS`.
    dsp: multipliers may use DSP blocks (FPGA).
    macros: large memories stay black boxes and are not counted; always so for an ASIC.
    liberty: library for an ASIC; None for osu018 from its Debian package. A user's own file goes
        with target "osu018", in whose place it stands.
    blocks: also count by block, in a second run.
    out: where runs are kept.

    Raises LightDealError for a target or file that cannot be used, ToolError when Yosys fails.
    """
    library = target_library(target, liberty)
    macros = macros or library is not None
    text = without_zeros(rtlil.convert(component, name=name, emit_src=False))
    if library is None:
        text = unordered_reads(text)
    if target == "ice40":
        text = reads_in_mid_cycle(text)
    kinds = {FLAT: map_commands(name, target, dsp, True, library)}
    if blocks:
        kinds[BLOCKS] = map_commands(name, target, dsp, False, library)
    if library is not None and _MULTIPLIER in text:
        kinds[BOOTH] = map_commands(name, target, dsp, True, library, booth=True)
    parts = [str(FORMAT), text, target, repr(kinds), str(macros), yosys_version()]
    parts.append(library.path.read_text(errors="replace") if library else ROWS.read_text())
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
    folder = out / digest
    if (folder / "result.json").exists():
        return read_synthesis(folder / "result.json")

    partial = out / f"{digest}.{os.getpid()}"
    partial.mkdir(parents=True)
    try:
        if library is not None:
            (partial / "constraints.txt").write_text(drive_and_load(library))
        if library is None and not dsp:
            shutil.copy(ROWS, partial)
        found = _prepare(partial, name, text, macros)
        flat = {kind: _map(partial, name, kind, kinds) for kind in kinds if kind != BLOCKS}
        areas = {
            kind: make_area(sum(cells.values(), Counter()), target, library) for kind, cells in flat.items()
        }
        best = min(areas, key=lambda kind: areas[kind].cell_area)
        for suffix in ("json", "v"):
            (partial / f"{best}.netlist.{suffix}").rename(partial / f"netlist.{suffix}")
        by_block = {}
        if blocks:
            kinds[BLOCKS] = map_commands(name, target, dsp, False, library, best == BOOTH)
            by_block = cells_by_block(_map(partial, name, BLOCKS, kinds))
    except ToolError as error:
        failed = out / f"{digest}.failed"
        shutil.rmtree(failed, ignore_errors=True)
        partial.rename(failed)
        raise ToolError(str(error).replace(str(partial), str(failed))) from error
    except BaseException:
        shutil.rmtree(partial)
        raise
    result = Synthesis(
        name=name,
        target=library.name if library else target,
        dsp=dsp and library is None,
        area=areas[best],
        blocks={block: make_area(cells, target, library) for block, cells in by_block.items()},
        macros=found,
        folder=folder,
        versions=yosys_version(),
        command="; ".join(kinds[best]),
        other_area=sum(area.cell_area for kind, area in areas.items() if kind != best),
    )
    values = {key: value for key, value in asdict(result).items() if key != "folder"}
    write_whole(partial / "result.json", json.dumps(values, indent=1) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return result
