"""What a step of training takes on the device, by the cycle model and the count of energies; no RTL.

Networks have weights and images at random: every row counts, those of zeros too.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from flows.base.energy import TABLE
from flows.base.kept import code, digest, kept
from flows.base.metrics import Metric, table
from flows.base.progress import step
from flows.learn.energy import (
    PARTS,
    Split,
    device_weights,
    float_weight_energy,
    int8_weights,
    layer_works,
    step_energy,
    weight_energy,
)
from golden.device.plan import plan_step
from golden.device.timing import step_timing
from golden.learning import Layer, Network, fresh_state, residual_network
from golden.learning.update import Rates
from golden.spec.config import SMALL_LEARNING, Config
from golden.spec.learning import INT8_LARGEST

LARGE = replace(
    SMALL_LEARNING,
    name="small-learning-large",
    feature_words=65536,
    coefficient_words=65536,
    tap_words=65536,
    filter_words=4096,
    instructions=128,
    controller_instructions=16384,
    controller_words=65536,
)
"""SMALL's array with memories as deep as their addresses reach."""


@dataclass(frozen=True)
class Workload:
    """A step that is measured.

    Parameters
    ----------
    said: what it is.  density: kept codes of all.  bar: cycles of a sample that it must not exceed.
    """

    name: str
    said: str
    make: Callable[[], Network]
    density: float
    images: int
    config: Config
    bar: int | None


def _autoencoder() -> Network:
    """Ten layers on 1×1 maps; 640 → 128 × 4 → 8 → 128 × 4 → 640, and a head of two classes."""
    widths = (*(128,) * 4, 8, *(128,) * 4, 640)
    return Network(
        (640, 1, 1), tuple(Layer(f"fc{number}", number, width, 1) for number, width in enumerate(widths)), 2
    )


WORKLOADS = (
    Workload(
        "digits",
        "the digits network, 24/24/48 channels, a quarter of the weights",
        partial(residual_network, (1, 8, 8), (24, 1), ((24, 1), (48, 2))),
        0.25,
        8,
        SMALL_LEARNING,
        None,
    ),
    Workload(
        "resnet8",
        "MLPerf Tiny's ResNet-8 shape, a fifth of the weights",
        partial(residual_network, (3, 32, 32), (16, 1), ((16, 1), (32, 2), (64, 2))),
        0.2,
        4,
        LARGE,
        150_000,
    ),
    Workload(
        "autoencoder",
        "the layers of MLPerf Tiny's autoencoder, each with LightNorm, a fifth of the weights; two classes "
        "in the place of its squared error, which the device does not have",
        _autoencoder,
        0.2,
        16,
        LARGE,
        6_000,
    ),
)


def step_metrics(folder: Path, workloads: tuple[Workload, ...]) -> list[Metric]:
    """Of all workloads; what was measured with the same code is kept in `folder`."""
    sources = ("golden/cycles", "golden/device", "golden/learning", "golden/machine", "golden/spec")
    measured = code(*sources, "golden/datapath", "flows/learn/energy.py", "flows/learn/steps.py")
    found: list[Metric] = []
    for it in workloads:
        key = digest(measured, it.name, it.said, str(it.images), str(it.config))
        found += kept(folder, f"step-{it.name}", key, partial(_measured, it))
    return found


