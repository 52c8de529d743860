"""Static timing and power of a mapped netlist, by OpenSTA."""

import re
from dataclasses import dataclass
from pathlib import Path

from flows.asic.gates import Activity
from flows.synth.liberty import Library
from flows.tools import find_tool, run_tool, said_version
from golden.spec.errors import LightDealError

INSTALL = "the Debian package opensta"
_TRIAL_NS = 100.0


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

    internal, switching, leakage: the parts, as OpenSTA names them. The clock's net is ideal (no tree).
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


def _script(library: Library, folder: Path, name: str, period: float) -> list[str]:
    return [
        f"read_liberty {library.path.absolute()}",
        f"read_verilog {(folder / 'gates.v').absolute()}",
        f"link_design {name}",
        f"create_clock -name clk -period {period:.6f} [get_ports clk]",
        "set_input_delay 0 -clock clk [all_inputs]",
        "set_output_delay 0 -clock clk [all_outputs]",
    ]


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
    lines = _script(library, folder, name, _TRIAL_NS)
    lines += ["report_checks -path_delay max -digits 4", 'puts "slack [sta::worst_slack_cmd max]"']
    said, versions = _run(lines, folder, "timing")
    slack = re.search(r"^slack (\S+)$", said, re.MULTILINE)
    if slack is None or float(slack[1]) > 1:
        raise LightDealError(f"OpenSTA, {folder / 'timing.tcl'}: it found no path with a clock")
    return Timing(
        round(_TRIAL_NS - float(slack[1]) * 1e9, 4), said[said.find("Startpoint") : slack.start()], versions
    )


def power(library: Library, folder: Path, name: str, period: float, activity: Activity) -> Power:
    """Of gates.v in `folder` with counted toggles; a duty of a half stands for every net's level.

    Raises as `timing`.
    """
    lines = _script(library, folder, name, period)
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
        r"^Total +(\S+) +(\S+) +(\S+) +(\S+) ", said.partition("with counted toggles")[2], re.MULTILINE
    )
    if total is None:
        raise LightDealError(f"OpenSTA, {folder / 'power.tcl'}: it reported no power")
    return Power(period, float(total[1]), float(total[2]), float(total[3]), versions)
