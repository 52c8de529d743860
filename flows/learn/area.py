"""What learning costs in area beside inference, and its clock, from what `./run synth` has left."""

from collections.abc import Iterator
from pathlib import Path

from flows.base.metrics import Metric, read_metrics
from flows.synth.area import KINDS

TARGET = "ecp5"
INFERENCE, LEARNING, NORM = (
    f"{TARGET}-{unit}"
    for unit in ("small-accelerator", "small-learning-learning-accelerator", "small-learning-norm-passes")
)
"""Files of the syntheses: SMALL, SMALL_LEARNING, and the LightNorm in it, without the rounder of its results,
which errors take as well."""
ROUTED = f"{TARGET}-small_learning_85k-learning-accelerator"
"""The file of the device that was placed and routed: SMALL_LEARNING's, with memories that fit the part."""
CLOCK_BAR = 75
BARS = {"area.learning_over_inference": 0.4, "area.with_norm_over_inference": 2.0}
_RAM_SITES = KINDS[TARGET].sites["TRELLIS_DPR16X4"]


def area_metrics(folder: Path) -> Iterator[Metric]:
    """Ratios of LUT sites without those of memories; nothing where a synthesis is missing.

    Raises LightDealError for a damaged file.
    """
    paths = [folder / f"{name}.json" for name in (INFERENCE, LEARNING, NORM)]
    if not all(path.is_file() for path in paths):
        return
    inference, learning, norm = (_logic(path) for path in paths)
    source = f"{folder}: LUT sites of {TARGET}, LUT RAMs apart; SMALL's inference {inference:,.0f}"
    for name, value, said in (
        (
            "area.learning_over_inference",
            (learning - norm - inference) / inference,
            f"{learning:,.0f} with training, less LightNorm's {norm:,.0f}, less inference",
        ),
        ("area.with_norm_over_inference", learning / inference, f"{learning:,.0f} with training"),
    ):
        yield Metric(name, value, "1", "less", f"{source}; {said}; bar {BARS[name]}")


def clock_metrics(folder: Path) -> Iterator[Metric]:
    """MHz of the device that learns, placed and routed; nothing where that was not done.

    Raises LightDealError for a damaged file.
    """
    path = folder / f"{ROUTED}.json"
    name = f"{ROUTED.replace('-', '.')}.fmax_mhz"
    if path.is_file() and name in (values := read_metrics(path)):
        found = values[name]
        source = f"{found.source}; bar {CLOCK_BAR}"
        yield Metric("ecp5.learning.fmax_mhz", found.value, "MHz", "more", source)


def missing(folder: Path) -> str:
    """The commands of the syntheses that are not there; "" where all are."""
    commands = {
        INFERENCE: "./run synth --config small",
        LEARNING: "./run synth --config small-learning --unit learning-accelerator",
        NORM: "./run synth --config small-learning --unit norm-passes",
    }
    lacking = [command for name, command in commands.items() if not (folder / f"{name}.json").is_file()]
    return f"Area not measured: `{'; '.join(lacking)}`." if lacking else ""


def _logic(path: Path) -> float:
    """LUT sites without those of memories."""
    prefix = path.stem.replace("-", ".")
    values = {name: metric.value for name, metric in read_metrics(path).items()}
    return values[f"{prefix}.sites"] - _RAM_SITES * values[f"{prefix}.lut_rams"]
