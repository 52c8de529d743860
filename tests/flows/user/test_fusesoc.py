"""The `.core` of a hand-off folder, in FuseSoC and Edalize, on both simulators."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from flows.user.handoff import write_handoff
from flows.user.verilog import write_verilog
from golden.compiler import compile_network
from golden.cycles.timing import count_cycles
from golden.machine.run import run_program
from golden.spec.config import TINY
from sim.backends.cocotb_runner import verilator_folder
from tests.golden.networks import random_network

SEED = 7
MAKE = "OPT_FAST=-O0 OPT_SLOW=-O0"
"""Only for speed: compiling takes longer than the run."""


@pytest.fixture(scope="module")
def handoff(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cores")
    generator = np.random.default_rng(SEED)
    program = compile_network(random_network(generator, TINY), TINY)
    shape = program.tensor(program.input).shape
    tensors = run_program(program, generator.integers(-128, 128, (1, *shape)).astype(np.int8)).tensors
    verilog = write_verilog(TINY, folder / "verilog" / "accelerator.v")
    cycles = (count_cycles(program, tensors).cycles,)
    return write_handoff(folder / "handoff", program, verilog, tensors, cycles, True)


def fusesoc(core: Path, work: Path, target: str) -> tuple[int, str]:
    """Exit code and output of FuseSoC."""
    command = [sys.executable, "-c", "from fusesoc.main import main; main()", "--cores-root", str(core)]
    command += ["run", "--build-root", str(work / "build"), "--target", target, "lightdeal::accelerator"]
    # Nothing of a user's own FuseSoC; Verilator is that of the package.
    homes = {name: str(work) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")}
    path = f"{verilator_folder()}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=work,
        env={**os.environ, **homes, "PATH": path, "MAKEFLAGS": MAKE},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "target", ["sim", pytest.param("sim_verilator", marks=pytest.mark.long), "lint"], ids=str
)
def test_the_core_runs(handoff: Path, tmp_path: Path, target: str) -> None:
    code, text = fusesoc(handoff, tmp_path, target)
    assert code == 0, text
    if target != "lint":
        assert "PASS: 1 images, " in text


def test_a_wrong_value_is_seen(handoff: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "handoff"
    wrong.mkdir()
    for file in handoff.iterdir():
        (wrong / file.name).write_bytes(file.read_bytes())
    cycles = (wrong / "cycles.mem").read_text().splitlines()
    (wrong / "cycles.mem").write_text("\n".join(f"{int(line, 16) + 1:08x}" for line in cycles) + "\n")
    code, text = fusesoc(wrong, tmp_path, "sim")
    assert "FAIL: " in text
    assert "PASS" not in text
    assert code != 0
