"""Verilog as simulators take it: what only constants decide has a value from the start, and no line is
repeated for each word of a memory."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from amaranth.hdl import Array, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import TINY, Config
from hw.engine.engine import Engine
from hw.fetch.fetch import Fetch
from hw.tops.emission import component_rtlil
from hw.tops.verilog import component_verilog
from hw.writeback.drain import Drain
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


class Chosen(wiring.Component):
    """One of many registers, as an array: a line for each of them."""

    def __init__(self, config: Config) -> None:
        self._words = config.window
        super().__init__({"at": In(range(config.window)), "o": Out(8)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        words = Array(Signal(8, name=f"word{number}") for number in range(self._words))
        m.d.sync += words[self.at].eq(self.at)
        m.d.comb += self.o.eq(words[self.at])
        return m


DEEP = replace(
    TINY,
    coefficient_words=8192,
    tap_words=8192,
    term_words=8192,
    filter_words=8192,
    feature_words=8192,
    window=64,
    accumulators=16,
)


@pytest.mark.parametrize(
    ("make", "grows"),
    [(lambda it: Engine(it, 0), False), (Fetch, False), (Drain, False), (Chosen, True)],
    ids=["engine", "fetch", "drain", "an array"],
)
def test_what_is_deeper_has_no_more_lines(make: Callable[[Config], wiring.Component], grows: bool) -> None:
    """amaranth#1361: arrays, a line for each of their words, took minutes to become Verilog."""
    few, many = (len(component_rtlil(make(it), "unit").splitlines()) for it in (TINY, DEEP))
    assert (many > 1.1 * few) == grows
