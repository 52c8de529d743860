"""What is done with the sums of a layer, in integers: limits, reference, part of an instruction."""

from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from itertools import pairwise
from typing import ClassVar

import numpy as np
import numpy.typing as npt

Int8 = npt.NDArray[np.int8]
Int64 = npt.NDArray[np.int64]
Shape = tuple[int, int, int]
"""(channels, height, width) of one image's tensor."""
Problem = tuple[str, str]
"""(what was found, what is supported)."""


class Stage(IntEnum):
    """What the hardware does with a finished sum, in this order: the one table of legal epilogues.

    A layer's epilogue has REQUANTISE, and each other stage at most once.
    """

    REQUANTISE = 0
    ADD = 1
    ACTIVATION = 2
    POOL = 3


class IntegerOperation:
    """One operation of a layer's epilogue; the children are frozen dataclasses of their numbers.

    Parameters
    ----------
    stage: where the hardware does it.
    sets: fields of the back word (`golden.spec.memories.back_record`) that it sets; 0 without it.
    per_pixel: each pixel of what it gives is made of the same pixel of what it takes.
    """

    stage: ClassVar[Stage]
    sets: ClassVar[tuple[str, ...]] = ()
    per_pixel: ClassVar[bool] = True

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the features that it reads beside the sums."""
        return ()

    @property
    def entries(self) -> Int64 | None:
        """Its table of 256 int8 values, if it has one: back word's field `table`."""
        return None

    def shape(self, shape: Shape) -> Shape:
        """Shape of what it gives for values of `shape`."""
        return shape

    def bounds(self, bounds: tuple[int, int]) -> tuple[int, int]:
        """(smallest, largest) value that it gives for values within `bounds`; zero, the padding, is in."""
        return bounds

    def run(self, values: Int64, features: Mapping[str, Int8]) -> Int64:
        """The reference: values (N, M, H, W), all features by name → values."""
        raise NotImplementedError

    def rounding(self, steps: float) -> float:
        """The coarsest rounding so far, in steps of what it gives; `steps`: before it, of what it takes."""
        return steps

    def problems(self, shape: Shape, shapes: Mapping[str, Shape]) -> Iterator[Problem]:
        """What no configuration can run, for values of `shape` and features of `shapes`."""
        return iter(())

    def fields(self, address: Callable[[str], int]) -> dict[str, int]:
        """Its fields of the back word, those of `sets`; `address` gives the first word of a feature."""
        return {}


def order_problems(epilogue: tuple[IntegerOperation, ...]) -> Iterator[Problem]:
    """What no hardware runs: another order than that of `Stage`, a stage twice, no requantisation."""
    stages = [operation.stage for operation in epilogue]
    if stages[:1] != [Stage.REQUANTISE] or any(b <= a for a, b in pairwise(stages)):
        found = ", ".join(type(operation).__name__ for operation in epilogue) or "nothing"
        legal = ", ".join(stage.name for stage in Stage)
        yield f"the epilogue {found}", f"{legal}, each at most once and in this order, the first always"


def shape_problems(what: str, values: np.ndarray, shape: tuple[int, ...]) -> Iterator[Problem]:
    """An array of another shape than `shape`."""
    if values.shape != shape:
        yield f"{what} of shape {values.shape}", f"{shape}"


def number_problems(high: int, **numbers: int) -> Iterator[Problem]:
    """Numbers of an operation, by name, that are outside 0…high."""
    for name, value in numbers.items():
        if not 0 <= value <= high:
            yield f"{name} = {value}", f"0…{high}"


def range_problems(what: str, values: np.ndarray, low: int, high: int) -> Iterator[Problem]:
    """An array with a value outside low…high."""
    if values.size and (values.min() < low or values.max() > high):
        yield f"{what} in {values.min()}…{values.max()}", f"{low}…{high}"
