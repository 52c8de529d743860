"""Static timing and power of a mapped netlist, by OpenSTA."""

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from flows.asic.gates import Activity
from flows.base.tools import find_tool, run_tool, said_version
from flows.synth.liberty import Library
from golden.spec.errors import LightDealError

INSTALL = "the Debian package opensta"
_COUNTS_TWICE = "OpenSTA 2.0."
"""Versions that take the energy of a rise and that of a fall for every toggle of a clock or an output, where
it is one of the two; found by measuring a flip-flop against its tables. Their internal power is halved here;
that is too little for what changing data takes at the inputs of flip-flops, a hundredth of the whole."""

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
class Part:
    """Watts of some cells: internal, switching of the nets that they drive, leakage."""

    internal: float
    switching: float
    leakage: float

    @property
    def total(self) -> float:
        """Sum of the three."""
        return self.internal + self.switching + self.leakage


@dataclass(frozen=True)
class Power:
    """Power in watts at a clock period in nanoseconds: of cells and nets, without memory macros.

    sequential, combinational: flip-flops, and gates. Internal power and leakage are by OpenSTA, with the
        counted toggles. Switching is ½·C·V² of every counted toggle of a net that a cell drives; C is that of
        the input pins on it, without wires.
    clock: what the flip-flops take inside when nothing but their clock moves; part of `sequential`.
    The clock's net is ideal: no tree is built or counted, and no clock is gated.
    """

    period: float
    sequential: Part
    combinational: Part
    clock: float
    versions: str

    @property
    def internal(self) -> float:
        """Watts inside of cells."""
        return self.sequential.internal + self.combinational.internal

    @property
    def switching(self) -> float:
        """Watts that charge nets."""
        return self.sequential.switching + self.combinational.switching

    @property
    def leakage(self) -> float:
        """Watts that flow always."""
        return self.sequential.leakage + self.combinational.leakage

    @property
    def total(self) -> float:
        """Watts."""
        return self.sequential.total + self.combinational.total

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


def _version() -> str:
    return f"OpenSTA {said_version(find_tool('sta', INSTALL), '-version')}"


def _run(lines: list[str], folder: Path, kind: str) -> str:
    sta = find_tool("sta", INSTALL)
    (folder / f"{kind}.tcl").write_text("\n".join(lines) + "\n")
    said = run_tool([str(sta), "-no_splash", "-exit", f"{kind}.tcl"], folder, f"{kind}.log")
    # OpenSTA 2.0 ends with 0 after an error.
    if wrong := re.search(r"^Error:.*$", said, re.MULTILINE):
        raise LightDealError(f"OpenSTA, {folder / kind}.tcl: {wrong[0]}")
    return said


def timing(library: Library, folder: Path, name: str) -> Timing:
    """Of gates.v in `folder`. Raises MissingTool without OpenSTA, LightDealError at its errors."""
    lines = _script(library, folder / "gates.v", name, _TRIAL_NS)
    lines += [
        "set_input_delay 0 -clock clk [all_inputs]",
        "report_checks -path_delay max -digits 4",
        'puts "slack [sta::worst_slack_cmd max]"',
    ]
    said = _run(lines, folder, "timing")
    slack = re.search(r"^slack (\S+)$", said, re.MULTILINE)
    if slack is None or float(slack[1]) > 1:
        raise LightDealError(f"OpenSTA, {folder / 'timing.tcl'}: it found no path with a clock")
    return Timing(
        round(_TRIAL_NS - float(slack[1]) * 1e9, 4), said[said.find("Startpoint") : slack.start()], _version()
    )


def switching_power(
    library: Library, folder: Path, name: str, period: float, activity: Activity
) -> tuple[float, float]:
    """Watts that flip-flops, and that gates take to charge input pins of the cells of gates.json.

    The toggles are the counted ones.
    """
    cells = json.loads((folder / "gates.json").read_text())["modules"][name]["cells"]
    load: dict[int | str, float] = defaultdict(float)
    known = [(cell, about["connections"], library.cells.get(about["type"])) for cell, about in cells.items()]
    for _, nets, kind in known:
        if kind is not None:
            for pin, femtofarads in kind.inputs.items():
                load[nets[pin][0]] += femtofarads
    charged = {True: 0.0, False: 0.0}
    for cell, nets, kind in known:
        if kind is not None:
            charged[kind.is_flip_flop] += sum(
                load[nets[pin][0]] * activity.pins.get(f"{cell}/{pin}", 0.0)
                for pin in kind.outputs
                if pin in nets
            )
    watts = 1e-15 * library.volts**2 / 2 / (period * 1e-9)
    return charged[True] * watts, charged[False] * watts


def _group(report: str, group: str, folder: Path) -> tuple[float, float]:
    """Watts inside of the cells of a group, and their leakage, as OpenSTA reports them."""
    found = re.search(rf"^{group} +(\S+) +\S+ +(\S+) +\S+ ", report, re.MULTILINE)
    if found is None:
        raise LightDealError(f"OpenSTA, {folder / 'power.tcl'}: it reported no power")
    return float(found[1]), float(found[2])


def power(library: Library, folder: Path, name: str, period: float, activity: Activity) -> Power:
    """Of gates.v in `folder` with counted toggles; a duty of a half stands for every net's level.

    Raises as `timing`.
    """
    netlist = folder / "power.v"
    netlist.write_text(without_inputs((folder / "gates.v").read_text()))
    versions = _version()
    twice = 2 if versions.startswith(_COUNTS_TWICE) else 1
    lines = _script(library, netlist, name, period)
    # OpenSTA forgets what was set before its first report. The unit is toggles in a clock cycle.
    lines.append("report_power")
    lines += [
        f"sta::set_power_pin_activity [get_pins {pin}] {toggles:.6g} 0.5"
        for pin, toggles in activity.pins.items()
    ]
    lines += ['puts "with counted toggles"', "report_power -digits 6"]
    lines += [f"sta::set_power_pin_activity [get_pins {pin}] 0 0.5" for pin in activity.pins]
    lines += ['puts "with the clock alone"', "report_power -digits 6"]
    said = _run(lines, folder, "power")
    counted, _, still = said.partition("with counted toggles")[2].partition("with the clock alone")
    internal, leakage = _group(counted, "Sequential", folder)
    gates_internal, gates_leakage = _group(counted, "Combinational", folder)
    clock = _group(still, "Sequential", folder)[0]
    switching, gates_switching = switching_power(library, folder, name, period, activity)
    return Power(
        period,
        Part(internal / twice, switching, leakage),
        Part(gates_internal / twice, gates_switching, gates_leakage),
        clock / twice,
        versions,
    )
