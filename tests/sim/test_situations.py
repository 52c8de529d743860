"""Situations in which others trusted a simulator or a model that did not show what was wrong.

Sources: public threads of Gemmini, cocotb and ONNX Runtime, by their number.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from golden.compiler import compile_network
from golden.graph.operations.add import Add
from golden.graph.operations.weights import Plain
from golden.graph.reference import run_network
from golden.machine.run import run_program
from golden.spec.config import TINY
from golden.spec.errors import ErrorCode
from golden.spec.memories import back_record, front_record
from golden.spec.program import Program
from sim.checks.compare import first_mismatch, mismatch_count
from sim.run import run
from tests.golden.layers import altered
from tests.golden.small import chain
from tests.sim.programs import Case, random_case


@pytest.fixture(scope="module")
def case() -> Case:
    """Six layers on few pixels."""
    return random_case(11, TINY)


def impatient(program: Program) -> Program:
    """The second layer no longer waits for the words of the first one."""
    record = front_record(program.config)
    first, second, *others = program.front
    changed = record.pack(**record.unpack(second) | {"ready_first": 0, "ready_step": 0})
    return replace(program, front=(first, changed, *others))


def test_a_program_that_is_right_in_the_functional_model_alone_is_seen(case: Case) -> None:
    """gemmini#285, #199: the golden machine ends one layer before the next, the hardware need not."""
    program = impatient(case.program)
    golden = run_program(program, case.images)
    assert golden.error == ErrorCode.NONE
    assert mismatch_count(case.expected, golden, program) == 0
    found = first_mismatch(case.expected, run(program, case.images, on="compiled"), program)
    assert found is not None
    assert found.layer == program.layers[1].path


def forgetful(program: Program) -> Program:
    """The last layer takes its filter words from where none were loaded."""
    record, last = back_record(program.config), len(program.layers) - 1
    back = list(program.back)
    back[last] = record.pack(**record.unpack(back[last]) | {"filter_address": len(program.filters)})
    return replace(program, back=tuple(back))


def test_unknown_bits_that_verilator_hides_are_told_by_icarus(case: Case) -> None:
    """cocotb#4075: Verilator makes up a number for a word that nobody wrote, Icarus says X."""
    program, images = forgetful(case.program), case.images[:1]
    hidden = run(program, images, on="compiled")
    assert hidden.error == ErrorCode.NONE
    assert set(hidden.tensors) == {layer.output for layer in program.layers}
    with pytest.raises(AssertionError, match=r"^icarus: run_job: write, lane 0: X{8} in cycle \d+"):
        run(program, images, on="icarus")


@pytest.mark.parametrize("bias", [0, 2])
def test_ties_behind_layers_that_are_fused_are_those_of_whole_numbers(bias: int) -> None:
    """onnxruntime#32132: a step of difference on ties, so no runtime of floats is the referee here.

    Every int8 value, halved, added to itself and halved again, in one pass of the array: each odd one is a
    tie twice.
    """
    network = chain((1, 16, 16), ("a", 1, (1, 1)))
    ones, numbers = np.ones((1, 1, 1, 1), np.int64), np.array([1])
    added = Add("image", 1, 0, 1)
    layer = altered(
        network.layers[0], weights=Plain(ones, numbers), bias=numbers * bias, shift=numbers, residual=added
    )
    network = replace(network, layers=(layer,))
    images = np.arange(-128, 128).astype(np.int8).reshape(1, 1, 16, 16)

    def halved(value: int) -> int:
        return max(-128, min(127, round(Fraction(value, 2))))

    expected = [halved(2 * halved(value + bias) + value) for value in range(-128, 128)]
    assert run_network(network, images)["a"].reshape(-1).tolist() == expected
    program = compile_network(network, TINY)
    for on in ("golden", "compiled"):
        assert run(program, images, on=on).tensors["a"].reshape(-1).tolist() == expected, on
