"""What users and importer know of an operation, and where its floats and integers stand."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from golden.graph.operations.floats import FloatOperation
from golden.graph.operations.integers import IntegerOperation, Problem, Shape, Stage

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
    torch: gives the module classes, functions and names of methods that mean it; loads torch.
    inner: gives the project's own module classes that mean it, which a front end makes and no user writes.
    limits: what of it is legal, in words; the functions below and `integers` hold to them.
    cost: what it costs on the array.
    integers: the operation of the epilogue that it becomes, or is folded into.
    floats: the operation of an imported layer's epilogue.
    convolution: makes the product that a layer begins with, a
        `golden.graph.operations.convolution.FloatConvolution`, from a module and the shape before it.
    imported: makes `floats` from a module, if it is one, and the features that are read beside the sums.
    anywhere: it computes nothing and may stand between any two others.
    joins: it takes two tensors; the layer of the deeper branch does it, and reads the other one.
    concatenates: it takes any number of tensors, side by side.
    again: it may come twice in a row, as the second one changes nothing.
    otherwise: what it is where `check_shapes` finds problems.
    check: problems of a module of it.
    check_shapes: problems of one use, from the shapes (N, …) before and after.
    """

    name: str
    called: str
    says: str
    torch: Callable[[], tuple[Any, ...]]
    limits: str
    cost: str
    inner: Callable[[], tuple[Any, ...]] = tuple
    integers: type[IntegerOperation] | None = None
    floats: type[FloatOperation] | None = None
    convolution: Callable[[Any, Shape], Any] | None = None
    imported: Callable[[Any, tuple[str, ...]], FloatOperation] | None = None
    anywhere: bool = False
    joins: bool = False
    concatenates: bool = False
    again: bool = False
    otherwise: "Operation | None" = None
    check: Callable[[Any], Iterator[Problem]] = _fine
    check_shapes: Callable[[tuple[int, ...], tuple[int, ...]], Iterator[Problem]] = _fine

    @property
    def product(self) -> bool:
        """Whether a layer begins with it."""
        return self.convolution is not None

    @property
    def passes(self) -> bool:
        """Whether what it gives is the feature that it takes."""
        return not self.product and self.stage is None and not self.concatenates

    @property
    def sets(self) -> tuple[str, ...]:
        """Fields of the back word that are its own."""
        return () if self.integers is None else self.integers.sets

    @property
    def stage(self) -> Stage | None:
        """Where in an epilogue it stands, if it does."""
        return None if self.integers is None else self.integers.stage
