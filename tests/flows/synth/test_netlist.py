# amaranth: UnusedElaboratable=no
"""Synthesis of circuits whose cells can be counted by hand."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from flows.synth import liberty, netlist
from flows.synth.liberty import read_liberty
from flows.synth.mapping import NAME_CLASHES, finish_ecp5
from flows.synth.netlist import Synthesis, synthesise
from flows.synth.yosys import run_yosys
from golden.spec.errors import LightDealError
from sim.drivers.ports import ToolError
from tests.flows.synth.units import Parts, Product, Ram, Sum

AND_ONLY = """
library (and_only) {
  capacitive_load_unit (1, ff); nom_voltage : 1.1; /* two cells
  */
  cell (AND) { area : 3.0;
    pin (A) { direction : input; capacitance : 2.5; }  pin (B) { direction : input; capacitance : 2.5; }
    pin (Y) { direction : output; function : "(A & B)"; } }
  cell (NOT) { area : 1.5;
    pin (A) { direction : input; capacitance : 2.0; }
    pin (Y) { direction : output; function : "(!A)"; } }
}
"""


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    return synthesise(Parts(), "parts", "ecp5", blocks=True, out=tmp_path_factory.mktemp("synth"))


@pytest.mark.parametrize(
    ("target", "adder"), [("ecp5", {"CCU2C": 4}), ("ice40", {"SB_LUT4": 8}), ("gowin", {"ALU": 8})]
)
def test_an_adder_of_eight_bits_takes_eight_sites(target: str, adder: dict[str, int], tmp_path: Path) -> None:
    area = synthesise(Sum(), "sum", target, out=tmp_path).area
    assert area.flip_flops == 8
    assert area.sites == 8
    assert {name: area.cells[name] for name in adder} == adder
    assert (area.dsps, area.block_rams, area.lut_rams, area.cell_area) == (0, 0, 0, 0.0)


def test_a_product_takes_a_dsp_or_none(tmp_path: Path) -> None:
    with_dsp = synthesise(Product(), "product", "ecp5", out=tmp_path).area
    without = synthesise(Product(), "product", "ecp5", dsp=False, out=tmp_path).area
    assert with_dsp.dsps == 1
    assert without.dsps == 0
    # Each of the 144 pairs of bits takes part in some LUT.
    assert without.sites > 144 > with_dsp.sites


def test_memories_go_where_they_belong(parts: Synthesis) -> None:
    assert (parts.area.block_rams, parts.area.lut_rams) == (1, 1)
    assert parts.blocks["buffers"].block_rams == 1
    assert parts.blocks["window"].lut_rams == 1


def test_blocks_hold_what_they_are_named_after_and_sum_to_the_total(parts: Synthesis) -> None:
    assert set(parts.blocks) == {"basis", "buffers", "unit", "window"}
    assert (parts.blocks["basis"].flip_flops, parts.blocks["basis"].sites) == (8, 8)
    # What Yosys itself counts in the run that keeps the hierarchy.
    run_yosys(
        [
            "read_rtlil design.il",
            "synth_ecp5 -top parts -noflatten",
            "flatten",
            "tee -q -o again.txt stat -json",
        ],
        parts.folder,
        "again",
    )
    again = json.loads((parts.folder / "again.txt").read_text())["design"]["num_cells_by_type"]
    del again["$scopeinfo"]
    assert set(again) == {"CCU2C", "DP16KD", "TRELLIS_DPR16X4", "TRELLIS_FF"}
    for cell, number in again.items():
        assert sum(block.cells.get(cell, 0) for block in parts.blocks.values()) == number


def test_a_large_memory_becomes_a_macro(tmp_path: Path) -> None:
    found = synthesise(Ram(256, 8, "sync"), "ram", "osu018", out=tmp_path)
    (macro,) = found.macros
    assert (macro.module, macro.words, macro.bits, macro.reads, macro.writes) == ("ram", 256, 8, 1, 1)
    assert found.area.flip_flops == 0
    assert f"module {macro.kind}(" in (found.folder / "memories.v").read_text()


@pytest.mark.parametrize(("words", "read"), [(32, "sync"), pytest.param(256, "comb", marks=pytest.mark.long)])
def test_other_memories_become_flip_flops(words: int, read: str, tmp_path: Path) -> None:
    found = synthesise(Ram(words, 4, read), "ram", "osu018", out=tmp_path)
    assert found.macros == ()
    # A clocked read keeps its address or its word.
    kept = words * 4
    assert kept <= found.area.flip_flops <= kept + 8


def test_the_area_of_an_asic_is_that_of_its_cells(tmp_path: Path) -> None:
    found = synthesise(Sum(), "sum", "osu018", out=tmp_path)
    cells = read_liberty(None).cells
    assert found.area.cell_area == sum(cells[name].area * n for name, n in found.area.cells.items())
    assert found.area.flip_flops == 8
    assert Counter(re.findall(r"^  (\w+X\d) ", (found.folder / "netlist.v").read_text(), re.MULTILINE)) == (
        found.area.cells
    )


def test_the_smaller_of_two_multipliers_counts(tmp_path: Path) -> None:
    found = synthesise(Product(), "product", "osu018", out=tmp_path)
    cells = read_liberty(None).cells
    areas = []
    for option in ("", " -booth"):
        commands = [
            re.sub(r"( -booth)?$", option, c) if c.startswith("synth ") else c
            for c in found.command.split("; ")
        ]
        run_yosys(
            ["read_rtlil design.il", *commands, "tee -q -o again.txt stat -json"], found.folder, "again"
        )
        counts = json.loads((found.folder / "again.txt").read_text())["design"]["num_cells_by_type"]
        areas.append(sum(cells[name].area * number for name, number in counts.items() if name in cells))
    assert [found.area.cell_area, found.other_area] == pytest.approx(sorted(areas))
    assert synthesise(Sum(), "sum", "osu018", out=tmp_path).other_area == 0


def test_a_repeat_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = synthesise(Sum(), "sum", "ecp5", out=tmp_path)

    def no_yosys(*_: object) -> None:
        raise AssertionError("Yosys was started")

    monkeypatch.setattr(netlist, "run_yosys", no_yosys)
    assert synthesise(Sum(), "sum", "ecp5", out=tmp_path) == first
    with pytest.raises(AssertionError, match="Yosys was started"):
        synthesise(Sum(), "sum", "ecp5", dsp=False, out=tmp_path)


def test_a_library_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "own.lib"
    path.write_text(AND_ONLY)
    library = read_liberty(path)
    assert (library.name, library.volts, library.inverter().name) == ("and_only", 1.1, "NOT")
    assert library.cells["AND"].inputs == {"A": 2.5, "B": 2.5}
    assert library.cells["AND"].outputs == {"Y": "(A & B)"}
    with pytest.raises(LightDealError, match=r"ERROR: FF .* D flip-flops are not supported"):
        synthesise(Sum(), "sum", "osu018", liberty=path, out=tmp_path / "out")


def test_errors_name_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LightDealError, match="target 'virtex' is unknown; legal: ecp5, ice40, gowin"):
        synthesise(Sum(), "sum", "virtex", out=tmp_path)
    with pytest.raises(LightDealError, match="--liberty goes with --target osu018; target 'ecp5' has"):
        synthesise(Sum(), "sum", "ecp5", liberty=tmp_path / "x.lib", out=tmp_path)
    with pytest.raises(LightDealError, match=r"x.lib: cannot be read: No such file"):
        synthesise(Sum(), "sum", "osu018", liberty=tmp_path / "x.lib", out=tmp_path)
    (tmp_path / "half.lib").write_text(AND_ONLY[: len(AND_ONLY) // 2])
    with pytest.raises(LightDealError, match=r"half.lib: cannot be understood: "):
        synthesise(Sum(), "sum", "osu018", liberty=tmp_path / "half.lib", out=tmp_path)
    monkeypatch.setattr(liberty, "OSU018", tmp_path / "none.lib")
    with pytest.raises(ToolError, match="install the Debian package qflow-tech-osu018, or name a file"):
        synthesise(Sum(), "sum", "osu018", out=tmp_path)


def test_a_fault_of_yosys_is_told_with_its_words_and_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(netlist, "map_commands", lambda *_: ["no_such_pass"])
    with pytest.raises(ToolError, match="ERROR: No such command: no_such_pass") as told:
        synthesise(Sum(), "sum", "ecp5", out=tmp_path)
    (failed,) = tmp_path.glob("*.failed")
    assert str(failed / "flat.ys") in str(told.value)
    assert "no_such_pass" in (failed / "yosys.log").read_text()


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("ecp5", "wire"),
        *(
            pytest.param(*it, marks=pytest.mark.long)
            for it in (("ice40", "cell"), ("gowin", "wire"), ("xilinx", "cell"))
        ),
    ],
)
def test_where_names_clash_in_yosys_wires_are_split_first(
    target: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = synthesise(Sum(), "sum", target, blocks=True, out=tmp_path / "usual")

    def clash(lines: list[str], folder: Path, name: str) -> None:
        if any(line.startswith("synth_") for line in lines) and "splitnets" not in lines:
            raise ToolError(
                f"Yosys failed: ERROR: Assert `count_id({kind}->name) == 0' failed in kernel/rtlil.cc"
            )
        run_yosys(lines, folder, name)

    monkeypatch.setattr(netlist, "run_yosys", clash)
    split = synthesise(Sum(), "sum", target, blocks=True, out=tmp_path / "split")
    assert "splitnets" in split.command
    assert "splitnets" not in usual.command
    assert (split.area, split.blocks) == (usual.area, usual.blocks)


def test_a_netlist_in_which_two_cells_drive_a_net_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mapped.json"

    def cell(output: int) -> dict[str, object]:
        ways = {"A": "input", "Z": "output"}
        return {"type": "BUFFER", "port_directions": ways, "connections": {"A": [2], "Z": [output]}}

    def write(outputs: tuple[int, int]) -> None:
        cells = dict(zip(("one", "other"), map(cell, outputs), strict=True))
        path.write_text(json.dumps({"modules": {"unit": {"cells": cells, "netnames": {}, "ports": {}}}}))

    write((3, 4))
    finish_ecp5(path)
    write((3, 3))
    with pytest.raises(
        ToolError, match=r"of unit .*: a net is driven twice: by one\.Z and by other\.Z"
    ) as found:
        finish_ecp5(path)
    # So it is mapped again, with all wires split.
    assert any(clash in str(found.value) for clash in NAME_CLASHES)
