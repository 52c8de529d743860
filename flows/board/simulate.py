"""The board's Verilog in Icarus: what its LEDs show, before anything is burnt."""

from pathlib import Path

from flows.base.files import write_whole
from flows.base.tools import find_tool, run_tool
from sim.drivers.ports import ToolError

_BENCH = """\
`timescale 1ns / 1ns
module bench;
    reg clk = 0;
    integer cycles = 0;
    wire passed, failed, busy;
    board board (.clk(clk), .passed(passed), .failed(failed), .busy(busy));
    always #1 clk = !clk;
    always @(negedge clk) begin
        cycles = cycles + 1;
        if (busy === LIT_NOT || cycles == LIMIT) begin
            $display("LEDS %b %b %b after %0d", passed, failed, busy, cycles);
            $finish;
        end
    end
endmodule
"""


def simulate(verilog: Path, limit: int, inverted: frozenset[str]) -> tuple[bool, int]:
    """Whether only the LED of a pass is lit at the end, and after how many cycles that is.

    Parameters
    ----------
    verilog: file of the module `board`; what the simulator writes goes beside it.
    limit: cycles after which it gives up.
    inverted: ports whose LED lights at 0.

    Raises MissingTool without Icarus, ToolError when the self-test comes to no end.
    """
    folder = verilog.parent.absolute()
    compiler, runner = (find_tool(name, "apt-get install iverilog") for name in ("iverilog", "vvp"))
    lit = {name: str(int(name not in inverted)) for name in ("passed", "failed", "busy")}
    dark = {name: str(1 - int(value)) for name, value in lit.items()}
    bench = _BENCH.replace("LIT_NOT", f"1'b{dark['busy']}").replace("LIMIT", str(limit))
    write_whole(folder / "bench.v", bench)
    run_tool([str(compiler), "-g2012", "-o", "bench.vvp", "bench.v", verilog.name], folder, "iverilog.log")
    said = run_tool([str(runner), "-n", "bench.vvp"], folder, "simulation.log")
    (folder / "bench.vvp").unlink()
    leds = [line.split() for line in said.splitlines() if line.startswith("LEDS")][-1]
    if leds[3] != dark["busy"]:
        raise ToolError(f"simulation of {verilog}: the self-test has not ended after {limit} cycles")
    return leds[1] == lit["passed"] and leds[2] == dark["failed"], int(leds[5])
