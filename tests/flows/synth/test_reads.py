# amaranth: UnusedElaboratable=no
"""Read ports: without the registers that nobody asked for, and in block RAM where there is no LUT RAM."""

import json
import subprocess
from pathlib import Path

import pyosys
import pytest
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from flows.base.tools import find_tool
from flows.synth.netlist import synthesise
from hw.parts.memory import UNORDERED
from tests.flows.synth.units import Ram

WORDS, BITS = 256, 8

BENCH = """
module bench;
    reg clk = 0, write = 0, delayed = 0;
    reg [7:0] address = 0, data = 0;
    reg [7:0] kept [0:255];
    wire [7:0] o;
    integer cycle, seen = 0, wrong = 0, seed = 7;
    ram ram (.clk(clk), .rst(1'b0), .write(write), .address(address), .data(data), .o(o));
    initial begin
        for (cycle = 0; cycle < 4000; cycle = cycle + 1) begin
            // The first 256 cycles fill the memory.
            address = cycle < 256 ? cycle : $random(seed) & 8'h07;
            data = $random(seed);
            write = cycle < 256 || ($random(seed) & 1);
            #4 clk = 0;
            #4 if (cycle >= 256) begin
                seen = seen + 1;
                if (o !== kept[address]) wrong = wrong + 1;
            end
            #1 clk = 1;
            if (write) kept[address] = data;
            #1;
        end
        $display("%0d seen, %0d wrong", seen, wrong);
    end
endmodule
"""


class Pair(wiring.Component):
    """A memory that is read at one address and written, or read, at another, as the activations are."""

    def __init__(self, attributes: dict[str, int]) -> None:
        self._attributes = attributes
        super().__init__(
            {"a": In(8), "b": In(8), "write": In(1), "data": In(BITS), "o_a": Out(BITS), "o_b": Out(BITS)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.ram = ram = memory.Memory(shape=BITS, depth=WORDS, init=[], attrs=self._attributes)
        write, read_a, read_b = ram.write_port(), ram.read_port(), ram.read_port()
        m.d.comb += [read_a.addr.eq(self.a), read_b.addr.eq(self.b), write.addr.eq(self.b)]
        m.d.comb += [write.data.eq(self.data), write.en.eq(self.write)]
        m.d.comb += [self.o_a.eq(read_a.data), self.o_b.eq(read_b.data)]
        return m


class Masked(wiring.Component):
    """A read that counts as zero unless it was asked for: of a port with a clock, or the register behind one
    without."""

    def __init__(self, clocked: bool) -> None:
        self._clocked = clocked
        addresses = {"address": In(10), "written": In(10)}
        super().__init__({**addresses, "asked": In(1), "write": In(1), "data": In(16), "o": Out(16)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        attributes = UNORDERED if self._clocked else {}
        m.submodules.ram = ram = memory.Memory(shape=16, depth=1024, init=[], attrs=attributes)
        write, read = ram.write_port(), ram.read_port(domain="sync" if self._clocked else "comb")
        m.d.comb += [read.addr.eq(self.address), write.addr.eq(self.written)]
        m.d.comb += [write.data.eq(self.data), write.en.eq(self.write)]
        asked = Signal()
        m.d.sync += asked.eq(self.asked)
        if self._clocked:
            m.d.comb += self.o.eq(Mux(asked, read.data, 0))
        else:
            m.d.sync += self.o.eq(Mux(self.asked, read.data, 0))
        return m


@pytest.mark.parametrize("clocked", [True, False])
def test_a_read_that_is_masked_does_not_reset_the_block_ram(clocked: bool, tmp_path: Path) -> None:
    """little-cpu PR#272: the reset of an ECP5's read register gave zeros on silicon for ever.

    Yosys takes it where it makes the port itself; `tests/hw/parts/test_memory.py` holds that the accelerator
    has no such read.
    """
    run = synthesise(Masked(clocked), "masked", "ecp5", out=tmp_path).folder
    module = json.loads((run / "netlist.json").read_text())["modules"]["masked"]
    (cell,) = (it for it in module["cells"].values() if it["type"] == "DP16KD")
    resets = [cell["connections"][port] for port in ("RSTA", "RSTB")]
    assert (resets == [["0"], ["0"]]) == clocked


def test_unordered_ports_share_one_block_ram_and_nothing_else(tmp_path: Path) -> None:
    cells = synthesise(Pair(UNORDERED), "pair", "ecp5", out=tmp_path).area.cells
    assert dict(cells) == {"DP16KD": 1}


def test_ports_that_are_not_marked_keep_their_order(tmp_path: Path) -> None:
    area = synthesise(Pair({}), "pair", "ecp5", out=tmp_path).area
    assert area.block_rams == 2
    assert area.flip_flops > 0


def test_a_read_without_a_clock_lies_in_block_ram_where_there_is_no_lut_ram(tmp_path: Path) -> None:
    cells = synthesise(Ram(WORDS, BITS, "comb"), "ram", "ice40", out=tmp_path).area.cells
    assert dict(cells) == {"SB_RAM40_4KNR": 1}


def test_it_reads_what_was_written_up_to_the_last_cycle(tmp_path: Path) -> None:
    """The netlist, of the vendor's cells as Yosys describes them, in Icarus against an array of the bench."""
    print("seed 7")
    run = synthesise(Ram(WORDS, BITS, "comb"), "ram", "ice40", out=tmp_path).folder
    models = Path(pyosys.__file__).with_name("share") / "ice40" / "cells_sim.v"
    (tmp_path / "bench.v").write_text(BENCH)
    compiler, runner = (find_tool(name, "apt-get install iverilog") for name in ("iverilog", "vvp"))
    files = [tmp_path / "bench.v", run / "netlist.v", models]
    command: list[str | Path] = [
        compiler,
        "-g2012",
        "-DNO_ICE40_DEFAULT_ASSIGNMENTS",
        "-s",
        "bench",
        "-o",
        tmp_path / "bench",
    ]
    subprocess.run([*command, *files], check=True)
    done = subprocess.run([runner, "-n", tmp_path / "bench"], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "3744 seen, 0 wrong"
