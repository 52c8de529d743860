"""The same operation in floats, and its way from there to integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from golden.graph.operations.integers import IntegerOperation
from golden.numerics.grids import best_grid
from golden.numerics.late import torch


class QuantizedOperation:
    """The same operation in re-training, on whole numbers as floats, with the numbers that were chosen for it
    on sample images; the children are frozen dataclasses of them. Rounding passes gradients."""

    def scale(self, scale: float) -> float:
        """The worth of a step of what it gives; `scale`: of what it takes."""
        return scale

    def run(self, values: torch.Tensor, features: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Values (N, M, H, W), whole numbers; what is read beside them, in real units, by name → values.

        In float64 every value equals that of `integers`.
        """
        raise NotImplementedError

    def integers(self) -> IntegerOperation:
        """What the machine does."""
        raise NotImplementedError


@dataclass(frozen=True)
class Sample:
    """Values of sample images on their way through an epilogue, in real units.

    Parameters
    ----------
    values: (N, M, H, W).
    least: exponent; their steps may be worth no less than 2**least.
    dead: exponent of their steps if all of them are zero.
    fixed: exponent of their steps, if it has been chosen.
    wanted: exponent of the steps of what the whole epilogue gives, if tensors beside it ask for it.
    """

    values: torch.Tensor
    least: int
    dead: int
    fixed: float | None = None
    wanted: float | None = None

    @property
    def grid(self) -> float:
        """The best exponent of their steps."""
        if self.fixed is not None:
            return self.fixed
        return max(best_grid(self.values, self.dead), self.least)

    @property
    def last(self) -> float:
        """The exponent of their steps if nothing changes them any more."""
        return self.grid if self.wanted is None else max(self.wanted, self.least)


Chosen = tuple[float, tuple[QuantizedOperation, ...]]
"""(exponent of the steps of the values that an epilogue takes, its operations with their numbers).

The exponent is whole wherever a tensor may be added.
"""


class FloatOperation:
    """The same operation in floats, as the user's network has it; the children are frozen dataclasses.

    Parameters
    ----------
    folded: in integers nothing of it is left behind the sums: it is in their weights and biases.
    power_of_two: a step of what it gives is worth a power of two, so that another tensor can be aligned with
        it.
    """

    folded: ClassVar[bool] = False
    power_of_two: ClassVar[bool] = True

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the features that it reads beside the sums."""
        return ()

    def run(self, values: torch.Tensor, features: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Values (N, M, H, W), all features by name → values, as in eval mode."""
        raise NotImplementedError

    @property
    def compressible(self) -> bool:
        """Whether it says what becomes of it in integers."""
        own = type(self)
        return own.folded or not (
            own.quantise is FloatOperation.quantise or own.blank is FloatOperation.blank
        )

    def quantise(
        self,
        sample: Sample,
        features: Mapping[str, tuple[torch.Tensor, float]],
        after: Callable[[Sample], Chosen],
    ) -> Chosen:
        """The steps of what it takes and all numbers from here to the end of the epilogue.

        Parameters
        ----------
        sample: what it takes. One that gives values of the steps that it takes lets those behind it choose,
            by what it gives; one that rounds chooses for itself, and asks for coarser steps where its shifts
            do not reach finer ones.
        features: what is read beside, by name: real values, and the worth of a step.
        after: chooses likewise for the operations behind it, from what it gives.
        """
        raise NotImplementedError

    def blank(self) -> IntegerOperation:
        """The operation in integers with numbers of zero: for what depends on shapes alone."""
        raise NotImplementedError
