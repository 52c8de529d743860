"""From runs of a program to metrics and tables; pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flows.base.metrics import Metric, percent, table
from golden.cycles.bounds import cycle_bound, dense_cycles
from golden.machine.result import Result
from golden.spec.program import Program


@dataclass(frozen=True)
class LayerUse:
    """How one layer used the array.

    Parameters
    ----------
    cycles: between the ends of the layer before and this one; layers overlap, so this is what the
        layer added to the run.
    bound: the fewest that it could take.
    utilisation: shift-adds ÷ (shift-adders × cycles).
    """

    path: str
    fold: str
    kept: int
    weights: int
    cycles: int
    bound: float
    utilisation: float


def label_accuracy(logits: npt.NDArray[np.int8], labels: npt.NDArray[np.int64]) -> float:
    """Fraction of images whose largest logit is their label; the first of equal logits counts.

    Parameters
    ----------
    logits: int8 (N, classes, 1, 1).
    """
    return float((logits.reshape(len(logits), -1).argmax(1) == labels).mean())


def layer_use(program: Program, result: Result) -> list[LayerUse]:
    """How the layers of the first image used the array; the last one ends with the run."""
    bounds = dict(cycle_bound(program).layers)
    ends = [result.last_write[layer.output][0] for layer in program.layers]
    ends[-1] = result.cycles[0]
    uses = []
    for layer, start, end in zip(program.layers, [0, *ends], ends, strict=False):
        cycles = end - start
        adds = layer.steps * layer.output_pixels
        uses.append(
            LayerUse(
                path=layer.path,
                fold=layer.fold,
                kept=layer.kept,
                weights=layer.weights,
                cycles=cycles,
                bound=bounds[layer.path],
                utilisation=adds / (program.config.adders * cycles),
            )
        )
    return uses


def bits_each(program: Program) -> float:
    """Bits of the program's memories for each weight: indexes, bases, biases, plain layers included."""
    return sum(layer.weight_bits for layer in program.layers) / sum(layer.weights for layer in program.layers)


def cycle_metrics(program: Program, plain: Result, skipping: Result, no_basis: int) -> list[Metric]:
    """What a run costs.

    Parameters
    ----------
    plain, skipping: the RTL without and with skipping of zero rows.
    no_basis: cycles of the program of the same network without a basis.
    """
    config = program.config
    where = f"{plain.backend}, configuration {config.name} {config.digest:08x}, {len(plain.cycles)} images"
    bound, dense = cycle_bound(program).total, dense_cycles(program)
    skipped = float(np.mean(skipping.cycles))
    cycles = plain.cycles[0]
    return [
        Metric("cycles.per_image", cycles, "cycles", "less", f"{where}, zero rows not skipped"),
        Metric("cycles.per_image_skipping", skipped, "cycles", "less", f"{where}, mean, zero rows skipped"),
        Metric("cycles.per_image_no_basis", no_basis, "cycles", "less", f"{where}, no basis, no skipping"),
        Metric("cycles.bound", bound, "cycles", "neither", "golden.cycles.bounds.cycle_bound"),
        Metric("cycles.dense", dense, "cycles", "neither", "golden.cycles.bounds.dense_cycles"),
        Metric("cycles.over_bound", cycles / bound, "1", "less", "cycles.per_image / cycles.bound"),
        Metric("cycles.speedup", dense / cycles, "1", "more", "cycles.dense / cycles.per_image"),
        Metric("cycles.speedup_no_basis", dense / no_basis, "1", "more", "cycles.dense / per_image_no_basis"),
        Metric("cycles.load", plain.load_cycles, "cycles", "less", f"{where}, loading one image"),
        Metric(
            "cycles.latency",
            cycles + plain.load_cycles,
            "cycles",
            "less",
            "cycles.per_image + cycles.load",
        ),
    ]


def accuracy_table(rows: Mapping[str, Sequence[object]]) -> str:
    """Name → accuracy, kept fraction, bits per weight, cycles per image, ideal dense ÷ cycles."""
    return table(
        ["network", "accuracy", "kept", "bits a weight", "cycles", "dense / cycles"],
        [[name, *row] for name, row in rows.items()],
    )


def layer_table(uses: Sequence[LayerUse]) -> str:
    """One line for each layer."""
    return table(
        ["layer", "fold", "kept", "weights", "bound", "cycles", "utilisation"],
        [
            [
                use.path,
                use.fold,
                use.kept,
                use.weights,
                f"{use.bound:.0f}",
                use.cycles,
                percent(use.utilisation),
            ]
            for use in uses
        ],
    )
