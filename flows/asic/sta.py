"""Static timing and power of a mapped netlist, by OpenSTA."""

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from flows.asic.gates import Activity
from flows.synth.liberty import Library
from flows.tools import find_tool, run_tool, said_version
from golden.spec.errors import LightDealError

INSTALL = "the Debian package opensta"
_TRIAL_NS = 100.0
_INPUT = re.compile(r"^  input (?:\[[^\]]*\] )?(\S+) ?;\n", re.MULTILINE)


@dataclass(frozen=True)
class Timing:
    """Shortest clock period of a netlist, in nanoseconds, and what said so.

    Memory macros are black boxes: paths to and from them have no delay inside the macro.
    """

    period: float
    path: str
    versions: str

    @property
    def mhz(self) -> float:
        """Highest clock frequency."""
        return 1000.0 / self.period


@dataclass(frozen=True)
class Power:
    """Power in watts at a clock period in nanoseconds: of cells and nets, without memory macros.

    switching: ½·C·V² of every counted toggle of a net that a cell drives; C is that of the input pins
        on it, without wires.  internal, leakage: by OpenSTA. Its internal power follows the counted
        toggles in flip-flops, but in gates its own guess, spread from those of the flip-flops.
    The clock's net is ideal: no tree is built or counted.
    """

    period: float
    internal: float
    switching: float
    leakage: float
    versions: str

    @property
    def total(self) -> float:
        """Watts."""
        return self.internal + self.switching + self.leakage

    @property
    def joules_per_cycle(self) -> float:
        """Energy of one clock cycle."""
        return self.total * self.period * 1e-9


def _script(library: Library, netlist: Path, name: str, period: float) -> list[str]:
    return [
        f"read_liberty {library.path.absolute()}",
        f"read_verilog {netlist.absolute()}",
        f"link_design {name}",
        f"create_clock -name clk -period {period:.6f} [get_ports clk]",
        "set_output_delay 0 -clock clk [all_outputs]",
    ]


def without_inputs(verilog: str) -> str:
    """A netlist whose inputs, but for clk, are nets that nothing drives.

    OpenSTA 2.0 spreads its own guess of activity from the input ports through gates before every
    report, over what was set at their pins; without ports it spreads from flip-flops only.
    """
    inputs = [name for name in _INPUT.findall(verilog) if name != "clk"]
    verilog = _INPUT.sub(lambda match: match[0] if match[1] == "clk" else "", verilog)
    head, close, rest = verilog.partition(");")
    module, opening, ports = head.partition("(")
    kept = [port.strip() for port in ports.split(",") if port.strip() not in inputs]
    return f"{module}{opening}{', '.join(kept)}{close}{rest}"


def _run(lines: list[str], folder: Path, kind: str) -> tuple[str, str]:
    sta = find_tool("sta", INSTALL)
    (folder / f"{kind}.tcl").write_text("\n".join(lines) + "\n")
    said = run_tool([str(sta), "-no_splash", "-exit", f"{kind}.tcl"], folder, f"{kind}.log")
    # OpenSTA 2.0 ends with 0 after an error.
    if wrong := re.search(r"^Error:.*$", said, re.MULTILINE):
        raise LightDealError(f"OpenSTA, {folder / kind}.tcl: {wrong[0]}")
    return said, f"OpenSTA {said_version(sta, '-version')}"


def timing(library: Library, folder: Path, name: str) -> Timing:
    """Of gates.v in `folder`. Raises MissingTool without OpenSTA, LightDealError at its errors."""
    lines = _script(library, folder / "gates.v", name, _TRIAL_NS)
    lines += [
        "set_input_delay 0 -clock clk [all_inputs]",
        "report_checks -path_delay max -digits 4",
        'puts "slack [sta::worst_slack_cmd max]"',
    ]
    said, versions = _run(lines, folder, "timing")
    slack = re.search(r"^slack (\S+)$", said, re.MULTILINE)
    if slack is None or float(slack[1]) > 1:
        raise LightDealError(f"OpenSTA, {folder / 'timing.tcl'}: it found no path with a clock")
    return Timing(
        round(_TRIAL_NS - float(slack[1]) * 1e9, 4), said[said.find("Startpoint") : slack.start()], versions
    )


def switching_power(library: Library, folder: Path, name: str, period: float, activity: Activity) -> float:
    """Watts that charge the input pins behind the nets of gates.json, with counted toggles."""
    cells = json.loads((folder / "gates.json").read_text())["modules"][name]["cells"]
    load: dict[int | str, float] = defaultdict(float)
    known = [(cell, about["connections"], library.cells.get(about["type"])) for cell, about in cells.items()]
    for _, nets, kind in known:
        if kind is not None:
            for pin, femtofarads in kind.inputs.items():
                load[nets[pin][0]] += femtofarads
    charged = sum(
        load[nets[pin][0]] * activity.pins.get(f"{cell}/{pin}", 0.0)
        for cell, nets, kind in known
        if kind is not None
        for pin in kind.outputs
        if pin in nets
    )
    return charged * 1e-15 * library.volts**2 / 2 / (period * 1e-9)


def power(library: Library, folder: Path, name: str, period: float, activity: Activity) -> Power:
    """Of gates.v in `folder` with counted toggles; a duty of a half stands for every net's level.

    Raises as `timing`.
    """
    netlist = folder / "power.v"
    netlist.write_text(without_inputs((folder / "gates.v").read_text()))
    lines = _script(library, netlist, name, period)
    # OpenSTA forgets what was set before its first report, and takes internal power from input
    # pins and switching power from outputs, so both are set. The unit is toggles in a clock cycle.
    lines.append("report_power")
    lines += [
        f"sta::set_power_pin_activity [get_pins {pin}] {toggles:.6g} 0.5"
        for pin, toggles in activity.pins.items()
    ]
    lines += ['puts "with counted toggles"', "report_power -digits 6"]
    said, versions = _run(lines, folder, "power")
    total = re.search(
        r"^Total +(\S+) +\S+ +(\S+) +\S+ ", said.partition("with counted toggles")[2], re.MULTILINE
    )
    if total is None:
        raise LightDealError(f"OpenSTA, {folder / 'power.tcl'}: it reported no power")
    switching = switching_power(library, folder, name, period, activity)
    return Power(period, float(total[1]), switching, float(total[2]), versions)
