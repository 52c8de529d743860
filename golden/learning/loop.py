"""Training for epochs: order of the images, rates along a cosine, progress, and where it may be cut."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from golden.learning.network import Network
from golden.learning.regrow import due, regrown
from golden.learning.scheme import Scheme, everything
from golden.learning.state import State
from golden.learning.step import Report, step
from golden.learning.update import STILL, Rates
from golden.progress import Progress, silent
from golden.spec.learning import LearningError

_LOWEST_FACTOR = 2.0**-7


@dataclass(frozen=True)
class Plan:
    """What is trained how long. Two runs of one plan, one network and one state are alike bit for bit.

    Parameters
    ----------
    epochs: at least 1.  batch: images of a step, at least 1; a last part that is smaller is left out.
    seed: of the order of the images.
    code_rate: L at the start.  plain_rate: in units of 2^−8, at the start.
    regrow: share of a filter's kept codes whose places change at first, 0…1; 0: masks stay.
    """

    epochs: int
    batch: int = 32
    seed: int = 0
    code_rate: int = -2
    plain_rate: int = 128
    regrow: float = 0.0

    def __post_init__(self) -> None:
        for name, low in (("epochs", 1), ("batch", 1), ("seed", 0)):
            if getattr(self, name) < low:
                raise LearningError(f"plan field {name!r} = {getattr(self, name)}; legal: {low} or more")
        if not 0 <= self.regrow <= 1:
            raise LearningError(f"plan field 'regrow' = {self.regrow}; legal: 0…1")
        Rates(self.code_rate, self.plain_rate)

    def steps(self, images: int) -> int:
        """Steps of an epoch. Raises LearningError where the images do not fill one batch."""
        if images < self.batch:
            raise LearningError(f"{images} images; legal: at least one batch of {self.batch}")
        return images // self.batch

    def rates(self, done: float) -> Rates:
        """Of the step at which a share `done` of all steps is done: a cosine, for codes in powers of two."""
        factor = max((1 + math.cos(math.pi * done)) / 2, _LOWEST_FACTOR)
        return Rates(self.code_rate + round(math.log2(factor)), round(self.plain_rate * factor))

    def batch_at(self, number: int, images: int) -> torch.Tensor:
        """Which images step `number` (from 0 on over all epochs) takes, int64 (batch,)."""
        epoch, place = divmod(number, self.steps(images))
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
        order = torch.randperm(images, generator=generator)
        return order[place * self.batch : (place + 1) * self.batch]


Step = Callable[[Network, State, torch.Tensor, torch.Tensor, Rates, Scheme | None], tuple[State, Report]]
"""What does a step: `golden.learning.step`, or what stands beside it in a comparison."""


def settle(
    network: Network,
    state: State,
    images: torch.Tensor,
    labels: torch.Tensor,
    scheme: Scheme | None = None,
    rounds: int = 64,
    by: Step = step,
) -> State:
    """Steps of rate zero on one batch until no exponent moves any more, at most `rounds`.

    Exponents move by one a step; a training that begins with wrong ones would move codes by noise.
    """
    for _ in range(rounds):
        following, _ = by(network, state, images, labels, STILL, scheme)
        following = replace(following, steps=state.steps)
        still = _exponents(following) == _exponents(state)
        state = following
        if still:
            break
    return state


def _exponents(state: State) -> list[int]:
    layers = [(it.activation, it.map_error, it.error, it.gradient) for it in state.layers]
    head = state.head
    return [*(each for layer in layers for each in layer), head.activation, head.map_error, head.error]


def train(
    network: Network,
    state: State,
    images: torch.Tensor,
    labels: torch.Tensor,
    plan: Plan,
    progress: Progress = silent,
    *,
    scheme: Scheme | None = None,
    stop: int | None = None,
    after: Callable[[State, Report], None] | None = None,
    by: Step = step,
) -> State:
    """Goes on from `state.steps` to the end of the plan, or to step `stop`.

    Parameters
    ----------
    images: int8 (M, C, H, W).  labels: int64 (M,).
    scheme: what learns; None: everything.  after: called after each step.  by: what does a step.

    A state of no steps is settled on the first batch. As the order depends on plan and step alone, a
    training that was cut and goes on from its checkpoint ends with the same bits.
    """
    total = plan.epochs * plan.steps(len(images))
    if state.steps == 0:
        chosen = plan.batch_at(0, len(images))
        state = settle(network, state, images[chosen], labels[chosen], scheme, by=by)
    for number in range(state.steps, total if stop is None else min(stop, total)):
        if plan.regrow and due(number, number / total):
            learns = scheme or everything(network)
            state = regrown(network, state, learns, plan.regrow, number / total, plan.seed)
        chosen = plan.batch_at(number, len(images))
        rates = plan.rates(number / total)
        state, report = by(network, state, images[chosen], labels[chosen], rates, scheme)
        progress(f"step {number + 1} of {total}: loss {report.loss:.3f}", (number + 1) / total)
        if after is not None:
            after(state, report)
    return state
