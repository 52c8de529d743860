"""Pictures of a training: its course, and its memory over the time of a step."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib import pyplot
from matplotlib.patches import Rectangle

from flows.base.plots import save_figure
from golden.compiler.placement import Life, Placement

_COLOURS = {
    "coefficients": "#9d9da1",
    "maps": "#4c78a8",
    "blocks": "#54a24b",
    "errors": "#f58518",
    "gradients": "#b279a2",
}


def course(
    path: Path,
    title: str,
    losses: Sequence[float],
    moved: Sequence[float],
    judged: Sequence[tuple[int, float]],
) -> None:
    """Loss and share of moved codes of each step, and accuracy on the test images (step, fraction of 1)."""
    figure, (axes, below) = pyplot.subplots(
        2, 1, figsize=(7, 4.6), layout="constrained", sharex=True, height_ratios=(3, 1)
    )
    steps = range(1, len(losses) + 1)
    axes.plot(steps, losses, color="#9d9da1", linewidth=0.8)
    axes.set_ylabel("loss, nats", color="#77777b")
    axes.set_title(title)
    beside = axes.twinx()
    beside.plot([step for step, _ in judged], [100 * it for _, it in judged], color="#4c78a8", marker=".")
    beside.set_ylabel("accuracy, %", color="#4c78a8")
    beside.spines["top"].set_visible(False)
    axes.spines["top"].set_visible(False)
    below.plot(steps, [100 * it for it in moved], color="#54a24b", linewidth=0.8)
    below.set_ylabel("codes moved, %", color="#54a24b")
    below.set_xlabel("step")
    below.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)


def memory_picture(path: Path, lives: Sequence[Life], found: Placement) -> None:
    """Addresses over the time of a step, a box for each tensor."""
    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    seen: set[str] = set()
    for life in lives:
        label = None if life.kind in seen else life.kind
        seen.add(life.kind)
        corner, size = (life.first, found.addresses[life.name] / 1024), life.size / 1024
        box = Rectangle(corner, life.last - life.first + 1, size, facecolor=_COLOURS[life.kind], label=label)
        box.set_edgecolor("white")
        box.set_linewidth(0.4)
        axes.add_patch(box)
    axes.set_xlim(0, max(life.last for life in lives) + 1)
    axes.set_ylim(0, found.size / 1024)
    axes.set_xlabel("time in a step: layers forward, head, layers backward")
    axes.set_ylabel("KB")
    axes.set_title(f"{found.size:,} bytes")
    figure.legend(frameon=False, loc="outside right upper")
    axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)
