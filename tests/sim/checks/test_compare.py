"""The first mismatch is the first one, in order of layers, images and places."""

from dataclasses import replace

import numpy as np
import pytest

from golden.machine.result import Result
from golden.spec.config import TINY
from sim.checks.compare import first_mismatch, mismatch_count, mismatches, values_compared
from tests.sim.programs import Case, random_case


@pytest.fixture(scope="module")
def case() -> Case:
    return random_case(11, TINY, images=3)


def _result(case: Case) -> Result:
    tensors = {name: values.astype(np.int8) for name, values in case.expected.items()}
    cycles = {name: np.full(values.shape, 9, np.uint32) for name, values in tensors.items()}
    return Result("test", tensors, write_cycles=cycles)


def test_equal(case: Case) -> None:
    assert first_mismatch(case.expected, _result(case), case.program) is None
    assert mismatch_count(case.expected, _result(case), case.program) == 0
    pixels = sum(int(np.prod(case.program.tensor(layer.output).shape)) for layer in case.program.layers)
    assert values_compared(case.expected, case.program) == 3 * pixels


def test_first_in_order_of_layers_then_images_then_places(case: Case) -> None:
    result = _result(case)
    early, late = case.program.layers[0], case.program.layers[-1]
    for name, image, place in (
        (late.output, 0, (0, 0, 0)),
        (early.output, 2, (0, 0, 0)),
        (early.output, 1, (0, 1, 1)),
        (early.output, 1, (0, 1, 0)),
    ):
        result.tensors[name][(image, *place)] ^= 1
    found = list(mismatches(case.expected, result, case.program))
    assert [(m.layer, m.image, m.index, m.cycle) for m in found] == [
        (early.path, 1, (0, 1, 0), 9),
        (late.path, 0, (0, 0, 0), 9),
    ]
    assert first_mismatch(case.expected, result, case.program) == found[0]
    assert found[0].got == found[0].expected ^ 1
    assert mismatch_count(case.expected, result, case.program) == 4


def test_a_value_never_written_is_a_mismatch_even_if_it_is_equal(case: Case) -> None:
    result = _result(case)
    name = case.program.layers[0].output
    result.write_cycles[name][0, 0, 0, 1] = 0
    found = first_mismatch(case.expected, result, case.program)
    assert found is not None
    assert (found.image, found.index, found.got, found.cycle) == (0, (0, 0, 1), None, None)
    assert str(found).endswith("got nothing")


def test_a_zero_is_not_nothing(case: Case) -> None:
    layer = case.program.layers[0]
    result = _result(case)
    place = tuple(int(it) for it in np.argwhere(case.expected[layer.output] != 0)[0])
    result.tensors[layer.output][place] = 0
    found = first_mismatch(case.expected, result, case.program)
    assert str(found) == (
        f"layer {layer.path}, image {place[0]}, index {place[1:]}: "
        f"expected {case.expected[layer.output][place]}, got 0, cycle 9"
    )


def test_more_images_than_asked_for_are_refused(case: Case) -> None:
    short = {name: values[:2] for name, values in case.expected.items()}
    with pytest.raises(ValueError, match=r"shape \(3, .*; expected \(2, "):
        first_mismatch(short, _result(case), case.program)


def test_a_missing_image_is_a_mismatch(case: Case) -> None:
    result = _result(case)
    short = {name: values[:2] for name, values in result.tensors.items()}
    found = first_mismatch(case.expected, replace(result, tensors=short, write_cycles={}), case.program)
    assert found is not None
    assert (found.image, found.index, found.got) == (2, (0, 0, 0), None)


def test_other_shape(case: Case) -> None:
    result = _result(case)
    name = case.program.layers[0].output
    wrong = replace(result, tensors={**result.tensors, name: result.tensors[name][:, :, 1:]})
    with pytest.raises(ValueError, match=f"tensor '{name}': shape .*; expected"):
        first_mismatch(case.expected, wrong, case.program)
