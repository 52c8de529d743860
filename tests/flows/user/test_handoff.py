"""The hand-off folder proves itself with Icarus alone, and sees what is wrong."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flows.user.handoff import write_handoff
from flows.user.verilog import write_verilog
from golden.compiler import compile_network
from golden.cycles.timing import count_cycles
from golden.machine.run import run_program
from golden.spec import formats
from golden.spec.config import TINY
from golden.spec.errors import ErrorCode
from golden.spec.program import Program
from tests.golden.networks import random_network

SEED = 7
IMAGES = 2


@pytest.fixture(scope="module")
def verilog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_verilog(TINY, tmp_path_factory.mktemp("verilog") / "accelerator.v")


@pytest.fixture(scope="module")
def program() -> Program:
    return compile_network(random_network(np.random.default_rng(SEED), TINY), TINY)


def hand_off(folder: Path, program: Program, verilog: Path, expected: Program, skip: bool = True) -> Path:
    """A folder of one program that expects the values of another."""
    print("seed", SEED)
    shape = program.tensor(program.input).shape
    images = np.random.default_rng(SEED).integers(-128, 128, (IMAGES, *shape)).astype(np.int8)
    tensors = run_program(expected, images).tensors
    each = [{name: values[i : i + 1] for name, values in tensors.items()} for i in range(IMAGES)]
    cycles = tuple(count_cycles(expected, one if skip else None).cycles for one in each)
    return write_handoff(folder, program, verilog, tensors, cycles, skip)


def simulate(folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and output of the folder's script."""
    command = ["sh", str(folder / "run.sh"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("skip", [False, True])
def test_the_folder_passes(skip: bool, tmp_path: Path, program: Program, verilog: Path) -> None:
    """Verilog == golden for every tensor, result and cycle count, in plain Icarus."""
    folder = hand_off(tmp_path / "handoff", program, verilog, program, skip)
    code, text = simulate(folder, f"+waveform={tmp_path / 'x.vcd'}")
    values = sum(int(np.prod(program.tensor(layer.output).shape)) for layer in program.layers)
    assert f"PASS: {IMAGES} images, {IMAGES * values} values" in text
    assert code == 0
    assert "trace__data" in (tmp_path / "x.vcd").read_text()
    assert "warning" not in text
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["handoff", "x.vcd"]


def test_one_wrong_coefficient_is_seen(tmp_path: Path, program: Program, verilog: Path) -> None:
    """The sign of one coefficient, in a program whose checksum is right."""
    words = list(program.coefficients[0])
    place = next(i for i, word in enumerate(words) if word & 7 != formats.CODE_ZERO)
    words[place] ^= 8
    wrong = replace(program, coefficients=(tuple(words), *program.coefficients[1:]))
    code, text = simulate(hand_off(tmp_path / "handoff", wrong, verilog, program))
    assert code == 1
    first = re.escape(program.layers[0].path)
    found = rf"FAIL: image 0, layer {first}: word \d+, lane \d: expected (..), got (..), cycle \d+"
    match = re.search(found, text)
    assert match, text
    assert match[1] != match[2]
    assert "PASS" not in text


def test_a_damaged_program_ends_in_its_error_code(tmp_path: Path, program: Program, verilog: Path) -> None:
    folder = hand_off(tmp_path / "handoff", program, verilog, program)
    lines = (folder / "program.mem").read_text().split()
    lines[-1] = f"{int(lines[-1], 16) ^ 1:08x}"
    (folder / "program.mem").write_text("\n".join(lines))
    code, text = simulate(folder)
    assert code == 1
    assert f"FAIL: image 0: error code {ErrorCode.CHECKSUM:d}," in text


def test_a_wrong_cycle_count_is_seen(tmp_path: Path, program: Program, verilog: Path) -> None:
    folder = hand_off(tmp_path / "handoff", program, verilog, program)
    counts = [int(line, 16) for line in (folder / "cycles.mem").read_text().split()]
    (folder / "cycles.mem").write_text("\n".join(f"{count + 1:x}" for count in counts))
    code, text = simulate(folder)
    assert code == 1
    assert f"FAIL: image 0: expected {counts[0] + 1} cycles, got {counts[0]}" in text


def test_a_result_that_ends_elsewhere_is_seen(tmp_path: Path, program: Program, verilog: Path) -> None:
    """The bench expects a word more than the one that is marked as the last."""
    folder = hand_off(tmp_path / "handoff", program, verilog, program)
    sizes = (folder / "sizes.vh").read_text()
    words = int(re.findall(r"RESULT_WORDS = (\d+);", sizes)[0])
    (folder / "sizes.vh").write_text(
        sizes.replace(f"RESULT_WORDS = {words};", f"RESULT_WORDS = {words + 1};")
    )
    code, text = simulate(folder)
    assert code == 1
    assert f"FAIL: image 0: result word {words - 1}: last is 1, {words + 1} words expected" in text


def bare(text: str) -> str:
    """Verilog of which no register has a value before it is given one."""
    value = re.compile(r"^( *(?:output )?reg (?:signed )?(?:\[\d+:0\] )?\w+ *) = [^;]+;$", re.MULTILINE)
    text, count = value.subn(r"\1;", text)
    assert count > 100
    assert not re.search(r"^ *(?:output )?reg\b.*=", text, re.MULTILINE)
    return text


AGAIN = """
        {until};
        #1 rst = 1;
        program_index = 0; image_index = 0; image = 0; values = 0;
        begin_image;
        repeat ({edges}) begin
            @(negedge clk);
            if ({{result_valid, trace_valid, busy, loaded, error}} !== 0)
                $fatal(1, "FAIL: in reset {number}");
        end
        #1 rst = 0;"""
EDGE = "@(negedge clk)"


def test_a_reset_of_one_edge_is_enough_at_power_up_and_at_any_time(
    tmp_path: Path, program: Program, verilog: Path
) -> None:
    """amaranth#1625, litex PR#1690: a value at power-up hides what the reset leaves out.

    satcat5#1, cocotbext-axi#116: nothing is offered in a reset; one that is there from the start is one, and
    one that stays for long.
    """
    folder = hand_off(tmp_path / "handoff", program, verilog, program)
    accelerator = folder / "accelerator.v"
    accelerator.write_text(bare(accelerator.read_text()))
    bench = folder / "testbench.v"
    places = [
        f"repeat (5) {EDGE}",
        f"repeat (PROGRAM_WORDS / 2) {EDGE}",
        f"wait (loaded && image_index == 1) {EDGE}",
        f"wait (busy) repeat (60) {EDGE}",
        f"wait (trace_valid) {EDGE}",
        f"wait (result_valid) {EDGE}",
        f"wait (image == 1 && busy) {EDGE}",
    ]
    again = [
        AGAIN.format(until=place, edges=1 + 20 * (number % 3 == 2), number=number)
        for number, place in enumerate(places)
    ]
    started = "repeat (4) @(negedge clk);\n        rst = 0;"
    text = bench.read_text()
    assert text.count(started) == 1
    bench.write_text(text.replace(started, f"{EDGE} #1 rst = 0;{''.join(again)}"))
    code, text = simulate(folder)
    assert f"PASS: {IMAGES} images" in text, text
    assert code == 0


def test_images_and_cycle_counts_go_together(tmp_path: Path, program: Program, verilog: Path) -> None:
    tensors = {program.input: np.zeros((2, 1, 1, 1), np.int8)}
    with pytest.raises(ValueError, match="2 images and 1 cycle counts"):
        write_handoff(tmp_path / "handoff", program, verilog, tensors, (5,), True)
    assert not list(tmp_path.iterdir())
