"""`lightdeal learn report`: the table of the rows that were measured, gaps, memory and what a step takes, as
metrics."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from flows.base.files import write_whole
from flows.base.metrics import Metric, read_metrics, table, write_metrics
from flows.base.provenance import is_current
from flows.learn.area import area_metrics, clock_metrics, missing
from flows.learn.commands import DEVICE, DEVICE_ABOUT, TASKS, LearnReport
from flows.learn.pictures import memory_picture
from flows.learn.rows import DEVICE_RULES, RULES, TRAINED, Row, columns, kept_rows
from flows.learn.steps import WORKLOADS, step_metrics, step_tables
from golden.compiler.placement import bound, check_placement
from golden.device.plan import plan_step
from golden.device.used import used_bytes
from golden.learning import (
    LayerScheme,
    Scheme,
    Statistics,
    everything,
    fresh_state,
    last_blocks,
    residual_network,
)
from golden.learning.memory import step_memory
from golden.spec.config import SMALL_LEARNING

NAMES = {
    "classes": "adapt_classes",
    "data": "adapt_data",
    "scratch.digits": "scratch_digits",
    "scratch.fashion-mnist": "scratch",
}
"""Task → name in metrics."""
SAID = {
    "device": "the device's rule",
    "masked": "FP32, same mask",
    "dense": "FP32, dense",
    "regrow": "the device's rule, masks that change",
    "fixed": "the device's rule, masks that stay",
    "masters": "float master weights",
    "truncation": "every rounding cuts",
}
DEVICE_BATCHES = (2, 8)
"""Images of the steps whose memories on a device are counted."""
PLANNED = 200
"""Random networks whose memory is planned anew for `planner.worst_ratio`."""


@dataclass(frozen=True)
class Cell:
    """Trainings of one kind at the rate that the first seed chose on held-out images."""

    rows: tuple[Row, ...]

    @property
    def accuracy(self) -> float:
        """Mean on the test images."""
        return float(np.mean([row.accuracy for row in self.rows]))


def report(options: LearnReport) -> str:
    """Writes table.md, memory.svg and metrics.json; returns the tables."""
    rows = kept_rows(options.rows) if options.rows.is_dir() else []
    cells = {
        (task, trained, rule): cell
        for task in TASKS
        for trained in TRAINED
        for rule in RULES
        if (cell := _cell(rows, task, trained, rule)) is not None
    }
    steps = step_metrics(options.out / "steps", WORKLOADS)
    device, said = _device(options)
    parts = (_table(cells), step_tables(steps, WORKLOADS), missing(options.synth), said)
    text = "\n\n".join(part for part in parts if part)
    write_whole(options.out / "table.md", text + "\n")
    built = [*area_metrics(options.synth), *clock_metrics(options.synth)]
    metrics = [*_gaps(cells), *_memory(options), *steps, *built, *device]
    write_metrics(metrics, options.out / "metrics.json")
    lines = [f"{metric.name} = {metric.value:.6g} {metric.unit}" for metric in metrics]
    return "\n".join([text, "", *lines])


def _device(options: LearnReport) -> tuple[list[Metric], str]:
    """What steps on the RTL gave, and a line where they were not run on this code."""
    if is_current(options.out / DEVICE_ABOUT):
        return [*read_metrics(options.out / DEVICE).values()], ""
    return [], "Not run on this code: `./run learn device`."


def _cell(rows: Sequence[Row], task: str, trained: str, rule: str) -> Cell | None:
    """None where nothing was measured; of trainings of several lengths the longest count."""
    found = [row for row in rows if (row.task, row.trained, row.rule) == (task, trained, rule)]
    if not found:
        return None
    longest = max((row.images * row.epochs, row.images) for row in found)
    found = [row for row in found if (row.images * row.epochs, row.images) == longest]
    best = max(found, key=lambda row: (row.seed == 1, row.merit))
    return Cell(tuple(row for row in found if row.kind == best.kind))


Cells = dict[tuple[str, str, str], Cell]


def _gaps(cells: Cells) -> Iterator[Metric]:
    """Distances in points; only those whose both sides were measured."""
    for task, name in NAMES.items():
        for trained, suffix in (("all", ""), ("last", ".last")):
            mine = cells.get((task, trained, "device"))
            for rule, prefix in (("masked", "gap"), ("dense", "gap_dense")):
                other = cells.get((task, trained, rule))
                if mine is None or other is None:
                    continue
                seeds = min(len(mine.rows), len(other.rows))
                length = f"{mine.rows[0].images} images, {mine.rows[0].epochs} epochs"
                source = f"{SAID[rule]} − {SAID['device']}, {length}, {seeds} seeds, test images"
                points = 100 * (other.accuracy - mine.accuracy)
                yield Metric(f"{prefix}.{name}{suffix}", points, "points", "less", source)


def _table(cells: Cells) -> str:
    """The measured cells, and the names of those that are not."""
    lines = [_line(cell) for cell in cells.values()]
    header = ["task", "learns", "rule", "rate", "images × epochs", "seeds", "accuracy, %", "spread"]
    missing = []
    for task in TASKS:
        names = [
            f"{SAID[rule]} ({trained})"
            for trained, rule in columns(task)
            if (task, trained, rule) not in cells
        ]
        if names:
            missing.append(f"Not measured, `./run learn measure {task}`: {'; '.join(names)}.")
    return "\n\n".join([*([table(header, lines)] if lines else []), *missing])


def _line(cell: Cell) -> list[str]:
    first, found = cell.rows[0], [100 * row.accuracy for row in cell.rows]
    # Rates of codes are exponents.
    power = first.rule in DEVICE_RULES and first.rule != "masters"
    rate = f"2^{first.rate:g}" if power else f"{first.rate:g}"
    spread = f"{max(found) - min(found):.2f}" if len(found) > 1 else ""
    return [
        first.task,
        first.trained,
        SAID[first.rule],
        rate,
        f"{first.images} × {first.epochs}",
        str(len(found)),
        f"{np.mean(found):.2f}",
        spread,
    ]


def _memory(options: LearnReport) -> Iterator[Metric]:
    """Planned bytes of the demo network and of the ResNet-8 shape, what a device takes, and the planner over
    random networks."""
    metric = partial(Metric, unit="bytes", better="less")
    demo = residual_network((1, 8, 8), (24, 1), ((24, 1), (48, 2)))
    eight = residual_network((3, 32, 32), (16, 1), ((16, 1), (32, 2), (64, 2)))
    codes = Scheme(tuple(LayerScheme(eight.shape(layer.source)[0]) for layer in eight.layers))
    for name, network, scheme, source in (
        ("demo", demo, last_blocks(demo, 2), "DigitsNet's shape, last two blocks and head"),
        ("resnet8", eight, everything(eight), "MLPerf Tiny's ResNet-8 shape, everything"),
        ("resnet8.codes", eight, codes, "MLPerf Tiny's ResNet-8 shape, codes and head, no gamma, no beta"),
    ):
        running = replace(scheme, statistics=Statistics.RUNNING)
        lives, found = step_memory(network, fresh_state(network, 0, 0.2), running, 1)
        check_placement(lives, found)
        said = f"{source}, one image, running statistics, a fifth of the weights"
        yield metric(f"learn.peak_bytes.{name}", found.size, source=said)
        kept = [life for life in lives if life.kind in ("maps", "blocks")]
        yield metric(f"learn.activation_bytes.{name}", bound(kept), source=said)
        if name == "demo":
            memory_picture(options.out / "memory.svg", lives, found)
    for images in DEVICE_BATCHES:
        plan = plan_step(demo, fresh_state(demo, 0, 0.2), images, SMALL_LEARNING, last_blocks(demo, 2))
        said = f"all memories of {SMALL_LEARNING.name}, last two blocks, {images} images, batch statistics"
        yield metric(f"device.bytes.demo.batch{images}", sum(used_bytes(plan).values()), source=said)
    yield Metric("planner.worst_ratio", _worst(), "1", "less", f"planned ÷ bound, {PLANNED} random networks")


def _worst() -> float:
    rng = np.random.default_rng(1)
    worst = 1.0
    for seed in range(PLANNED):
        blocks = tuple(
            (int(rng.integers(1, 16)), int(rng.choice([1, 1, 2]))) for _ in range(rng.integers(1, 5))
        )
        network = residual_network((1, 32, 32), (int(rng.integers(1, 16)), int(rng.choice([1, 2]))), blocks)
        layers = tuple(
            LayerScheme(
                int(rng.integers(0, 2)) * int(rng.integers(0, network.shape(layer.source)[0] + 1)),
                bool(rng.integers(0, 2)),
            )
            for layer in network.layers
        )
        scheme = Scheme(layers, statistics=list(Statistics)[int(rng.integers(0, 2))])
        lives, found = step_memory(network, fresh_state(network, seed), scheme, int(rng.integers(1, 9)))
        check_placement(lives, found)
        worst = max(worst, found.size / bound(lives))
    return worst
