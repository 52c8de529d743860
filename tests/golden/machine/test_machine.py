"""The machine runs programs to the same bits as the reference network."""

from dataclasses import replace

import numpy as np
import pytest

from flows.fuzz.weights import KINDS
from golden.compiler import compile_network
from golden.graph.network import Network
from golden.graph.operations.add import Add
from golden.graph.operations.global_mean import GlobalMean
from golden.graph.operations.relu import Relu
from golden.graph.reference import run_network
from golden.machine import run as machine
from golden.machine.decode import decode
from golden.machine.run import run_program
from golden.spec.arithmetics import coefficient_record
from golden.spec.config import SMALL, TINY, Config
from golden.spec.errors import ErrorCode, MachineError
from golden.spec.memories import back_record, front_record
from golden.spec.program import Program
from tests.golden.networks import random_images, random_network
from tests.golden.small import chain


def _assert_equal(network: Network, config: Config, seed: int, count: int = 3) -> Program:
    program = compile_network(network, config)
    images = random_images(np.random.default_rng(seed), network, count)
    result = run_program(program, images)
    assert result.error == ErrorCode.NONE
    expected = run_network(network, images)
    assert set(result.tensors) == set(expected) == {tensor.name for tensor in program.tensors}
    for name, values in expected.items():
        np.testing.assert_array_equal(result.tensors[name], values, f"seed {seed}, tensor {name}")
    return program


@pytest.mark.parametrize("config", [TINY, SMALL], ids=lambda config: config.name)
@pytest.mark.parametrize("block", range(6))
def test_random_networks(block: int, config: Config) -> None:
    for seed in range(1000 + 20 * block, 1000 + 20 * (block + 1)):
        network = random_network(np.random.default_rng(seed), config)
        _assert_equal(network, config, seed)


@pytest.mark.parametrize(
    "config",
    [
        Config("1x2", engines=1, lanes=2, basis=1, accumulators=4),
        Config("3x8", engines=3, lanes=8, basis=8, accumulators=4),
        Config("5x64", engines=5, lanes=64, basis=4, accumulators=16, accumulator_bits=32),
        Config("8x32", engines=8, lanes=32, basis=32, accumulators=8, accumulator_bits=18),
    ],
    ids=lambda config: config.name,
)
def test_other_sizes(config: Config) -> None:
    for seed in range(700, 708):
        _assert_equal(random_network(np.random.default_rng(seed), config), config, seed)


def test_random_networks_have_every_kind_of_layer() -> None:
    """What the test above relies on: otherwise it proves less than it says."""
    layers = [
        layer
        for seed in range(1000, 1120)
        for layer in random_network(np.random.default_rng(seed), TINY).layers
    ]
    weights = [layer.convolution.weights for layer in layers]
    folds = {type(it).__name__ + str(getattr(it, "fold", "")) for it in weights}
    assert len(folds) == 3
    assert {layer.product.window.stride for layer in layers} == {(1, 1), (2, 2)}
    assert {(1, 1), (2, 2), (3, 3), (5, 5)} <= {layer.product.kernel for layer in layers}
    assert any(layer.find(Add) and layer.find(GlobalMean) for layer in layers)
    assert any(layer.find(Add) and layer.find(Relu) for layer in layers)


@pytest.mark.parametrize("config", [TINY, SMALL], ids=lambda config: config.name)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_on_a_map_that_fills_no_tile(kind: str, config: Config) -> None:
    width = 4 if kind == "column" else 5
    network = chain((3, 7, width), ("conv", 11, (3, 3), {"kind": kind, "padding": 1}))
    _assert_equal(network, config, 1)


