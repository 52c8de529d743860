"""Masks that change: small codes go, others begin at places that were empty. Docs/learning.md, section 16."""

import math
from dataclasses import replace

import numpy as np
import torch

from golden.learning.network import Network
from golden.learning.scheme import Scheme
from golden.learning.state import LayerState, State

EVERY = 50
"""Steps between two changes."""
UNTIL = 0.75
"""Share of a training after which masks stay."""
START = 4
"""What a new code begins at, with a random sign: a quarter of the rms, so that few moves make it count."""


def due(number: int, done: float) -> bool:
    """Whether masks change before step `number` (from 0 on), at which a share `done` of all steps is done."""
    return number > 0 and number % EVERY == 0 and done <= UNTIL


def regrown(network: Network, state: State, scheme: Scheme, share: float, done: float, seed: int) -> State:
    """In each filter a share of the kept codes, falling along a cosine, goes for as many at empty places.

    Parameters
    ----------
    share: at the start.  done: as for `due`.  seed: of places and signs, with the step.

    The number of kept codes of a filter stays, and so does all that does not learn. The host does this
    between two steps: streams are made anew.
    """
    falling = share * (1 + math.cos(math.pi * done / UNTIL)) / 2
    rng = np.random.default_rng([seed, state.steps])
    layers = [
        _layer(it, learns.channels, falling, rng) if learns.channels else it
        for it, learns in zip(state.layers, scheme.layers, strict=True)
    ]
    return replace(state, layers=tuple(layers))


def _layer(it: LayerState, channels: int, share: float, rng: np.random.Generator) -> LayerState:
    shape = it.codes[:, :channels].shape
    codes, mask, counters = (
        getattr(it, name)[:, :channels].flatten(1).numpy().copy() for name in ("codes", "mask", "counters")
    )
    for filter_ in range(len(codes)):
        kept, empty = np.nonzero(mask[filter_])[0], np.nonzero(~mask[filter_])[0]
        count = min(round(len(kept) * share), len(empty))
        gone = kept[_smallest(codes[filter_, kept], counters[filter_, kept])[:count]]
        come = rng.choice(empty, count, replace=False)
        signs = rng.choice(np.array([-1, 1], np.int8), count)
        mask[filter_, gone], mask[filter_, come] = False, True
        codes[filter_, gone] = counters[filter_, gone] = counters[filter_, come] = 0
        codes[filter_, come] = START * signs
    found = {"codes": codes, "mask": mask, "counters": counters}
    new = {name: getattr(it, name).clone() for name in found}
    for name, values in found.items():
        new[name][:, :channels] = torch.from_numpy(values).reshape(shape)
    return replace(it, **new)


def _smallest(codes: np.ndarray, counters: np.ndarray) -> np.ndarray:
    """Order of going: smaller codes first; of equal ones those whose counters point inwards most; of
    zeros those with the smallest counters.
    """
    wide, sizes = counters.astype(np.int64), np.abs(codes.astype(np.int64))
    ties = np.where(codes == 0, np.abs(wide), np.sign(codes) * wide)
    return np.lexsort((ties, sizes))
