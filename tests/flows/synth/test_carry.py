"""Absorption of logic by adders: fewer LUTs, proved equal by Yosys' SAT solver."""

import json
from collections.abc import Callable
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Module, Mux, Signal, signed

from flows.synth.carry import Table, absorb, fit
from flows.synth.yosys import run_yosys

BITS = 7


class Sums(Elaboratable):
    """Adders behind logic of several kinds."""

    def __init__(self) -> None:
        self.a, self.b = Signal(signed(BITS)), Signal(signed(BITS))
        self.gate, self.negative, self.choice = Signal(), Signal(), Signal()
        self.gated, self.both, self.chosen = Signal(BITS), Signal(BITS + 3), Signal(BITS + 1)

    def ports(self) -> list[Signal]:
        return [self.a, self.b, self.gate, self.negative, self.choice, self.gated, self.both, self.chosen]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        before = Mux(self.gate, self.a, 0)
        m.d.comb += [
            self.gated.eq(before + self.b),
            self.both.eq(before + (self.b ^ self.negative.replicate(BITS).as_signed()) + self.negative),
            self.chosen.eq(self.a - Mux(self.choice, self.b, ~self.a)),
        ]
        return m


def test_absorbed_netlist_is_equal(tmp_path: Path) -> None:
    design = Sums()
    (tmp_path / "design.il").write_text(rtlil.convert(design, name="top", ports=design.ports()))
    run_yosys(["read_rtlil design.il", "synth_ecp5 -top top", "write_json mapped.json"], tmp_path, "map")
    netlist = json.loads((tmp_path / "mapped.json").read_text())
    cells = netlist["modules"]["top"]["cells"]
    before = sum(cell["type"] == "LUT4" for cell in cells.values())
    gone = absorb(netlist["modules"]["top"])
    after = sum(cell["type"] == "LUT4" for cell in cells.values())
    assert gone == before - after
    # Both operands of `both` and the gate of `gated`, which shares it.
    assert gone >= 2 * BITS
    (tmp_path / "absorbed.json").write_text(json.dumps(netlist))
    prove = [
        "read_rtlil design.il",
        "proc",
        "rename top gold",
        "design -stash gold",
        "read_json absorbed.json",
        "techmap -autoproc -map +/ecp5/cells_sim.v",
        "opt_clean",
        "rename top gate",
        "design -stash gate",
        "design -copy-from gold -as gold gold",
        "design -copy-from gate -as gate gate",
        "miter -equiv -make_assert -flatten gold gate miter",
        "sat -verify -prove-asserts -show-inputs miter",
    ]
    run_yosys(prove, tmp_path, "prove")


def _of(first: Callable[..., int], second: Callable[..., int]) -> tuple[Table, Table]:
    """Propagate and generate of the sum of two functions of four variables."""
    values = [[index >> place & 1 for place in range(4)] for index in range(16)]
    addends = [(first(*v), second(*v)) for v in values]
    return tuple(x ^ y for x, y in addends), tuple(y for _, y in addends)


def test_what_fits_one_bit() -> None:
    assert fit(*_of(lambda a, b, c, d: a & b, lambda a, b, c, d: c ^ d))
    assert fit(*_of(lambda a, b, c, d: a, lambda a, b, c, d: b if c else d))
    # Neither operand vanishes where two inputs are 0, so no pair of inputs knows the carry.
    assert not fit(*_of(lambda a, b, c, d: 1 - (a & b), lambda a, b, c, d: 1 - (c ^ d)))
