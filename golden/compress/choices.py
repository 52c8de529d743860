"""Densities of all layers that are best for what they cost.

Each layer's density follows from its measured sensitivity: of all choices with the same cost the one that
changes the output least, taking the layers' changes as independent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from golden.compress.sensitivity import Sensitivity

FINER = 6
"""Densities that are chosen from, for each step between two that were tried."""

_HALVINGS = 40
"""Of the price of a cycle, or of a bit, until the choice does not change any more."""


@dataclass(frozen=True)
class Choice:
    """Densities with what they cost as an estimate, and what they change as a sum of single changes."""

    densities: Mapping[str, float]
    cost: float


class Choices:
    """All choices that are best for what they cost, from the cheapest to the dearest."""

    def __init__(self, found: Mapping[str, Sensitivity], cost: Callable[[str, float], float]) -> None:
        self._found = {path: it.finer(FINER) for path, it in found.items()}
        self._cost = cost
        self._costs = {path: [cost(path, it) for it in of.densities] for path, of in self._found.items()}

    def at(self, price: float) -> Choice:
        """The choice that makes change + price · cost least."""
        densities, total = {}, 0.0
        for path, of in self._found.items():
            costs = self._costs[path]
            # Of equally good ones the densest: a layer that waits for its fetch keeps more for nothing.
            best = min(
                range(len(costs)),
                key=lambda it: (of.losses[it] + price * costs[it], costs[it], -of.densities[it]),
            )
            densities[path] = of.densities[best]
            total += costs[best]
        return Choice(densities, total)

    def within(self, cost: float) -> Choice:
        """The dearest choice of at most `cost`; the cheapest of all if none is."""
        low, high = 0.0, 1e12
        if self.at(low).cost <= cost:
            return self.at(low)
        for _ in range(_HALVINGS):
            # Prices differ by many powers of ten.
            middle = (max(low, 1e-12) * high) ** 0.5
            if self.at(middle).cost <= cost:
                high = middle
            else:
                low = middle
        return self.at(high)

    def uniform(self, density: float) -> float:
        """The cost of this density in every layer."""
        return sum(self._cost(path, density) for path in self._found)
