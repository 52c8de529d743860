"""The Pareto front of points."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def pareto_front(costs: Sequence[Sequence[float]]) -> npt.NDArray[np.bool_]:
    """Which points no other point beats.

    A point is beaten by one that is nowhere worse and somewhere better. Equal points do not beat each
    other.

    Parameters
    ----------
    costs: points × costs; less is better.
    """
    values = np.asarray(costs, np.float64)
    on_front = np.ones(len(values), bool)
    for number, value in enumerate(values):
        beaten = (values <= value).all(axis=1) & (values < value).any(axis=1)
        on_front[number] = not beaten.any()
    return on_front
