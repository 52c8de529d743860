"""What a device reports of a step, and the state that the host makes of it."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from golden.device.plan import StepPlan
from golden.device.reports import scalar_value
from golden.learning import norm
from golden.learning.forward import map_exponent
from golden.learning.random import Generators
from golden.learning.state import LayerState, State
from golden.learning.update import Rates, update_norm
from golden.lightnorm.scalars import Scalars
from golden.spec.commands import REPORT_BITS, report_words
from golden.spec.learning import (
    ACTIVATION_EXPONENTS,
    ERROR_EXPONENTS,
    TERM_UNIT,
    moved_gradient,
    moved_scale,
)

Int8 = npt.NDArray[np.int8]


@dataclass(frozen=True)
class NormNumbers:
    """Of one direction of a layer's norm.

    Parameters
    ----------
    saturated, large: counts of the map that was written.
    first, second: of each channel mean and spread, or dβ and dγ in the unit of dy.
    """

    saturated: int
    large: int
    first: Scalars
    second: Scalars


class StepNumbers:
    """The numbers of a step by what they are; `report`: int8 (words, lanes)."""

    def __init__(self, plan: StepPlan, report: Int8) -> None:
        self._plan = plan
        each = report_words(plan.config.lanes)
        size = REPORT_BITS // 8
        rows = report.view(np.uint8).reshape(-1, each * plan.config.lanes)[:, :size]
        self._numbers = [int.from_bytes(row.tobytes(), "little") for row in rows]
        self._each = each

    def _at(self, word: int, count: int) -> list[int]:
        return self._numbers[word // self._each :][:count]

    def norm(self, layer: int, backward: bool) -> NormNumbers:
        """Of a layer's norm."""
        reports = self._plan.reports
        word = (reports.backward if backward else reports.forward)[layer]
        channels = self._plan.network.layers[layer].filters
        saturated, large, *found = self._at(word, 2 + 2 * channels)
        first, second = (_scalars(found[part::2]) for part in range(2))
        return NormNumbers(saturated, large, first, second)

    def errors(self, layer: int) -> tuple[int, int]:
        """Counts of the error pass of a layer: saturated, large."""
        saturated, large = self._at(self._plan.reports.errors[layer], 2)
        return saturated, large

    def update(self, layer: int) -> tuple[int, int]:
        """Σ|gradient| over the layer's kept codes, and how many codes moved."""
        total, moved = self._at(self._plan.reports.updates[layer], 2)
        return total, moved


def _scalars(values: list[int]) -> Scalars:
    pairs = [scalar_value(value) for value in values]
    mantissas, exponents = zip(*pairs, strict=True)
    return Scalars(np.array(mantissas, np.int64), np.array(exponents, np.int64))


def next_layer(
    plan: StepPlan,
    state: State,
    index: int,
    numbers: StepNumbers,
    rates: Rates,
    generators: Generators,
    unit: int,
) -> tuple[LayerState, int]:
    """A layer's state after a step but for its codes and counters, which the device has; codes moved.

    Parameters
    ----------
    unit: exponent of the error of the layer's map.
    """
    network, it = plan.network, state.layers[index]
    layer = network.layers[index]
    there, back = numbers.norm(index, backward=False), numbers.norm(index, backward=True)
    total, moved = numbers.update(index)
    map_error = it.map_error
    values = plan.maps.sums[index].stride * plan.config.lanes
    if network.readers(index + 1):
        map_error = moved_scale(
            map_error, values * layer.filters, *numbers.errors(network.readers(index + 1)[0]), ERROR_EXPONENTS
        )
    gradient_unit = it.error + TERM_UNIT + map_exponent(state, layer.source)
    following = replace(
        it,
        gamma=update_norm(it.gamma, back.second.floats(), unit, rates.plain, generators),
        beta=update_norm(it.beta, back.first.floats(), unit, rates.plain, generators),
        mean=norm.followed(it.mean, there.first, network.share),
        spread=norm.followed(it.spread, there.second, network.share),
        activation=moved_scale(
            it.activation, values * layer.filters, there.saturated, there.large, ACTIVATION_EXPONENTS
        ),
        map_error=map_error,
        error=moved_scale(it.error, values * layer.filters, back.saturated, back.large, ERROR_EXPONENTS),
        gradient=moved_gradient(it.gradient, total, gradient_unit, int(it.mask.sum())),
    )
    return following, moved
