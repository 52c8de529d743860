"""Verilog of which what rests is not computed: what becomes a stage, and that nothing else changes."""

import re
import subprocess
from pathlib import Path

import pytest

from sim.backends.quiet import with_rest

WIRES = """  wire [3:0] sum;
  wire [3:0] \\$1 ;
  wire [3:0] \\$2 ;
  wire [3:0] \\$3 ;
  wire \\$4 ;
  assign sum = a + held;
  assign \\$1  = sum ^ { a[0], 3'h5 };
  assign \\$2  = \\$1 & b;
  assign \\$3  = \\$2  + 4'h3;
  assign \\$4  = \\$3 [2];
"""
HEAD = "module unit(clk, a, b, o);\n  input clk;\n  input [3:0] a;\n  input [3:0] b;\n  output [3:0] o;\n"
PIPELINE = f"""{HEAD}  reg [3:0] o = 4'h9;
  reg [3:0] held = 4'h2;
  reg \\$5  = 1'h0;
{WIRES}  always @(posedge clk)
    held <= \\$3 ;
  always @(posedge clk)
    \\$5  <= \\$4 ;
  always @(posedge clk)
    o <= \\$5  ? held : ~held;
endmodule
"""
BENCH = """module bench;
  reg clk = 0;
  reg [3:0] a = 0, b = 0;
  wire [3:0] o;
  unit dut(.clk(clk), .a(a), .b(b), .o(o));
  integer n;
  initial for (n = 0; n < 200; n = n + 1) begin
    if ($random % 4 == 0) a = $random;
    if ($random % 4 == 0) b = $random;
    #1 clk = 1;
    #1 $display("%d", o);
    clk = 0;
  end
endmodule
"""


def printed(text: str, folder: Path) -> str:
    """What the bench prints of a unit."""
    (folder / "unit.v").write_text(text + BENCH)
    subprocess.run(["iverilog", "-g2005", "-o", "unit", "unit.v"], cwd=folder, check=True)
    return subprocess.run(["vvp", "unit"], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_the_same_in_every_cycle(tmp_path: Path) -> None:
    text = with_rest(PIPELINE, "unit")
    assert text.count("if (!\\seen/") == 1
    expected = printed(PIPELINE, tmp_path)
    assert len(set(expected.split())) > 4
    assert printed(text, tmp_path) == expected


def test_a_stage_watches_all_that_it_is_computed_from() -> None:
    text = with_rest(PIPELINE, "unit")
    found = re.search(r"\\before/\d != \{(.*?)\}\) begin", text)
    assert found is not None
    assert {name.strip() for name in found[1].split(",")} == {"a", "b", "held", "\\$5"}


@pytest.mark.parametrize(
    "value",
    ["memory[a]", "\\$3 "],
    ids=["read of a memory", "wires of a memory"],
)
def test_what_reads_a_memory_stays(value: str) -> None:
    wires = WIRES.replace("a + held", "a + memory[b]")
    register = f"  always @(posedge clk)\n    o <= {value};\n"
    text = f"{HEAD}  reg [3:0] o;\n  reg [3:0] memory [15:0];\n{wires}{register}endmodule\n"
    assert with_rest(text, "unit") == text


def test_others_stay() -> None:
    assert with_rest(PIPELINE, r"\.unit$") == PIPELINE


def test_an_enable_stays() -> None:
    text = PIPELINE.replace("    o <= \\$5  ? held : ~held;", "    if (a[0]) o <= held;")
    assert "    if (a[0]) o <= held;" in with_rest(text, "unit")