def _measured(it: Workload) -> Iterator[Metric]:
    network = it.make()
    state = fresh_state(network, 1, it.density)
    rng = np.random.default_rng(1)
    pixels = torch.from_numpy(rng.integers(0, INT8_LARGEST, (it.images, *network.image), np.int8))
    labels = torch.from_numpy(rng.integers(0, network.classes, it.images))
    with step(f"a step of {it.name}, {it.images} images"):
        plan = plan_step(network, state, it.images, it.config)
        timing = step_timing(plan, state, pixels, labels, Rates(-2, 128), skip=False)
    where = f"{it.said}; {it.images} images a step; configuration {it.config.name}"
    source = f"golden.device.timing; {where}"
    yield Metric(f"{it.name}.step_cycles", timing.cycles / it.images, "cycles", "less", source)
    for part, cycles in timing.parts.items():
        yield Metric(f"{it.name}.step_cycles.{part}", cycles / it.images, "cycles", "less", source)
    works = list(layer_works(plan, state))
    device, dense = device_weights(it.config), int8_weights()
    count = timing.instructions
    mine = step_energy(works, it.config, device, dense=False, instructions=count)
    other = step_energy(works, it.config, dense, dense=True, instructions=count)
    counted = f"flows.learn.energy, counts × table of {TABLE.source.partition(':')[0]}; {where}"
    for part in PARTS:
        for name, value in {"": mine[part].total, **_fields(mine[part])}.items():
            full = f"{it.name}.step_energy.{part}{name}"
            yield Metric(full, value / 1000 / it.images, "nJ", "less", counted)
    prefix = "" if it.name == "digits" else f"{it.name}."
    total, whole = sum(mine.values(), Split()), sum(other.values(), Split())
    floats = float_weight_energy(works, it.config), weight_energy(works, it.config, device)
    for name, value in whole.over(total).items():
        said = "dense int8 on the baseline array ÷ device"
        yield Metric(f"{prefix}ratio.energy.dense{name}", value, "1", "more", f"{said}; {counted}")
    resident = replace(whole, dram=0).total / replace(total, dram=0).total
    said = "dense int8 ÷ device where all stays on the chip from step to step"
    yield Metric(f"{prefix}ratio.energy.dense.resident", resident, "1", "more", f"{said}; {counted}")
    for name, value in floats[0].over(floats[1]).items():
        said = "weights, gradients, momentum in FP32 ÷ codes, counters, places, gradients"
        yield Metric(f"{prefix}ratio.storage_energy.fp32{name}", value, "1", "more", f"{said}; {counted}")


def _fields(it: Split) -> dict[str, float]:
    return {f".{name}": value for name, value in asdict(it).items()}


def step_tables(metrics: list[Metric], workloads: tuple[Workload, ...]) -> str:
    """Cycles, energies and ratios as text."""
    values = {metric.name: metric.value for metric in metrics}
    names = list(dict.fromkeys(name.split(".")[2] for name in values if ".step_cycles." in name))
    cycles = [
        [
            it.name,
            str(it.images),
            f"{values[f'{it.name}.step_cycles']:,.0f}",
            f"{it.bar:,}" if it.bar else "",
            *(f"{values[f'{it.name}.step_cycles.{part}']:,.0f}" for part in names),
        ]
        for it in workloads
    ]
    energies = [
        [it.name, part, *(f"{values[f'{it.name}.step_energy.{part}{end}']:,.1f}" for end in _ENDS)]
        for it in workloads
        for part in PARTS
    ]
    ratios = [
        [it.name, title, *(f"{values[name]:.2f}" if name in values else "" for name in _named(it, ratio))]
        for it in workloads
        for ratio, title in _RATIOS.items()
    ]
    ends = ["arithmetic", "on the chip", "DRAM"]
    return "\n\n".join(
        (
            "Cycles of a sample:",
            table(["step", "images", "cycles", "bar", *names], cycles),
            "Energy of a sample, nJ; state comes from DRAM once a step, what may have changed goes back:",
            table(["step", "part", "all", *ends], energies),
            "What the others take ÷ what the device takes:",
            table(["step", "ratio", "all", *ends, "all on the chip"], ratios),
        )
    )


_ENDS = ("", ".arithmetic", ".on_chip", ".dram")
_RATIOS = {
    "ratio.energy.dense": "dense int8 (bar 4.48)",
    "ratio.storage_energy.fp32": "weights in FP32 (bar 10.56)",
}


def _named(it: Workload, ratio: str) -> list[str]:
    prefix = "" if it.name == "digits" else f"{it.name}."
    return [f"{prefix}{ratio}{end}" for end in (*_ENDS, ".resident")]
