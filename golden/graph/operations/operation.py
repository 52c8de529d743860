"""What every operation says of itself: its words, its limits, its reference, its part of an instruction."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
import torch

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

    def shape(self, shape: Shape) -> Shape:
        """Shape of what it gives for values of `shape`."""
        return shape

    def bounds(self, bounds: tuple[int, int]) -> tuple[int, int]:
        """(smallest, largest) value that it gives for values within `bounds`; zero, the padding, is in."""
        return bounds

    def run(self, values: Int64, features: Mapping[str, Int8]) -> Int64:
        """The reference: values (N, M, H, W), all features by name → values."""
        raise NotImplementedError

    def problems(self, shape: Shape, shapes: Mapping[str, Shape]) -> Iterator[Problem]:
        """What no configuration can run, for values of `shape` and features of `shapes`."""
        return iter(())

    def phase_problems(self, shape: Shape, degree: int) -> Iterator[Problem]:
        """What cannot run on a map that is split into degree × degree phases."""
        return iter(())

    def fields(self, address: Callable[[str], int]) -> dict[str, int]:
        """Its fields of the back word, those of `sets`; `address` gives the first word of a feature."""
        return {}


class FloatOperation:
    """The same operation in floats, as the user's network has it; the children are frozen dataclasses."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the features that it reads beside the sums."""
        return ()

    def run(self, values: torch.Tensor, features: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Values (N, M, H, W), all features by name → values, as in eval mode."""
        raise NotImplementedError


_Kind = TypeVar("_Kind")


def find(epilogue: tuple[Any, ...], kind: type[_Kind]) -> _Kind | None:
    """The operation of that kind in an epilogue, if there is one."""
    return next((operation for operation in epilogue if isinstance(operation, kind)), None)


def _fine(*_: Any) -> Iterator[Problem]:
    return iter(())


@dataclass(frozen=True)
class Operation:
    """What users and importer know of an operation.

    Parameters
    ----------
    name: in errors and tables.
    called: how the list of what is supported calls it.
    says: what it computes and how, in a line.
    torch: module classes, functions and names of methods that mean it.
    limits: what of it is legal, in words; the functions below and `integers` hold to them.
    cost: what it costs on the array.
    integers: the operation of the epilogue that it becomes, or is folded into.
    floats: the operation of an imported layer's epilogue.
    convolution: makes the product that a layer begins with, a
        `golden.graph.operations.convolution.FloatConvolution`, from a module and the shape before it.
    imported: makes `floats` from a module, if it is one, and the features that are read beside the sums.
    once: a module of it may be used in one place only.
    check: problems of a module of it.
    check_shapes: problems of one use, from the shapes (N, …) before and after.
    """

    name: str
    called: str
    says: str
    torch: tuple[Any, ...]
    limits: str
    cost: str
    integers: type[IntegerOperation] | None = None
    floats: type[FloatOperation] | None = None
    convolution: Callable[[Any, Shape], Any] | None = None
    imported: Callable[[Any, tuple[str, ...]], FloatOperation] | None = None
    once: bool = False
    check: Callable[[Any], Iterator[Problem]] = _fine
    check_shapes: Callable[[tuple[int, ...], tuple[int, ...]], Iterator[Problem]] = _fine

    @property
    def product(self) -> bool:
        """Whether a layer begins with it."""
        return self.convolution is not None

    @property
    def sets(self) -> tuple[str, ...]:
        """Fields of the back word that are its own."""
        return () if self.integers is None else self.integers.sets

    @property
    def stage(self) -> Stage | None:
        """Where in an epilogue it stands, if it does."""
        return None if self.integers is None else self.integers.stage


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


def range_problems(what: str, values: np.ndarray, low: int, high: int) -> Iterator[Problem]:
    """An array with a value outside low…high."""
    if values.size and (values.min() < low or values.max() > high):
        yield f"{what} in {values.min()}…{values.max()}", f"{low}…{high}"
