"""`lightdeal report lightnorm`: accuracy, traffic and area of LightNorm beside its rivals."""

from collections.abc import Iterable
from pathlib import Path

from flows.base.files import write_whole
from flows.base.metrics import Metric, read_metrics, table, write_metrics
from flows.base.plots import bars, curves
from flows.base.provenance import write_provenance
from flows.base.roots import NORMS
from flows.studies.lightnorm import area, study, traffic
from flows.studies.lightnorm.commands import LightNormReport, LightNormScreen, LightNormTrain
from flows.studies.lightnorm.runs import read
from flows.studies.lightnorm.settings import CHOSEN, Settings, confirmation, screening
from golden.spec.config import load_config

GAP = 0.5
"""Points that LightNorm may lose against batch norm."""

BARS = {"g4": 48.5, "g32_fused": 34.1}
"""Most bits of payload for a value that the project allows."""

PORTS = ("lightnorm.rtl_beats", "lightnorm.rtl_mismatches")
"""What the RTL runs of the unit must leave, beside bits counted at the ports (`traffic_metrics`)."""

WANTED = {"batchnorm-fp32": 4.0, "batchnorm-bf16": 2.0}
"""How many times smaller than these units LightNorm is to be."""


def report(options: LightNormReport) -> str:
    """Leaves report.md, metrics.json and plots (PNG and SVG) in `options.out`; returns the report.

    What is missing is named in the report, with the command that makes it, and left out of the metrics.
    Raises LightDealError if a file that is there cannot be read.
    """
    options.out.mkdir(parents=True, exist_ok=True)
    parts = [
        accuracy_part(options.runs, options.out),
        screening_part(options.runs, options.out),
        traffic_part(options.rtl, options.out),
        area_part(options.synth, options.out),
        rtl_part(options.rtl),
    ]
    text = "# LightNorm beside batch norm\n\n" + "\n\n".join(text for text, _ in parts) + "\n"
    write_metrics([metric for _, metrics in parts for metric in metrics], options.out / "metrics.json")
    write_whole(options.out / "report.md", text)
    write_provenance(options, load_config(area.CONFIG), options.out / "about.json", NORMS)
    return text


Part = tuple[str, list[Metric]]


def kept_results(wanted: Iterable[Settings], folder: Path) -> tuple[study.Results, int]:
    """The kept results, and how many are missing."""
    found = {settings: read(settings, folder) for settings in wanted}
    results = {settings: it for settings, it in found.items() if it is not None}
    return results, len(found) - len(results)


def accuracy_part(runs: Path, out: Path) -> Part:
    """Test accuracy seed by seed, from the kept trainings."""
    head = "## Accuracy\n\n"
    usual = LightNormTrain()
    seeds = range(1, usual.seeds + 1)
    results, missing = kept_results(confirmation(usual.images, usual.epochs, seeds), runs)
    if missing:
        return (
            f"{head}Missing: {missing} trainings in {runs}; make them with `lightdeal lightnorm train`.",
            [],
        )
    batch, light = study.means(results)
    series = {
        name: [
            [100 * value for value in result.validation]
            for settings, result in results.items()
            if (settings.norm is None) == plain
        ]
        for name, plain in (("BatchNorm2d, FP32", True), ("LightNorm", False))
    }
    for suffix in (".png", ".svg"):
        title = f"accuracy on held-out images, {len(seeds)} seeds"
        curves(out / f"accuracy{suffix}", title, "%", series)
    first = next(iter(results))
    text = (
        f"{head}Fashion-MNIST, {usual.images:,} training images, {usual.epochs} epochs, nine convolutions "
        "with batch norm after each; AdamW, "
        f"batch {first.batch}, first rate {first.rate:g}, decay {first.decay:g}. "
        f"Test images after the last epoch, running statistics in eval mode. LightNorm: groups of "
        f"{CHOSEN.group} {CHOSEN.axis}, rounding {CHOSEN.rounding}, spikes {CHOSEN.spikes}.\n\n"
        f"{study.accuracy_table(results)}\n\n"
        f"LightNorm is {100 * (light - batch):+.2f} points from batch norm; {-GAP:g} is allowed.\n\n"
        "![accuracy](accuracy.png)"
    )
    where = f"mean of {len(seeds)} seeds, 10,000 test images of Fashion-MNIST, trainings kept in {runs}"
    return text, [
        Metric("lightnorm.accuracy", light, "1", "more", where),
        Metric("batchnorm.accuracy", batch, "1", "more", where),
    ]


