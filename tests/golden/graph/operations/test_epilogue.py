"""Epilogues: legal orders, what each operation sets and gives, and that floats and integers mean the same."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import torch

from golden.compiler import compile_network
from golden.graph.operations.add import Add, FloatAdd
from golden.graph.operations.floats import FloatOperation
from golden.graph.operations.global_mean import FloatMean, GlobalMean
from golden.graph.operations.integers import IntegerOperation, order_problems
from golden.graph.operations.registry import OPERATIONS
from golden.graph.operations.relu import FloatRelu, Relu
from golden.graph.operations.requantise import Requantise
from golden.spec.config import TINY
from golden.spec.errors import UnsupportedError
from golden.spec.memories import back_record
from tests.golden.small import chain

ALL = (Requantise(np.zeros(3, int), np.zeros(3, int)), Add("image", 0, 0, 0), Relu(), GlobalMean(0))
LEGAL = ["".join(str(i) for i in range(4) if i == 0 or mask >> i & 1) for mask in range(0, 16, 2)]


@pytest.mark.parametrize("count", range(5))
def test_the_hardware_has_one_order(count: int) -> None:
    """Of all orders of all subsets eight can run: requantise, then each other one or not, as they stand."""
    for places in permutations(range(4), count):
        wrong = list(order_problems(tuple(ALL[place] for place in places)))
        assert (not wrong) == ("".join(map(str, places)) in LEGAL)
    assert list(order_problems((ALL[0], Relu(), Relu())))


@pytest.mark.parametrize(
    ("epilogue", "words"),
    [
        ((), "the epilogue nothing"),
        ((Relu(),), "the epilogue Relu"),
        ((ALL[0], Relu(), ALL[1]), "the epilogue Requantise, Relu, Add"),
    ],
)
def test_another_order_is_refused_by_layer(epilogue: tuple[IntegerOperation, ...], words: str) -> None:
    network = chain((3, 4, 4), ("conv", 3, (3, 3), {"padding": 1}))
    layer = replace(network.layers[0], epilogue=epilogue)
    with pytest.raises(UnsupportedError) as error:
        compile_network(replace(network, layers=(layer,)), TINY)
    assert str(error.value) == (
        f"layer conv: {words}; supported: REQUANTISE, ADD, ACTIVATION, POOL, each at most once and in this "
        "order, the first always"
    )


def test_each_sets_fields_of_its_own() -> None:
    """Exactly those it names, all of them fields of the instruction, none of them another's."""
    # ReLU6 is ReLU in integers, and may set what that sets.
    kinds = {it.integers for it in OPERATIONS if it.integers is not None}
    names = [name for kind in kinds for name in kind.sets]
    assert len(names) == len(set(names))
    assert set(names) < {field.name for field in back_record(replace(TINY, tables=1)).fields}
    for operation in ALL:
        assert set(operation.fields(lambda _: 5)) == set(operation.sets)
    assert Add("x", 1, 2, 3).fields(lambda name: {"x": 9}[name]) == {
        "residual": 1,
        "residual_address": 9,
        "align_result": 1,
        "align_residual": 2,
        "residual_shift": 3,
    }


@pytest.mark.parametrize("low", [-128, 0, 5])
@pytest.mark.parametrize("operation", ALL, ids=lambda it: type(it).__name__)
def test_bounds_hold_and_are_reached(operation: IntegerOperation, low: int) -> None:
    """The proofs of sums rest on them: values of every size within the bounds that went in."""
    rng = np.random.default_rng(1)
    values = rng.integers(low, 128, (40, 3, 4, 4))
    values[0], values[1] = low, 127
    features = {"image": rng.integers(-128, 128, values.shape).astype(np.int8)}
    features["image"][0], features["image"][1] = -128, 127
    got = operation.run(values, features)
    least, most = operation.bounds((low, 127))
    assert least <= got.min()
    assert got.max() <= most == 127
    assert got[1].max() == 127
    assert least <= 0


@pytest.mark.parametrize(
    ("integers", "floats"),
    [(ALL[1], FloatAdd("image")), (Relu(), FloatRelu()), (GlobalMean(4), FloatMean())],
    ids=["add", "relu", "mean"],
)
def test_integers_mean_what_floats_do(integers: IntegerOperation, floats: FloatOperation) -> None:
    """On small values, so that nothing saturates; 16 pixels make the mean's shift its division."""
    rng = np.random.default_rng(2)
    values = rng.integers(-60, 60, (9, 3, 4, 4))
    image = rng.integers(-60, 60, values.shape)
    got = integers.run(values, {"image": image.astype(np.int8)})
    real = floats.run(torch.from_numpy(values).double(), {"image": torch.from_numpy(image).double()})
    assert np.abs(got - real.numpy()).max() <= 0.5
    assert integers.reads == floats.reads
    assert integers.shape((3, 4, 4)) == tuple(real.shape[1:])
    assert integers.per_pixel == (real.shape[2:] == (4, 4))
