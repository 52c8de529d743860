"""What learns where memory is short: by what each part is worth on held-out images, for a byte."""

from dataclasses import dataclass, replace

import torch
from torch.nn.functional import cross_entropy

from golden.learning.infer import logits
from golden.learning.loop import Plan, settle, train
from golden.learning.memory import step_memory
from golden.learning.network import Network
from golden.learning.scheme import LayerScheme, Scheme, head_only
from golden.learning.state import State
from golden.progress import Progress, silent
from golden.spec.learning import PARAMETER_FRACTION, LearningError
from golden.workloads.loop import Labelled

SHARES = (0.25, 0.5, 1.0)
"""Of a layer's input channels whose codes may learn."""
LEAST = 1e-4
"""Nats: a part that gains less is left out."""


@dataclass(frozen=True)
class Part:
    """One layer's norm (share 0) or the codes of a share of its input channels, and what they gained."""

    layer: int
    share: float
    gain: float


@dataclass(frozen=True)
class Choice:
    """The scheme, the bytes of its steps, and why, a line each."""

    scheme: Scheme
    size: int
    reasons: tuple[str, ...]


def held_loss(network: Network, state: State, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Cross-entropy in nats of inference."""
    found = torch.cat([logits(network, state, part) for part in images.split(500)])
    return float(cross_entropy(found * 2.0**-PARAMETER_FRACTION, labels))


def sensitivity(
    network: Network,
    state: State,
    train_data: Labelled,
    held: Labelled,
    plan: Plan,
    steps: int,
    progress: Progress = silent,
) -> tuple[Part, ...]:
    """What each layer's norm, and its codes, gain on held-out images when they learn with the head alone.

    Parameters
    ----------
    train_data, held: images int8.  steps: of each trial.
    """

    def after(scheme: Scheme) -> float:
        learnt = train(network, start, train_data.images, train_data.labels, plan, scheme=scheme, stop=steps)
        return held_loss(network, learnt, held.images, held.labels)

    base = head_only(network)
    # Once for all: the exponents have far to go from where a state begins.
    first = plan.batch_at(0, len(train_data.labels))
    start = settle(network, state, train_data.images[first], train_data.labels[first])
    without, found = after(base), []
    for index, layer in enumerate(network.layers):
        progress(f"layer {layer.name}", index / len(network.layers))
        channels = network.shape(layer.source)[0]
        norm = after(_with(base, index, LayerScheme(norm=True)))
        codes = after(_with(base, index, LayerScheme(channels)))
        found.append(Part(index, 0.0, without - norm))
        # A share of the channels is taken to gain that share.
        found += [Part(index, share, share * (without - codes)) for share in SHARES]
    return tuple(found)


def _with(scheme: Scheme, index: int, layer: LayerScheme) -> Scheme:
    layers = list(scheme.layers)
    layers[index] = layer
    return replace(scheme, layers=tuple(layers))


def choose(network: Network, state: State, parts: tuple[Part, ...], images: int, memory: int) -> Choice:
    """The head, and what gains most for a byte, part by part, as long as the step fits `memory` bytes.

    Raises LearningError where not even the head fits.
    """
    scheme = head_only(network)
    size = step_memory(network, state, scheme, images)[1].size
    if size > memory:
        raise LearningError(f"memory of {memory} bytes: the head alone takes {size}; legal: at least {size}")
    reasons = [f"head: {size} bytes"]
    gained: dict[tuple[int, bool], float] = {}
    while True:
        tried = []
        for part in parts:
            more = part.gain - gained.get((part.layer, part.share > 0), 0.0)
            if more < LEAST:
                continue
            larger = _grown(network, scheme, part)
            needs = step_memory(network, state, larger, images)[1].size
            if needs <= memory:
                tried.append((more / max(needs - size, 1), part, larger, needs))
        if not tried:
            return Choice(scheme, size, tuple(reasons))
        _, part, scheme, needs = max(tried, key=lambda it: it[0])
        gained[part.layer, part.share > 0] = part.gain
        what = f"codes of {part.share:.0%} of the channels" if part.share else "gamma and beta"
        name = network.layers[part.layer].name
        reasons.append(f"{name}: {what}, {part.gain:.4f} nats, {needs - size} bytes more")
        size = needs


def _grown(network: Network, scheme: Scheme, part: Part) -> Scheme:
    now = scheme.layers[part.layer]
    if not part.share:
        return _with(scheme, part.layer, replace(now, norm=True))
    channels = max(1, round(part.share * network.shape(network.layers[part.layer].source)[0]))
    return _with(scheme, part.layer, replace(now, channels=channels))
