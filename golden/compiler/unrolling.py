"""Unrolling: engines compute neighbouring outputs of a filter side by side, from the same rows.

Every row goes to all engines, but of a depthwise layer, or one with few filters, few have a use for it. In an
unrolled layer the machine has each filter once for every *phase* of its map: of phases (py, px), that of
(a, b) computes the pixels (y, x) with y mod py = a and x mod px = b. All phases look at one window, what any
of them needs: 6×6 pixels for 16 outputs of a 3×3 kernel, which would fetch 9 each. What a phase leaves out of
it are rows without an entry, and cost its engine nothing.

The machine knows nothing of this. A phase is a filter like others, with words of its own, as the planes of
the map lie in the order of the phases (`golden.spec.tensor.Tensor`): rows inside columns, so that an engine
with some of them has use for rows of pixels from the whole height of the window. What it costs is memory:
entries, terms and filter words of a layer stand there once for each phase.

Dense arrays unroll the loops over output rows and columns in the same way (Ma et al., "Optimizing Loop
Operation and Dataflow in FPGA Acceleration of Deep Convolutional Neural Networks", FPGA 2017).
"""

from dataclasses import replace

import numpy as np

from golden.datapath.entries import Entries
from golden.graph.operations.window import Window


def shared_positions(window: Window, phases: tuple[int, int]) -> list[tuple[int, int]]:
    """(row, column) of all that some phase looks at, counted as `Window.positions` for the first phase;
    in order of rows, then columns."""
    return sorted({place for places in _places(window, phases) for place in places})


def _places(window: Window, phases: tuple[int, int]) -> list[list[tuple[int, int]]]:
    """What each phase looks at, in the order of phases."""
    (rows, columns), (down, across) = phases, window.stride
    return [
        [(row + a * down, column + b * across) for row, column in window.positions]
        for b in range(columns)
        for a in range(rows)
    ]


def unrolled(entries: Entries, window: Window, phases: tuple[int, int], spare: int = 0) -> Entries:
    """The entries of all phases; filter f of phase (a, b) is filter f·(py·px + spare) + b·py + a.

    Parameters
    ----------
    entries: of a layer without a basis, one unit a filter, whose rows count the positions of the window.
    spare: filters without entries behind the phases of each filter, so that rounds begin with a filter.
    """
    if phases == (1, 1):
        return entries
    each, taps = _places(window, phases), len(window.positions)
    real, count = len(each), len(each) + spare
    number = {place: it for it, place in enumerate(shared_positions(window, phases))}
    seen = np.array([[number[place] for place in places] for places in each])
    channel, tap = np.divmod(entries.row, taps)
    # The digits of a weight stay in their order.
    phase = np.repeat(np.arange(real), len(tap))
    return replace(
        entries,
        units=entries.units * count,
        unit=(entries.unit[None] * count + np.arange(real)[:, None]).reshape(-1),
        slot=np.tile(entries.slot, real),
        row=np.tile(channel, real) * len(number) + seen[phase, np.tile(tap, real)],
        value=np.tile(entries.value, real),
        terms=np.repeat(entries.terms, count, axis=0),
    )
