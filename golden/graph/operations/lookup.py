"""Functions of one value by a table: an entry for each of the 256 values of an int8, exact to the bit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from golden.graph.operations.floats import Chosen, FloatOperation, QuantizedOperation, Sample
from golden.graph.operations.integers import (
    Int8,
    Int64,
    IntegerOperation,
    Problem,
    Shape,
    Stage,
    range_problems,
    shape_problems,
)
from golden.graph.operations.operation import Operation
from golden.numerics.late import nn, torch
from golden.spec.memories import TABLE_ENTRIES

_FINEST = -40
"""Exponent of the finest steps of a result: a table gives any."""


@dataclass(frozen=True)
class Lookup(IntegerOperation):
    """The entry of each value; `table`: int8 values, shape (256,), entry k is that of k − 128."""

    table: Int64

    stage = Stage.ACTIVATION
    sets = ("table",)

    @property
    def entries(self) -> Int64:
        """See `IntegerOperation`."""
        return self.table

    def bounds(self, bounds: tuple[int, int]) -> tuple[int, int]:
        """See `IntegerOperation`."""
        taken = self.table[bounds[0] + 128 : bounds[1] + 129]
        return min(int(taken.min()), 0), max(int(taken.max()), 0)

    def run(self, values: Int64, features: Mapping[str, Int8]) -> Int64:
        """See `IntegerOperation`."""
        return looked_up(self.table, values)

    def rounding(self, steps: float) -> float:
        """See `IntegerOperation`: an error of what it takes grows as the table is steep."""
        return max(1.0, steps * float(np.abs(np.diff(self.table)).max()))

    def problems(self, shape: Shape, shapes: Mapping[str, Shape]) -> Iterator[Problem]:
        """See `IntegerOperation`."""
        yield from shape_problems("table", self.table, (TABLE_ENTRIES,))
        yield from range_problems("table", self.table, -128, 127)


@dataclass(frozen=True)
class _Function:
    """A function of one value.

    Parameters
    ----------
    of: values, its number → values.
    low, high: beyond these it goes on as a straight line or a constant, so that finer steps are worth more.
    """

    of: Callable[[torch.Tensor, float], torch.Tensor]
    low: float = -math.inf
    high: float = math.inf


FUNCTIONS: dict[str, _Function] = {
    "leaky_relu": _Function(lambda x, slope: nn.functional.leaky_relu(x, slope)),
    "hardswish": _Function(lambda x, _: nn.functional.hardswish(x), low=-3),
    "hardsigmoid": _Function(lambda x, _: nn.functional.hardsigmoid(x), -3, 3),
    "sigmoid": _Function(lambda x, _: torch.sigmoid(x), -8, 8),
    "tanh": _Function(lambda x, _: torch.tanh(x), -4, 4),
    "silu": _Function(lambda x, _: nn.functional.silu(x), low=-10),
}


@dataclass(frozen=True)
class QuantizedLookup(QuantizedOperation):
    """A function of `FUNCTIONS` and its number; `taken`, `given`: exponents of steps before and behind."""

    function: str
    number: float
    taken: float
    given: float

    def scale(self, scale: float) -> float:
        """See `QuantizedOperation`."""
        return 2.0**self.given

    def run(self, values: torch.Tensor, features: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """See `QuantizedOperation`: the entries, with the gradient of the function."""
        exact = FUNCTIONS[self.function].of(values * 2.0**self.taken, self.number) * 2.0**-self.given
        found = self._table().to(values.dtype)[(values.detach() + 128).round().long().clamp(0, 255)]
        return exact + (found - exact).detach()

    def integers(self) -> Lookup:
        """See `QuantizedOperation`."""
        return Lookup(self._table().to(torch.int64).numpy())

    def _table(self) -> torch.Tensor:
        values = torch.arange(-128, 128, dtype=torch.float64) * 2.0**self.taken
        found = FUNCTIONS[self.function].of(values, self.number) * 2.0**-self.given
        return found.round().clamp(-128, 127)


@dataclass(frozen=True)
class FloatLookup(FloatOperation):
    """A function of `FUNCTIONS`, and its number, where it has one."""

    function: str
    number: float = 0.0

    def run(self, values: torch.Tensor, features: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """See `FloatOperation`."""
        return FUNCTIONS[self.function].of(values, self.number)

    def quantise(
        self,
        sample: Sample,
        features: Mapping[str, tuple[torch.Tensor, float]],
        after: Callable[[Sample], Chosen],
    ) -> Chosen:
        """See `FloatOperation`: steps for what the function depends on, and others for what it gives."""
        function = FUNCTIONS[self.function]
        seen = sample.values.clamp(function.low, function.high)
        taken = replace(sample, values=seen).grid
        steps = 2.0**taken
        given = self.run((sample.values / steps).round().clamp(-128, 127) * steps, {})
        grid, rest = after(Sample(given, _FINEST, sample.dead, wanted=sample.wanted))
        return taken, (QuantizedLookup(self.function, self.number, taken, grid), *rest)

    def blank(self) -> Lookup:
        """See `FloatOperation`."""
        return Lookup(np.zeros(TABLE_ENTRIES, np.int64))


def looked_up(table: Int64, values: Int64) -> Int64:
    """The entries of int8 values."""
    return table[values + 128]


def _imported(function: str, module: Any, _: tuple[str, ...]) -> FloatLookup:
    return FloatLookup(function, float(getattr(module, "negative_slope", 0.0)))


def _operation(
    name: str, called: str, says: str, function: str, names: Callable[[], tuple[Any, ...]]
) -> Operation:
    return Operation(
        name=name,
        called=called,
        says=f"{says}, by a table of {TABLE_ENTRIES} entries",
        torch=names,
        limits="as ReLU; configurations with `tables`, one for each function and pair of scales",
        cost="nothing; a table",
        integers=Lookup,
        floats=FloatLookup,
        imported=partial(_imported, function),
    )


LEAKY_RELU = _operation(
    "leaky ReLU", "LeakyReLU", "negative results times any slope", "leaky_relu", lambda: (nn.LeakyReLU,)
)
HARD_SWISH = _operation(
    "hard-swish",
    "Hardswish",
    "x · relu6(x + 3) ÷ 6",
    "hardswish",
    lambda: (nn.functional.hardswish, nn.Hardswish),
)
HARD_SIGMOID = _operation(
    "hard-sigmoid",
    "Hardsigmoid",
    "relu6(x + 3) ÷ 6",
    "hardsigmoid",
    lambda: (nn.functional.hardsigmoid, nn.Hardsigmoid),
)
SIGMOID = _operation(
    "sigmoid",
    "Sigmoid",
    "1 ÷ (1 + exp(−x))",
    "sigmoid",
    lambda: (torch.sigmoid, nn.functional.sigmoid, "sigmoid", nn.Sigmoid),
)
TANH = _operation(
    "tanh", "Tanh", "tanh(x)", "tanh", lambda: (torch.tanh, nn.functional.tanh, "tanh", nn.Tanh)
)
SILU = _operation("SiLU", "SiLU", "x ÷ (1 + exp(−x))", "silu", lambda: (nn.functional.silu, nn.SiLU))
LOOKUPS = (LEAKY_RELU, HARD_SWISH, HARD_SIGMOID, SIGMOID, TANH, SILU)