@pytest.mark.parametrize("size", [5, 6, 7, 8, 9, 11, 12])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_strides_in_a_row(size: int, kernel: int) -> None:
    options = {"stride": 2, "padding": kernel // 2}
    network = chain(
        (1, size, size + 1),
        ("a", 2, (kernel, kernel), options),
        ("b", 3, (kernel, kernel), options),
        ("c", 2, (3, 3), {"padding": 1}),
    )
    program = _assert_equal(network, TINY, size)
    assert [tensor.degree for tensor in program.tensors] == [(4, 4), (2, 2), (1, 1), (1, 1)]


def test_stride_three() -> None:
    network = chain((2, 9, 9), ("a", 3, (3, 3), {"stride": 3}), ("b", 2, (3, 3), {"padding": 1}))
    assert _assert_equal(network, TINY, 0).tensors[0].degree == (3, 3)


def test_a_residual_block_with_a_strided_shortcut() -> None:
    network = chain(
        (2, 8, 8),
        ("stem", 4, (3, 3), {"padding": 1}),
        ("down", 6, (3, 3), {"stride": 2, "padding": 1}),
        ("shortcut", 6, (1, 1), {"stride": 2, "source": "stem"}),
        ("join", 6, (3, 3), {"padding": 1, "source": "down", "residual": Add("shortcut", 1, 2, 3)}),
        ("head", 3, (4, 4)),
    )
    program = _assert_equal(network, TINY, 4)
    assert {tensor.name: tensor.degree for tensor in program.tensors}["stem"] == (2, 2)


def test_a_kernel_wider_than_the_padding_keeps_runs_where_the_map_is_covered() -> None:
    _assert_equal(chain((5, 3, 7), ("head", 9, (3, 7))), TINY, 2)


def test_a_layer_of_many_rounds_reads_what_is_ready() -> None:
    network = chain((2, 4, 4), ("a", 40, (1, 1)), ("b", 20, (3, 3), {"padding": 1}))
    program = _assert_equal(network, replace(TINY, coefficient_words=8192), 3)
    fronts = [front_record(program.config).unpack(word) for word in program.front]
    assert fronts[0]["rounds"] > 1
    others = (fronts[0]["tiles"] - 1) * program.config.engines
    assert (fronts[1]["ready_first"], fronts[1]["ready_step"]) == (others + 1, others)


def test_batches_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network(np.random.default_rng(1), TINY)
    monkeypatch.setattr(machine, "_BATCH", 2)
    _assert_equal(network, TINY, 1, count=5)


def test_progress_is_told() -> None:
    network = random_network(np.random.default_rng(1), TINY)
    images = random_images(np.random.default_rng(1), network, 3)
    done: list[int] = []
    run_program(compile_network(network, TINY), images, done.append)
    layers: list[str] = []
    run_network(network, images, lambda layer: layers.append(layer.path))
    assert (done, layers) == ([3], [layer.path for layer in network.layers])


def test_no_images_give_empty_tensors() -> None:
    network = random_network(np.random.default_rng(1), TINY)
    result = run_program(
        compile_network(network, TINY), np.zeros((0, *network.features["image"].shape), np.int8)
    )
    assert result.tensors[network.output].shape == (0, *network.features[network.output].shape)


def test_other_images_are_refused() -> None:
    program = compile_network(random_network(np.random.default_rng(1), TINY), TINY)
    with pytest.raises(ValueError, match=r"^tensor 'image': got float64 of shape"):
        run_program(program, np.zeros((1, *program.tensor("image").shape)))  # type: ignore[arg-type]


def _flip(words: tuple[int, ...], index: int, bit: int) -> tuple[int, ...]:
    return (*words[:index], words[index] ^ 1 << bit, *words[index + 1 :])


def test_one_flipped_coefficient_bit_is_seen() -> None:
    network = chain((2, 4, 4), ("conv", 4, (3, 3), {"padding": 1}))
    program = compile_network(network, TINY)
    images = random_images(np.random.default_rng(0), network, 4)
    good = run_program(program, images)
    # Bit 3 of an entry is the sign of its coefficient.
    engine = _flip(program.coefficients[0], 2, 3)
    bad = run_program(replace(program, coefficients=(engine, *program.coefficients[1:])), images)
    assert bad.error == ErrorCode.NONE
    assert not np.array_equal(good.tensors["conv"], bad.tensors["conv"])


def test_streams_that_do_not_fit_their_rows_stop_the_machine() -> None:
    network = chain((2, 4, 4), ("conv", 4, (3, 3), {"padding": 1}))
    program = compile_network(network, TINY)
    images = random_images(np.random.default_rng(0), network, 1)
    record = coefficient_record(TINY)
    for engine in (
        _flip(program.coefficients[0], 3, record.bits - 1),  # advances by two rows more or less
        program.coefficients[0][:-1],  # no END
    ):
        result = run_program(replace(program, coefficients=(engine, *program.coefficients[1:])), images)
        assert (result.error, result.tensors) == (ErrorCode.STREAM, {})


def _changed(program: Program, field: str, value: int) -> Program:
    words = {}
    for name, record in (("front", front_record(TINY)), ("back", back_record(TINY))):
        first, *rest = getattr(program, name)
        values = record.unpack(first)
        if field in values:
            values[field] = value
        words[name] = (record.pack(**values), *rest)
    return replace(program, **words)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("operation", 2),
        ("rounds", 0),
        ("tiles", 0),
        ("channels", 0),
        ("taps", 0),
        ("group", 0),
        ("group", 5),
        ("filters", 0),
        ("engine_filters", 0),
        ("engine_filters", 9),
        ("plane_tiles", 0),
        ("last_lanes", 5),
        ("row_width", 3),
        ("ready_channels", 0),
        ("tap_address", 500),
        ("term_address", 1000),
        ("filter_address", 250),
    ],
)
def test_illegal_instructions_stop_the_machine(field: str, value: int) -> None:
    network = chain((2, 4, 4), ("conv", 4, (3, 3), {"padding": 1}))
    program = _changed(compile_network(network, TINY), field, value)
    result = run_program(program, random_images(np.random.default_rng(0), network, 1))
    assert (result.error, result.tensors) == (ErrorCode.INSTRUCTION, {})


def test_errors_say_where_and_what() -> None:
    network = chain((2, 4, 4), ("conv", 4, (3, 3), {"padding": 1}))
    program = compile_network(network, TINY)
    with pytest.raises(
        MachineError, match=r"^INSTRUCTION: instruction 0: back last_lanes = 5; legal: 1…`lanes`$"
    ):
        decode(_changed(program, "last_lanes", 5))
    with pytest.raises(MachineError, match=r"^INSTRUCTION: term words 1000…1003 of 4 are read$"):
        decode(_changed(program, "term_address", 1000))
    with pytest.raises(
        MachineError, match=r"^STREAM: engine 0: the block at entry 0 ends at row 18; the marker is row 9$"
    ):
        decode(_changed(program, "channels", 1))
    with pytest.raises(MachineError, match=r"^TIMEOUT: layer 0 waits for 1 turns; 0 are ever done$"):
        decode(_changed(program, "channels", 3))
    with pytest.raises(MachineError, match=r"^TIMEOUT: 8 jobs in the front words, 12 in the back words$"):
        decode(replace(program, back=_changed(program, "rounds", 3).back))


def test_a_missing_end_stops_the_machine() -> None:
    network = chain((2, 4, 4), ("conv", 4, (3, 3), {"padding": 1}))
    program = compile_network(network, TINY)
    program = replace(program, front=program.front[:-1], back=program.back[:-1])
    result = run_program(program, random_images(np.random.default_rng(0), network, 1))
    assert result.error == ErrorCode.INSTRUCTION
