"""Gate-level simulation: a mapped netlist beside its RTL under the same inputs, toggles counted."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from amaranth.hdl import Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from flows.asic.cells import cell_model
from flows.asic.vcd import toggles
from flows.base.tools import find_tool, run_tool
from flows.synth.liberty import Library
from flows.synth.netlist import Synthesis
from flows.synth.yosys import run_yosys
from golden.spec.errors import LightDealError
from hw.tops.verilog import component_verilog

BENCH = Path(__file__).with_name("bench.v")

RESET_CYCLES = 4


@dataclass(frozen=True)
class Port:
    """A port of a unit: its name in Verilog, its width, its direction."""

    name: str
    width: int
    is_input: bool


@dataclass(frozen=True)
class Activity:
    """What a gate-level simulation showed.

    Parameters
    ----------
    cycles: clock cycles in which toggles were counted.
    compared: clock cycles in which all outputs of gates and RTL were equal.
    pins: pin of a cell, "cell/pin" → toggles in a clock cycle, mean.
    """

    cycles: int
    compared: int
    pins: dict[str, float]


def ports_of(component: wiring.Component) -> list[Port]:
    """The ports of a component, without clock and reset, by their names in Verilog."""
    found = []
    for path, member, port in component.signature.flatten(component):
        name = "__".join(str(part) for part in path)
        found.append(Port(name, len(Value.cast(port)), member.flow == In))
    return [port for port in found if port.width]


def plain_netlist(netlist: Synthesis, folder: Path) -> None:
    """Write gates.v and gates.json: the netlist with cells g1, g2 … and nets n1, n2 … of one bit."""
    run_yosys(
        [
            f"read_json {(netlist.folder / 'netlist.json').absolute()}",
            "splitnets",
            "rename -hide w:*",
            "rename -hide c:*",
            "rename -enumerate -pattern n% w:*",
            "rename -enumerate -pattern g% c:*",
            "write_verilog -noattr -noexpr -nohex -nodec gates.v",
            "write_json gates.json",
        ],
        folder,
        "plain",
    )


def _side(kind: str, module: str, ports: Sequence[Port]) -> str:
    lines = [
        f"module {kind}(input clk, input [`INPUTS-1:0] in, output [`OUTPUTS-1:0] out);",
        f"  {module} unit(.clk(clk), .rst(in[0])",
    ]
    at = {True: 1, False: 0}
    for port in ports:
        low = at[port.is_input]
        at[port.is_input] += port.width
        lines.append(
            f"    , .\\{port.name} ({'in' if port.is_input else 'out'}[{low + port.width - 1}:{low}])"
        )
    return "\n".join([*lines, "  );", "endmodule", ""])


def simulate_gates(
    component: wiring.Component,
    netlist: Synthesis,
    library: Library,
    inputs: Sequence[dict[str, int]],
    measured: int,
    folder: Path,
) -> Activity:
    """Drive gates and RTL with the same inputs and compare every output in every measured cycle.

    Parameters
    ----------
    component: a fresh one, equal to what `netlist` was made of; the RTL side.
    inputs: for each cycle, input port → value; ports that are not named are 0. A reset of `RESET_CYCLES` goes
        before them, and "rst" is a port, too.
    measured: number of the first of `inputs` from which on toggles are counted and outputs compared; those
        before it load memories, whose content until then is unknown.
    folder: for what it writes.

    Raises LightDealError at the first cycles that differ; MissingTool without Icarus.
    """
    iverilog, vvp = (find_tool(name, "the Debian package iverilog") for name in ("iverilog", "vvp"))
    folder.mkdir(parents=True, exist_ok=True)
    plain_netlist(netlist, folder)
    ports = ports_of(component)
    models = "".join(cell_model(library.cells[name]) for name in netlist.area.cells)
    (folder / "cells.v").write_text(models)
    (folder / "rtl.v").write_text(component_verilog(component, f"rtl_{netlist.name}"))
    sides = _side("gates_side", netlist.name, ports) + _side("rtl_side", f"rtl_{netlist.name}", ports)
    (folder / "sides.v").write_text(sides)
    words = [1] * RESET_CYCLES
    for values in inputs:
        word, at = values.get("rst", 0), 1
        for port in ports:
            if port.is_input:
                word |= values.get(port.name, 0) << at
                at += port.width
        words.append(word)
    (folder / "vectors.hex").write_text("".join(f"{word:x}\n" for word in words))
    sizes = {
        "INPUTS": 1 + sum(port.width for port in ports if port.is_input),
        "OUTPUTS": sum(port.width for port in ports if not port.is_input),
        "CYCLES": len(words),
        "MEASURED": RESET_CYCLES + measured,
    }
    sources = ["gates.v", "cells.v", "rtl.v", "sides.v", str(BENCH)]
    if netlist.macros:
        sources.append(str((netlist.folder / "memories.v").absolute()))
    settings = [f"-D{name}={value}" for name, value in sizes.items()]
    compile_ = [str(iverilog), "-g2005", "-s", "bench", *settings, "-o", "bench.vvp", *sources]
    run_tool(compile_, folder, "iverilog.log")
    said = run_tool([str(vvp), "-n", "bench.vvp"], folder, "vvp.log")
    ended = re.search(r"^cycles (\d+), differing (\d+)$", said, re.MULTILINE)
    if ended is None or int(ended[2]):
        lines = [line for line in said.splitlines() if line.startswith("cycle")]
        raise LightDealError(f"{netlist.name}: gates and RTL differ: {' / '.join(lines[:6]) or 'no end'}")
    cycles = len(inputs) - measured
    return Activity(cycles, int(ended[1]), _pin_activity(folder, netlist.name, cycles))


def _pin_activity(folder: Path, name: str, cycles: int) -> dict[str, float]:
    """Toggles of the net at every pin of every cell, per clock cycle."""
    module = json.loads((folder / "gates.json").read_text())["modules"][name]
    counted = toggles(folder / "gates.vcd")
    by_bit: dict[int, int] = {}
    for net, about in module["netnames"].items():
        if net in counted:
            for bit, count in zip(about["bits"], counted[net], strict=True):
                if isinstance(bit, int):
                    by_bit[bit] = count
    return {
        f"{cell}/{pin}": by_bit[bits[0]] / cycles
        for cell, about in module["cells"].items()
        for pin, bits in about["connections"].items()
        if len(bits) == 1 and isinstance(bits[0], int) and bits[0] in by_bit
    }
