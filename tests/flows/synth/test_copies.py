"""Copies of registers and LUTs that feed multipliers, or much else, proved equal by Yosys' SAT solver."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Module, Mux, Signal, signed

from flows.synth.copies import LUT, MULTIPLIER, REGISTER, copy_luts, copy_registers
from flows.synth.yosys import run_yosys

COUNT, SHARED, OWN, GATED, MOST = 3, 8, 10, 11, 4

# Any function shows a wrong copy; this one is easily proved.
STAND_IN = (
    "module MULT18X18D("
    + ", ".join(f"input {name}{i}" for name in "ABC" for i in range(18))
    + ", input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB, "
    + ", ".join(f"output P{i}" for i in range(36))
    + ");\n"
    + "".join(f"assign P{i} = A{i % 18} ^ B{(i + i // 18) % 18};\n" for i in range(36))
    + "endmodule\n"
)


class Products(Elaboratable):
    """Products with a common factor, from a register with an enable, which also leads outside, and a gate."""

    def __init__(self) -> None:
        self.shared, self.enable = Signal(signed(SHARED)), Signal()
        self.own = [Signal(signed(OWN), name=f"own{i}") for i in range(COUNT)]
        self.products = [Signal(signed(SHARED + OWN), name=f"product{i}") for i in range(COUNT)]
        self.seen = Signal(SHARED)
        self.gate, self.before, self.behind = Signal(), Signal(GATED), Signal(GATED)

    def ports(self) -> list[Signal]:
        ports = [self.shared, self.enable, *self.own, *self.products, self.seen]
        return [*ports, self.gate, self.before, self.behind]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        factor = Signal.like(self.shared)
        with m.If(self.enable):
            m.d.sync += factor.eq(self.shared)
        gate = Signal()
        m.d.sync += gate.eq(self.gate)
        m.d.comb += [self.seen.eq(factor), self.behind.eq(Mux(gate, self.before, 0))]
        for own, product in zip(self.own, self.products, strict=True):
            register = Signal.like(own)
            m.d.sync += register.eq(own)
            m.d.comb += product.eq(factor * register)
        return m


class Enabled(Elaboratable):
    """Registers with an enable that a LUT decides."""

    def __init__(self) -> None:
        self.asked, self.before, self.behind = Signal(4), Signal(GATED), Signal(GATED)

    def ports(self) -> list[Signal]:
        return [self.asked, self.before, self.behind]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        with m.If(self.asked.all()):
            m.d.sync += self.behind.eq(self.before)
        return m


def _mapped(design: Products | Enabled, folder: Path) -> dict[str, Any]:
    (folder / "design.il").write_text(rtlil.convert(design, name="top", ports=design.ports()))
    run_yosys(["read_rtlil design.il", "synth_ecp5 -top top", "write_json mapped.json"], folder, "map")
    netlist: dict[str, Any] = json.loads((folder / "mapped.json").read_text())
    return netlist


def _prove(netlist: dict[str, Any], folder: Path) -> None:
    """That the netlist does what mapped.json does."""
    (folder / "copied.json").write_text(json.dumps(netlist))
    (folder / "stand_in.v").write_text(STAND_IN)
    cells_of = ["techmap -autoproc -map +/ecp5/cells_sim.v", "techmap -autoproc -map stand_in.v", "opt_clean"]
    prove = [
        *("read_json mapped.json", *cells_of, "rename top gold", "design -stash gold"),
        *("read_json copied.json", *cells_of, "rename top gate", "design -stash gate"),
        *("design -copy-from gold -as gold gold", "design -copy-from gate -as gate gate"),
        "miter -equiv -make_assert -flatten gold gate miter",
        # A step after any other, the registers are those of the inputs.
        "sat -verify -prove-asserts -tempinduct -seq 1 -set-def-inputs miter",
    ]
    run_yosys(prove, folder, "prove")


def test_no_lut_feeds_too_much_and_the_netlist_is_equal(tmp_path: Path) -> None:
    netlist = _mapped(Enabled(), tmp_path)
    cells = netlist["modules"]["top"]["cells"]
    before = sum(cell["type"] == LUT for cell in cells.values())
    more = -(-GATED // MOST) - 1
    assert copy_luts(netlist["modules"]["top"], MOST) == more
    assert copy_luts(netlist["modules"]["top"], MOST) == 0
    luts = [cell["connections"]["Z"][0] for cell in cells.values() if cell["type"] == LUT]
    assert len(set(luts)) == len(luts) == before + more
    enables = Counter(cell["connections"]["CE"][0] for cell in cells.values() if cell["type"] == REGISTER)
    assert sorted(enables.values()) == [GATED % MOST, MOST, MOST]
    _prove(netlist, tmp_path)


def test_no_register_feeds_two_multipliers_or_too_much_and_the_netlist_is_equal(tmp_path: Path) -> None:
    netlist = _mapped(Products(), tmp_path)
    cells = netlist["modules"]["top"]["cells"]
    before = sum(cell["type"] == REGISTER for cell in cells.values())
    assert before == SHARED + COUNT * OWN + 1
    more = (COUNT - 1) * SHARED + -(-GATED // MOST) - 1
    assert copy_registers(netlist["modules"]["top"], MOST) == more
    assert copy_registers(netlist["modules"]["top"], MOST) == 0
    registers = [cell["connections"]["Q"][0] for cell in cells.values() if cell["type"] == REGISTER]
    assert len(set(registers)) == len(registers) == before + more
    multipliers = [cell["connections"] for cell in cells.values() if cell["type"] == MULTIPLIER]
    factors = [
        {bit for pin, bits in pins.items() if pin[0] in "AB" for bit in bits if isinstance(bit, int)}
        for pins in multipliers
    ]
    fed = Counter(
        bit
        for cell in cells.values()
        if cell["type"] == "LUT4"
        for pin in "ABCD"
        for bit in cell["connections"][pin]
        if bit in registers
    )
    assert sorted(fed.values()) == [GATED % MOST, MOST, MOST]
    assert len(factors) == COUNT
    assert len(set().union(*factors)) == sum(len(bits) for bits in factors) == COUNT * (SHARED + OWN)
    _prove(netlist, tmp_path)
