"""Verilog as simulators take it: what only constants decide has a value from the start."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.tops.verilog import component_verilog
from tests.hw.tops.icarus import printed


class Half(wiring.Component):
    """A variable of which one part hangs on a branch, the other on nothing."""

    def __init__(self) -> None:
        super().__init__({"choose": In(1), "value": In(4), "o": Out(8)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        both = Signal(8)
        m.d.comb += [both[:4].eq(self.value), both[4:].eq(0b1010), self.o.eq(both)]
        with m.If(self.choose):
            m.d.comb += both[:4].eq(~self.value)
        return m


def test_bits_that_only_get_a_constant_are_known() -> None:
    text = component_verilog(Half(), "half")
    bench = """
    module bench;
      reg choose = 0; reg [3:0] value = 4'd3; wire [7:0] o;
      half dut(.choose(choose), .value(value), .o(o));
      initial begin #1 $display("%b", o); choose = 1; #1 $display("%b", o); end
    endmodule
    """
    assert printed(text + bench) == ["10100011", "10101100"]
