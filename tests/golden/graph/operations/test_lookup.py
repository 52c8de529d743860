"""Functions by a table: every entry against torch, from modules to the machine, and what has no table."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from golden.compiler import compile_network
from golden.compress import compress
from golden.compress.defaults import int8_plan
from golden.compress.integer import to_network
from golden.frontend.importer import import_module
from golden.graph.operations.lookup import Lookup, QuantizedLookup
from golden.graph.reference import run_network
from golden.machine.run import run_program
from golden.machine.tensors import quantise
from golden.spec.config import SMALL, TINY, Config, ConfigError
from golden.spec.errors import CapacityError, ErrorCode, UnsupportedError
from golden.spec.formats import round_shift, saturate
from golden.spec.memories import back_record
from golden.spec.program import Program
from tests.golden.frontend.modules import Function, conv

IMAGES = torch.rand(30, 2, 5, 6, generator=torch.Generator().manual_seed(3)) - 0.4
TABLES = replace(SMALL, name="tables", tables=3)

Forward = Callable[[Any, torch.Tensor], torch.Tensor]

FUNCTIONS: dict[str, Forward] = {
    "leaky": lambda m, x: nn.functional.leaky_relu(x, 0.125),
    "leaky module": lambda m, x: m.leaky(x),
    "hardswish": lambda m, x: nn.functional.hardswish(x),
    "hardsigmoid": lambda m, x: nn.functional.hardsigmoid(x),
    "sigmoid": lambda m, x: x.sigmoid(),
    "tanh": lambda m, x: torch.tanh(x),
    "silu": lambda m, x: nn.functional.silu(x),
}


def network(function: Forward, size: float = 1.0) -> Any:
    """A convolution of results of about that size, the function, another convolution."""
    torch.manual_seed(5)
    module: Any = Function(
        lambda m, x: m.d(function(m, m.c(x))), c=conv(), d=conv(2, 3), leaky=nn.LeakyReLU(0.25)
    )
    with torch.no_grad():
        for parameter in module.c.parameters():
            parameter *= size
    return module.eval()


@pytest.mark.parametrize("size", [0.1, 40.0])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_modules_run_on_the_machine(name: str, size: float) -> None:
    module = network(FUNCTIONS[name], size)
    graph = import_module(module, IMAGES)
    assert [layer.path for layer in graph.layers] == ["c", "d"]
    made = compress(module, IMAGES, int8_plan(), config=TABLES)
    program = compile_network(made.network, TABLES)
    images = quantise(IMAGES.numpy(), program.tensor("input").scale)
    result, expected = run_program(program, images), run_network(made.network, images)
    assert result.error == ErrorCode.NONE
    with torch.no_grad():
        trained, scales = made.module.double().features(IMAGES.double())
    for layer in ("c", "d"):
        np.testing.assert_array_equal(result.tensors[layer], expected[layer])
        np.testing.assert_array_equal(trained[layer].numpy(), expected[layer])
    # Near to what the user's network gives, in steps of the table's result.
    with torch.no_grad():
        wanted = FUNCTIONS[name](module, module.c(IMAGES)).numpy()
    error = expected["c"] * scales["c"] - wanted
    assert np.sqrt(np.square(error).mean()) < 0.03 * np.abs(wanted).max()


@pytest.mark.parametrize("given", [-9, -7, -4])
@pytest.mark.parametrize("taken", [-6, -3, 0])
def test_a_shift_is_what_a_leaky_relu_of_a_power_of_two_is(taken: int, given: int) -> None:
    """Exactly: negative values times 1/8, rounded once, ties to even."""
    table = QuantizedLookup("leaky_relu", 0.125, taken, given).integers().table
    for value in range(-128, 128):
        real = value * 8 if value >= 0 else value  # in eighths of a step
        steps = 3 + given - taken
        right = saturate(round_shift(real, steps) if steps >= 0 else real << -steps)
        assert table[value + 128] == right


def test_the_gradient_is_that_of_the_function() -> None:
    values = torch.tensor([-100.0, -3.0, 0.0, 20.0], requires_grad=True)
    quantized = QuantizedLookup("silu", 0.0, -4, -6)
    found = quantized.run(values, {})
    assert torch.equal(found, found.detach().round())
    found.sum().backward()
    real = (values.detach() * 2.0**-4).requires_grad_()
    nn.functional.silu(real).sum().backward()
    assert real.grad is not None
    torch.testing.assert_close(values.grad, real.grad * 4)


def test_a_configuration_without_tables_is_told() -> None:
    words = r"layer c: a function by a table, of which configuration 'small' has none; .*`tables` of 1"
    with pytest.raises(UnsupportedError, match=words):
        compress(network(FUNCTIONS["tanh"]), IMAGES, config=SMALL)


def test_more_tables_than_there_are() -> None:
    module = Function(
        lambda m, x: m.e(torch.sigmoid(m.d(torch.tanh(m.c(x))))), c=conv(), d=conv(), e=conv()
    ).eval()
    made = compress(module, IMAGES)
    with pytest.raises(CapacityError, match=r"table memory: .* needs 2 tables, tables of .* is 1"):
        compile_network(made.network, replace(SMALL, tables=1))


def _program(config: Config = TABLES) -> Program:
    return compile_network(compress(network(FUNCTIONS["tanh"]), IMAGES, config=config).network, config)


def test_equal_tables_are_there_once() -> None:
    made = to_network(compress(network(FUNCTIONS["sigmoid"]), IMAGES).module)
    first, last = made.layers
    twice = replace(last, epilogue=(last.epilogue[0], first.epilogue[1]))
    program = compile_network(replace(made, layers=(first, twice)), replace(SMALL, tables=1))
    assert len(program.tables) == 256


def test_a_table_that_is_not_there() -> None:
    program = _program()
    result = run_program(replace(program, tables=program.tables[:-1]), np.zeros((1, 2, 5, 6), np.int8))
    assert result.error == ErrorCode.INSTRUCTION


@pytest.mark.parametrize("tables", [2, 16, -1, True])
def test_legal_numbers_of_tables(tables: int) -> None:
    with pytest.raises(ConfigError, match=r"'tables' = .*; legal: (one of \[0, 1, 3, 7, 15\]|an integer)"):
        replace(TINY, tables=tables)


def test_no_tables_in_a_configuration_that_learns() -> None:
    with pytest.raises(ConfigError, match="'tables' = 1; legal: 0 in a configuration that learns"):
        replace(SMALL, learning=True, tables=1)


def test_without_tables_nothing_changes() -> None:
    """Not a bit of the instruction, nor the digest that stands in programs."""
    assert "table" not in {field.name for field in _fields(SMALL)}
    assert "table" in {field.name for field in _fields(TABLES)}
    assert replace(SMALL, tables=1).digest != SMALL.digest


def _fields(config: Config) -> Any:
    return back_record(config).fields


def test_bad_tables_are_told() -> None:
    for table in (np.zeros(255, np.int64), np.full(256, 128)):
        shape = (1, 1, 1)
        assert [*Lookup(table).problems(shape, {})]
