"""The report's plots, from metrics alone; a plot whose metrics are missing is left out."""

from collections.abc import Iterator, Mapping

from flows.base.metrics import Metric
from flows.report.document import Picture
from flows.report.drawing import Value, bars, points
from flows.report.names import MAIN, NETWORKS, TITLES, layer_names
from golden.spec.config import SMALL

Metrics = Mapping[str, Metric]


def stacks(metrics: Metrics, name: str, title: str, unit: str, parts: Mapping[str, str]) -> Iterator[Picture]:
    """One bar for each arithmetic, of parts: title → name with {} for the arithmetic."""
    groups = {
        arithmetic: {
            part: (metrics[full.format(it)].value, full.format(it))
            for part, full in parts.items()
            if full.format(it) in metrics
        }
        for it, arithmetic in TITLES.items()
    }
    groups = {arithmetic: values for arithmetic, values in groups.items() if values}
    if groups:
        yield Picture(name, bars(title, unit, groups, True), f"{title}.")


def by_layer(metrics: Metrics, network: str, title: str, quantity: str, unit: str) -> Iterator[Picture]:
    """Bars for each layer, one for each arithmetic."""
    groups: dict[str, dict[str, Value]] = {}
    for it, arithmetic in TITLES.items():
        for path, name in layer_names(list(metrics), f"{network}.{it}", quantity):
            groups.setdefault(path, {})[arithmetic] = metrics[name].value, name
    if groups:
        caption = f"{quantity.capitalize()} by layer, {title}"
        yield Picture(f"{quantity}-layers-{network}", bars(caption, unit, groups, False), f"{caption}.")


def accuracy_energy(metrics: Metrics) -> Iterator[Picture]:
    """Accuracy against energy, a plot for each network."""
    for network, title in NETWORKS.items():
        series: dict[str, list[tuple[str, Value, Value]]] = {}
        for it, arithmetic in TITLES.items():
            names = f"{network}.{it}.energy", f"{network}.{it}.accuracy"
            if all(name in metrics for name in names):
                energy, accuracy = (metrics[name].value for name in names)
                point = "", (energy, names[0]), (100 * accuracy, names[1])
                series[arithmetic] = [point]
        if series:
            caption = f"Accuracy against energy, {title}"
            svg = points(caption, ("energy of an image, nJ", "accuracy on test images, %"), series)
            yield Picture(f"accuracy-{network}", svg, f"{caption}; up and left is better.")


def roofline(metrics: Metrics, network: str, title: str) -> Iterator[Picture]:
    """Kept MACs a cycle of SmartDeal's layers against kept MACs for each byte that must move."""
    prefix = f"{network}.{MAIN}"
    found = []
    for path, name in layer_names(list(metrics), prefix, "intensity"):
        rate = f"{prefix}.layers.{path}.rate"
        if rate in metrics:
            found.append((path, (metrics[name].value, name), (metrics[rate].value, rate)))
    if found:
        lowest = min(x for _, (x, _), _ in found)
        start = min(lowest, SMALL.adders / SMALL.lanes) / 2
        end = 2 * max(x for _, (x, _), _ in found)
        knee = SMALL.adders / SMALL.lanes
        roof = [(start, start * SMALL.lanes), (knee, SMALL.adders), (max(end, knee), SMALL.adders)]
        caption = f"Roofline, {title}, {TITLES[MAIN]}"
        axes = "kept MACs for each byte moved", "kept MACs in a cycle"
        svg = points(caption, axes, {"layers": found}, logarithmic=True, roof=roof)
        yield Picture(f"roofline-{network}", svg, f"{caption}: below the line is slower than it could be.")
