# amaranth: UnusedElaboratable=no
"""Gate-level simulation, timing and power of circuits small enough to know."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.asic.cells import cell_model, verilog_expression
from flows.asic.gates import plain_netlist, simulate_gates
from flows.asic.sta import power, timing
from flows.asic.vcd import samples, toggles, variables
from flows.base.tools import MissingTool
from flows.synth.liberty import OSU018, Cell, parse, read_liberty
from flows.synth.netlist import synthesise
from golden.spec.errors import LightDealError
from tests.flows.synth.units import Ram, Sum

VCD = """$timescale 1ns $end
$scope module top $end $var wire 1 ! clk $end
$var wire 3 " word [2:0] $end
$var wire 1 # \\odd.name $end
$upscope $end
$enddefinitions $end
#0
0!
bxxx "
1#
#5
1!
#10
0!
b101 "
#15
1!
b10 "
0#
"""


def test_functions_of_liberty_become_verilog() -> None:
    known: list[tuple[str, Callable[[int, int, int], int]]] = [
        ("(!((S A) + (!S B)))", lambda s, a, b: 1 - (a if s else b)),
        ("S & A | B'", lambda s, a, b: (s & a) | (1 - b)),
        ("S^A B", lambda s, a, b: (s ^ a) & b),
        ("!(S*A)+B", lambda s, a, b: (1 - (s & a)) | b),
    ]
    for function, expected in known:
        text = verilog_expression(function, "test")
        for code in range(8):
            s, a, b = code & 1, code >> 1 & 1, code >> 2
            value = eval(text.replace("~", "1^"), {"S": s, "A": a, "B": b})
            assert value == expected(s, a, b), (function, text, code)


@pytest.mark.parametrize("function", ["(A", "A +", "A ) B", "A % B"])
def test_a_function_that_breaks_off_is_refused(function: str) -> None:
    with pytest.raises(LightDealError, match="cell X: function"):
        verilog_expression(function, "cell X")


def test_latches_have_no_model() -> None:
    with pytest.raises(LightDealError, match="cell LATCH: latches and three-state outputs have no model"):
        cell_model(read_liberty(None).cells["LATCH"])


def test_waveforms_are_read(tmp_path: Path) -> None:
    path = tmp_path / "w.vcd"
    path.write_text(VCD.replace("$end $var", "$end\n$var"))
    assert [variable.path for variable in variables(path)] == ["top clk", "top word", "top odd.name"]
    assert list(samples(path, "top clk", ["top word", "top odd.name"])) == [[0, 1], [5, 1]]
    assert toggles(path) == {"clk": [3], "word": [2, 1, 2], "odd.name": [1]}
    # The value that a word begins with is no change.
    path.write_text(VCD.replace("bxxx", "b101").replace("$end $var", "$end\n$var"))
    assert toggles(path) == {"clk": [3], "word": [1, 1, 1], "odd.name": [1]}
    with pytest.raises(LightDealError, match="it has no variable 'top other'"):
        list(samples(path, "top clk", ["top other"]))


def test_gates_equal_rtl_and_cost_what_they_toggle(tmp_path: Path) -> None:
    library = read_liberty(None)
    netlist = synthesise(Sum(), "sum", "osu018", out=tmp_path)
    rng = random.Random(1)
    busy = [{"i": rng.getrandbits(8)} for _ in range(200)]
    quiet = [{"i": 0} for _ in range(200)]
    at_work = simulate_gates(Sum(), netlist, library, busy, 0, tmp_path / "busy")
    at_rest = simulate_gates(Sum(), netlist, library, quiet, 0, tmp_path / "quiet")
    assert at_work.compared == at_rest.compared == 200
    clocks = [toggles for pin, toggles in at_work.pins.items() if pin.endswith("/CLK")]
    assert clocks == [pytest.approx(2.0, abs=0.02)] * 8
    # A sum of random numbers changes every second bit, on average.
    states = [toggles for pin, toggles in at_work.pins.items() if pin.endswith("/Q")]
    assert sum(states) / 8 == pytest.approx(0.5, abs=0.06)
    assert all(at_rest.pins[pin] == 0 for pin in at_rest.pins if pin.endswith("/Q"))
    found = timing(library, tmp_path / "busy", "sum")
    assert "slack" in found.path
    assert 0.3 < found.period < 5
    slow, fast = (power(library, tmp_path / "busy", "sum", period, at_work) for period in (20.0, 10.0))
    assert fast.switching == pytest.approx(2 * slow.switching, rel=1e-3)
    assert fast.joules_per_cycle == pytest.approx(slow.joules_per_cycle, rel=1e-2)
    still = power(library, tmp_path / "quiet", "sum", 10.0, at_rest)
    assert still.switching < 0.01 * fast.switching
    # Inside of flip-flops, against the tables of the library: the clock rises and falls in every cycle, with
    # an ideal slope; outputs rise or fall, with loads of about the tables' first; inputs are a guess.
    clock, data, output = (_energies(pin) for pin in ("CLK", "D", "Q"))
    assert still.clock * 1e-8 == pytest.approx(8 * sum(clock) * 1e-12, rel=0.02)
    assert still.sequential.internal == pytest.approx(still.clock, rel=0.01)
    cells = json.loads((tmp_path / "busy/gates.json").read_text())["modules"]["sum"]["cells"]
    flip_flops = {name for name, about in cells.items() if about["type"].startswith("DFF")}
    counted = {pin: sum(at_work.pins[f"{cell}/{pin}"] for cell in flip_flops) for pin in ("D", "Q")}
    found_inside = (fast.sequential.internal - fast.clock) * 1e-8 * 1e12
    low = counted["Q"] * sum(output) / 2
    assert 0.8 * low < found_inside < low + counted["D"] * sum(data) / 2
    assert fast.clock == pytest.approx(still.clock, rel=0.01)


def _energies(pin: str) -> tuple[float, float]:
    """First entries of osu018's tables of DFFPOSX1, in pJ, for a rise and a fall; at a slope of 0 for CLK."""
    library = parse(OSU018.read_text(), "osu018")
    cell = next(group for group in library.all("cell") if group.name == "DFFPOSX1")
    inside = next(group for it in cell.all("pin") if it.name == pin for group in it.all("internal_power"))
    found = []
    for kind in ("rise_power", "fall_power"):
        values = next(inside.all(kind)).attributes
        slopes = [float(it) for it in values["index_1" if pin != "Q" else "index_2"].split(",")]
        first, second = (float(it) for it in values["values"].split(",")[:2])
        at = 0.0 if pin == "CLK" else slopes[0]
        found.append(first + (at - slopes[0]) / (slopes[1] - slopes[0]) * (second - first))
    return found[0], found[1]


