"""What the comparison with the reference network and the float networks says: text, metrics, verdict."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flows.base.metrics import Metric, percent, table
from golden.fidelity import NO_FLOATS, Bounds, Distances, NoReferenceError
from golden.machine.result import Result
from golden.numerics.late import present
from golden.spec.program import Program
from sim.checks.fidelity import Fidelity, fidelity

NO_TORCH = "torch is missing, which the float networks run in: install it with pip install torch"


@dataclass(frozen=True)
class Checked:
    """The outcome of `check`.

    Parameters
    ----------
    found: None where the program has no reference network.
    faults: what is not as it should be, or could not be compared; empty if all is well.
    text: for people; faults included.
    """

    found: Fidelity | None
    faults: tuple[str, ...]
    text: str


def check(
    program: Program, images: npt.NDArray[np.float32], golden: Result, bounds: Bounds | None = None
) -> Checked:
    """The golden machine's result beside the program's reference network and float networks.

    What a program lacks for a comparison that is demanded is a fault, named in the text: nothing that
    was not compared passes. Where torch is missing, floats cannot run: the text says so, and it is a
    fault where other bounds than `Bounds()` are asked for. Parameters and errors as for
    `sim.checks.fidelity.fidelity`.
    """
    bounds = bounds or Bounds()
    try:
        found = fidelity(program, images, golden)
    except NoReferenceError as error:
        return Checked(None, (str(error),), f"NOT COMPARED: {error}")
    faults = found.faults(bounds)
    lines = fidelity_lines(found)
    if found.distances is None:
        lacking = NO_FLOATS if present() else NO_TORCH
        if bounds.demand and (lacking == NO_FLOATS or bounds != Bounds()):
            faults += (lacking,)
        else:
            lines.append(f"NOT COMPARED: {lacking}")
    return Checked(found, faults, "\n".join([*lines, *(f"FAILED: {fault}" for fault in faults)]))


def fidelity_lines(found: Fidelity) -> list[str]:
    """What was compared, and a table of the tensors."""
    lines = [
        f"golden machine against the reference network: {found.compared:,} values, "
        f"{found.mismatches:,} mismatches"
    ]
    if found.distances is not None:
        lines += ["", distance_table(found.distances), "", changed_line(found.distances)]
        if found.distances.clipped > 0:
            lines.append(f"inputs beyond the range of int8: {percent(found.distances.clipped)}")
    return lines


def distance_table(distances: Distances) -> str:
    """One line for each tensor: the integers times their scale against floats."""
    header = ["tensor", "signal to noise", "off by", "saturated", "to the float network"]
    rows = [
        [it.layer, _dB(it.snr), f"{it.steps:.2f} steps", percent(it.saturated), _dB(it.own_snr)]
        for it in distances.tensors
    ]
    return table(header, rows)


def changed_line(distances: Distances) -> str:
    """Labels against those of the user's own network."""
    return (
        f"labels: {distances.changed:,} of {distances.labels:,} ({percent(distances.share)}) are not "
        "those of the float network before compression"
    )


def fidelity_metrics(found: Fidelity | None, where: str) -> list[Metric]:
    """The smallest and largest over the tensors, as far as they were compared; `where` says what ran on
    which images."""
    if found is None:
        return []
    exact = f"{where}, against golden.graph.reference.run_network"
    metrics = [
        Metric("reference.values_compared", found.compared, "1", "more", exact),
        Metric("reference.mismatches", found.mismatches, "1", "less", exact),
    ]
    if found.distances is None:
        return metrics
    tensors, changed = found.distances.tensors, found.distances.share
    own, real = "against the float network before compression", "against the compressed network in floats"
    return [
        *metrics,
        Metric("float.sqnr_db", min(it.own_snr for it in tensors), "dB", "more", f"{where}, {own}, smallest"),
        Metric("float.labels_changed", changed, "1", "less", f"{where}, {own}"),
        Metric(
            "compressed.sqnr_db", min(it.snr for it in tensors), "dB", "more", f"{where}, {real}, smallest"
        ),
        Metric(
            "compressed.steps",
            max(it.steps for it in tensors),
            "1",
            "less",
            f"{where}, {real}, layer by layer",
        ),
        Metric(
            "saturated.largest", max(it.saturated for it in tensors), "1", "less", f"{where}, -128 or 127"
        ),
        Metric("saturated.inputs", found.distances.clipped, "1", "less", f"{where}, beyond int8"),
    ]


def _dB(value: float) -> str:
    return "exact" if value > 200 else f"{value:.1f} dB"