def screening_part(runs: Path, out: Path) -> Part:
    """What chose the learning rate and the layer, from the kept trainings."""
    head = "## What the layer was chosen by\n\n"
    usual = LightNormScreen()
    results, missing = kept_results(screening(usual.images, usual.epochs), runs)
    if missing:
        text = f"Missing: {missing} trainings in {runs}; make them with `lightdeal lightnorm screen`."
        return head + text, []
    base = results[Settings(None, usual.images, usual.epochs)].validation[-1]
    gaps = {
        f"{it.axis}, {it.rounding}, {it.spikes} {it.spike}, G {it.group}, K {it.chunks}": 100
        * (result.validation[-1] - base)
        for settings, result in results.items()
        if (it := settings.norm) is not None
    }
    for suffix in (".png", ".svg"):
        title = "accuracy, less that of batch norm, on held-out images"
        bars(
            out / f"screening{suffix}",
            title,
            "points, one seed",
            list(gaps),
            {"difference": list(gaps.values())},
        )
    text = (
        f"By the 5,000 images held out of the training set, never by test images: {usual.images:,} images, "
        f"{usual.epochs} epochs, seed 1; one standard error of such an accuracy is about half a point. The "
        "learning rate is the best one of batch norm.\n\n"
        f"{study.rates_table(results)}\n\n{study.screening_table(results)}\n\n![screening](screening.png)"
    )
    return head + text, []


def traffic_part(rtl: Path, out: Path) -> Part:
    """Bits for a value; those of the RTL runs where they are."""
    lines = traffic.rows(CHOSEN.spikes)
    metrics = traffic_metrics(rtl, lines)
    for suffix in (".png", ".svg"):
        title = "payload, forward and backward"
        groups = [row.name for row in lines.values()]
        series = {"payload": [row.payload for row in lines.values()]}
        bars(out / f"traffic{suffix}", title, "bits for a value", groups, series)
    cells = [
        [row.name, f"{row.payload:.5g}", f"{row.indices:.3g}", f"{row.parameters:.3g}"]
        for row in lines.values()
    ]
    checks = "\n".join(
        f"* {metric.name}: {metric.value:.5g}, at most {limit} wanted; {metric.source}"
        for metric, limit in zip(metrics, BARS.values(), strict=True)
    )
    text = (
        f"## Traffic\n\nBits for a value, forward and backward, of {traffic.CHANNELS} channels of "
        f"{traffic.VALUES} values:\n\n{table(['layer', 'payload', 'indices', 'parameters'], cells)}\n\n"
        f"{checks}\n\n![traffic](traffic.png)"
    )
    return text, metrics


def traffic_metrics(rtl: Path, lines: dict[str, traffic.Row]) -> list[Metric]:
    """Bits for a value: counted at the ports of the RTL where `rtl` has them, else from golden's blocks."""
    ports = read_metrics(rtl) if rtl.exists() else {}
    metrics = []
    for short in BARS:
        name = f"lightnorm.bits_per_element.{short}"
        source = "blocks of the integer model; not yet counted at the ports of the RTL"
        golden = Metric(name, lines[short].payload, "bit", "less", source)
        metrics.append(ports.get(name, golden))
    return metrics


def area_part(synth: Path, out: Path) -> Part:
    """Area of the three units; those that do not exist yet are named."""
    head = "## Area\n\n"
    found = area.costs(synth)
    metrics = list(area.metrics(found))
    text = ""
    if found:
        header = ["unit", "cell area, µm²", "÷ LightNorm's", "flip-flops", "LUT sites", "flip-flops", "DSPs"]
        first = next(iter(found.values()))
        text = (
            f"Standard cells of {first.cells.target} (the first flip-flops), and {first.fpga.target}; "
            f"{first.cells.versions}. 8 lanes, forward and backward, without the memory of parameters.\n\n"
            f"{table(header, _area_rows(found))}"
        )
        for suffix in (".png", ".svg"):
            groups = [area.NORMS[name] for name in found]
            series = {"cell area": [cost.cells.area.cell_area for cost in found.values()]}
            bars(out / f"area{suffix}", "area in standard cells of 0.18 µm", "µm²", groups, series)
        text += "\n\n![area](area.png)"
    if missing := [name for name in area.NORMS if name not in found]:
        text += f"\n\nMissing: {', '.join(missing)}: no such unit in flows/base/units.py."
    return head + text.strip(), metrics


def _area_rows(found: dict[str, area.Cost]) -> list[list[object]]:
    rows: list[list[object]] = []
    for name, cost in found.items():
        cells, fpga = cost.cells.area, cost.fpga.area
        ratio = ""
        if "lightnorm" in found:
            ratio = f"{cells.cell_area / found['lightnorm'].cells.area.cell_area:.2f}"
            if name in WANTED:
                ratio += f" ({WANTED[name]:g} wanted)"
        counts = (cells.flip_flops, fpga.sites, fpga.flip_flops, fpga.dsps)
        rows.append([area.NORMS[name], f"{cells.cell_area:,.0f}", ratio, *(f"{it:,}" for it in counts)])
    return rows


def rtl_part(rtl: Path) -> Part:
    """How many beats of the RTL were compared with the integer model."""
    head = "## RTL against the integer model\n\n"
    found = read_metrics(rtl) if rtl.exists() else {}
    if missing := [name for name in PORTS if name not in found]:
        return f"{head}Missing: {', '.join(missing)} in {rtl}; make them with `lightdeal lightnorm rtl`.", []
    beats, mismatches = (found[name] for name in PORTS)
    text = f"{beats.value:,.0f} beats, {mismatches.value:,.0f} mismatches ({beats.source})"
    return head + text, [beats, mismatches]
