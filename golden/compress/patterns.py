"""The table that decides the default: patterns of zeros × densities × basis or none."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from golden.compress import CompressionPlan, default_plan, no_basis_plan
from golden.compress.plan import SHARED
from golden.graph.floats import FloatGraph
from golden.spec.config import SMALL, Config
from golden.spec.formats import BASIS


@dataclass(frozen=True)
class Pattern:
    """One row of the table.

    Parameters
    ----------
    basis: SmartDeal's folding with a basis, or power-of-two coefficients alone.
    pattern, shared: see `golden.compress.LayerPlan`; a row of a group of S filters always serves
        all S, so with a basis `shared` below 2·S changes nothing there.
    density: of the layers between the first and the last.
    """

    basis: bool
    pattern: str
    shared: int
    density: float

    def __str__(self) -> str:
        filters = max(1, self.shared // BASIS) * BASIS if self.basis else self.shared
        zeros = "elements" if self.pattern == "elements" else f"rows of {filters}"
        return f"{'basis' if self.basis else 'no basis'}, {zeros}, {self.density:.2f}"


def patterns(densities: tuple[float, ...] = (0.15, 0.2, 0.3)) -> Iterator[Pattern]:
    """All rows: elements, and masks of rows, with and without a basis.

    With a basis the filters of a group share the rows of Ce, so masks serve 3 or 6 filters; without
    one they serve 2, 4 or 8 (a row of one filter is one coefficient: the elements' row).
    """
    for basis in (True, False):
        for density in densities:
            yield Pattern(basis, "elements", 1, density)
            for shared in (1, SHARED[-1]) if basis else SHARED[1:]:
                yield Pattern(basis, "rows", shared, density)


def pattern_plan(graph: FloatGraph, pattern: Pattern, config: Config = SMALL) -> CompressionPlan:
    """The plan of a row: the first and the last layer as always, the others with its zeros.

    Parameters
    ----------
    config: the accelerator whose cycles decide how layers are folded.
    """
    if pattern.basis:
        plan = default_plan(graph, pattern.density, config)
    else:
        plan = no_basis_plan(graph, pattern.density)
    ends = {graph.layers[0].path, graph.layers[-1].path}
    layers = {
        layer.path: plan.of(layer.path)
        if layer.path in ends
        else replace(plan.of(layer.path), pattern=pattern.pattern, shared=pattern.shared)
        for layer in graph.layers
    }
    return CompressionPlan(layers, plan.default)
