"""Kept figures that take seconds to compute again: they are those of the present code."""

from pathlib import Path

import numpy as np
import pytest

from flows.base.measure import bits_each, label_accuracy
from flows.figures.groups import GROUPS
from flows.figures.kept import RESULTS, Kept, network_file, read
from flows.studies.training import load
from golden.compiler import compile_network
from golden.cycles.bounds import cycle_bound, dense_cycles
from golden.cycles.timing import count_cycles
from golden.graph import network_file as network_files
from golden.machine.run import run_program
from golden.machine.tensors import quantise
from golden.spec.config import SMALL
from golden.spec.program import Program

ROOT = Path(__file__).parents[3]
AGAIN = "make it again: ./run demo, then ./run report readme"

DEMO = next(group for group in GROUPS if group.name == "demo")


@pytest.fixture(scope="module")
def demo() -> Kept:
    kept = read(DEMO, ROOT / RESULTS)
    assert kept is not None
    return kept


@pytest.fixture(scope="module")
def programs() -> dict[str, Program]:
    """The kept networks of the demo, compiled by the present compiler."""
    files = [network_file(DEMO, name, ROOT / RESULTS) for name in DEMO.networks]
    return {path.stem: compile_network(network_files.load(path), SMALL) for path in files}


def test_cycles_and_sizes_are_of_the_present_code(demo: Kept, programs: dict[str, Program]) -> None:
    program, no_basis = programs["smartdeal"], programs["no_basis"]
    cycles = count_cycles(program).cycles
    expected = {
        "cycles.per_image": cycles,
        "cycles.per_image_no_basis": count_cycles(no_basis).cycles,
        "cycles.bound": cycle_bound(program).total,
        "cycles.dense": dense_cycles(program),
        "weights.bits_each": bits_each(program),
        "weights.bits_each_no_basis": bits_each(no_basis),
    }
    assert {name: demo.values[name] for name in expected} == expected, AGAIN
    assert demo.values["cycles.model_error"] == demo.values["rtl.mismatches"] == 0


def test_the_accuracy_is_of_the_kept_network(demo: Kept, programs: dict[str, Program]) -> None:
    """Integers on any machine."""
    program = programs["smartdeal"]
    _, _, test = load("digits")
    assert demo.values["rtl.images"] == len(test)
    images = quantise(test.images.numpy(), program.tensor(program.input).scale)
    result = run_program(program, images)
    assert demo.values["accuracy.rtl"] == label_accuracy(
        result.tensors[program.output], np.asarray(test.labels)
    )


def test_the_kept_report_has_the_kept_figures(demo: Kept) -> None:
    words = demo.text.replace("|", " ").split()
    for name in ("cycles.per_image", "cycles.per_image_no_basis", "cycles.dense"):
        assert f"{demo.values[name]:.0f}" in words
    for name in ("float", "int8", "po2", "smartdeal", "rtl"):
        assert f"{100 * demo.values[f'accuracy.{name}']:.2f}" in words
