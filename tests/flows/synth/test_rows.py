"""Products as rows of adders: proved equal to Yosys' own `$mul` for all factors of narrow ones; and small."""

import shutil
from itertools import product
from pathlib import Path

import pytest

from flows.synth.mapping import ROWS
from flows.synth.netlist import synthesise
from flows.synth.yosys import run_yosys
from sim.drivers.ports import ToolError
from tests.flows.synth.units import Product


def prove(folder: Path, widths: list[tuple[int, int, int, bool]]) -> None:
    """Widths of factors and product, and whether they are signed. Raises ToolError where they differ."""
    modules = []
    for number, (a, b, y, signed) in enumerate(widths):
        flags = f".A_SIGNED({signed:d}), .B_SIGNED({signed:d}), .A_WIDTH({a}), .B_WIDTH({b}), .Y_WIDTH({y})"
        modules.append(
            f"module product{number}(input [{a - 1}:0] a, input [{b - 1}:0] b, output [{y - 1}:0] y);\n"
            f"\\$mul #({flags}) m(.A(a), .B(b), .Y(y)); endmodule\n"
        )
    (folder / "products.v").write_text("".join(modules))
    lines = ["read_verilog -icells products.v", "proc"]
    for number in range(len(widths)):
        name = f"product{number}"
        lines += [
            f"copy {name} rows{number}",
            f"techmap -map {ROWS.name} rows{number}",
            f"select -assert-none rows{number}/t:$mul",
            f"techmap rows{number}",
            f"miter -equiv -make_assert -flatten {name} rows{number} both{number}",
            f"sat -verify -prove-asserts both{number}",
        ]
    run_yosys(lines, folder, "prove")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((1, 3, 4), (1, 2, 5)),
        pytest.param((1, 2, 3, 6), (1, 2, 3, 4, 5, 7), marks=pytest.mark.long),
    ],
)
def test_rows_are_products_for_all_factors(
    first: tuple[int, ...], second: tuple[int, ...], tmp_path: Path
) -> None:
    shutil.copy(ROWS, tmp_path)
    pairs = product(first, second)
    prove(tmp_path, [(a, b, y, signed) for a, b in pairs for signed in (False, True) for y in (4, a + b + 1)])


@pytest.mark.parametrize("fault", [("SUBTRACT ? 1'b1", "SUBTRACT ? 1'b0"), (">>> LOW", ">> LOW")])
def test_the_proof_finds_a_fault(fault: tuple[str, str], tmp_path: Path) -> None:
    text = ROWS.read_text()
    assert fault[0] in text
    (tmp_path / ROWS.name).write_text(text.replace(*fault))
    with pytest.raises(ToolError, match="proof did fail"):
        prove(tmp_path, [(5, 4, 9, True)])


def test_a_row_takes_a_carry_bit_for_each_bit_of_the_factor(tmp_path: Path) -> None:
    area = synthesise(Product(), "product", "ecp5", dsp=False, out=tmp_path).area
    # 12 digits of a factor of 13 bits, signed, in sums of two: 6 and 5 sums, none wider than 13 + 6 bits.
    assert area.sites < 11 * (13 + 6)
    assert area.dsps == 0