def test_memory_macros_take_part(tmp_path: Path) -> None:
    netlist = synthesise(Ram(256, 8, "sync"), "ram", "osu018", out=tmp_path)
    rng = random.Random(2)
    drive = [
        {"address": rng.randrange(16), "write": rng.getrandbits(1), "data": rng.getrandbits(8)}
        for _ in range(300)
    ]
    activity = simulate_gates(Ram(256, 8, "sync"), netlist, read_liberty(None), drive, 0, tmp_path / "gates")
    assert activity.compared == 300


def test_a_wrong_gate_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netlist = synthesise(Sum(), "sum", "osu018", out=tmp_path)

    def spoilt(cell: Cell) -> str:
        return cell_model(cell).replace("assign Y = (~", "assign Y = (")

    monkeypatch.setattr("flows.asic.gates.cell_model", spoilt)
    with pytest.raises(LightDealError, match="sum: gates and RTL differ: cycle "):
        simulate_gates(Sum(), netlist, read_liberty(None), [{"i": n} for n in range(50)], 0, tmp_path / "x")


def test_missing_programs_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netlist = synthesise(Sum(), "sum", "osu018", out=tmp_path)
    plain_netlist(netlist, tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="iverilog is missing: install it with the Debian package iverilog"):
        simulate_gates(Sum(), netlist, read_liberty(None), [], 0, tmp_path / "x")
    with pytest.raises(MissingTool, match="sta is missing: install it with the Debian package opensta"):
        timing(read_liberty(None), tmp_path, "sum")
