"""All measured metrics in one list, with those that follow from them; what is missing stays missing."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from flows.base.kept import read_kept
from flows.base.metrics import Metric, read_metrics
from flows.report.names import AREA, DENSE, MAIN, NETWORKS, TITLES, WIDE
from flows.report.peers import PEERS, peer_metrics

FMAX = f"{AREA}.fmax_mhz"

LIGHTNORM = (
    "lightnorm.accuracy",
    "batchnorm.accuracy",
    "lightnorm.bits_per_element.g4",
    "lightnorm.cell_area",
    "batchnorm_fp32.cell_area",
    "batchnorm_bf16.cell_area",
)
"""What is taken over from LightNorm's own report, where it is there."""


def collect(build: Path = Path("build")) -> list[Metric]:
    """Metrics of `flows.report.measure`, of place and route, of the area model and of LightNorm's report.

    Parameters
    ----------
    build: folder of the results of all verbs.

    Raises LightDealError if a file that is there cannot be read.
    """
    found = {metric.name: metric for metric in read_kept(build / "report" / "measured")}
    for source in (_routed, _area_model, _lightnorm):
        found |= {metric.name: metric for metric in source(build)}
    found |= {metric.name: metric for metric in peer_metrics()}
    return [*found.values(), *derived(found)]


def _routed(build: Path) -> Iterator[Metric]:
    path = build / "synth" / "ecp5-small-accelerator.json"
    metric = read_metrics(path).get("ecp5.small.accelerator.fmax_mhz") if path.is_file() else None
    if metric is not None:
        yield Metric(FMAX, metric.value, metric.unit, metric.better, metric.source)


def _area_model(build: Path) -> Iterator[Metric]:
    path = build / "explore" / "area.json"
    if path.is_file():
        yield from read_metrics(path).values()


def _lightnorm(build: Path) -> Iterator[Metric]:
    path = build / "lightnorm" / "metrics.json"
    found = read_metrics(path) if path.is_file() else {}
    yield from (found[name] for name in LIGHTNORM if name in found)


Formula = tuple[str, Callable[..., float], tuple[str, ...], str, str, str]
"""Name, function, names that it takes, unit, better, the formula in words."""


def _product(one: float, two: float) -> float:
    return one * two


def _quotient(one: float, two: float) -> float:
    return one / two


def formulas() -> Iterator[Formula]:
    """Everything that follows from measured metrics."""
    for network in (*NETWORKS, WIDE):
        for name in TITLES:
            it = f"{network}.{name}"
            cycles, sites = f"{it}.cycles", f"{AREA}.{name}.sites"
            yield f"{it}.lut_cycles", _product, (sites, cycles), "site·cycles", "less", f"{sites} × {cycles}"
            if network == WIDE:
                continue
            yield f"{it}.latency", _quotient, (cycles, FMAX), "µs", "less", f"{cycles} ÷ {FMAX}"
            yield (
                f"{it}.throughput",
                lambda mhz, cycles, words: mhz * 1e6 / (cycles + words),
                (FMAX, cycles, f"{it}.words"),
                "1/s",
                "more",
                f"{FMAX} ÷ ({cycles} + {it}.words)",
            )
        for name in TITLES:
            if name == DENSE:
                continue
            for quantity in ("cycles", "lut_cycles", "energy"):
                dense, this = f"{network}.{DENSE}.{quantity}", f"{network}.{name}.{quantity}"
                yield (
                    f"ratio.{network}.{name}.{quantity}",
                    _quotient,
                    (dense, this),
                    "1",
                    "more",
                    f"{dense} ÷ {this}",
                )
    first = next(iter(NETWORKS))
    for short, over, under, quantity in (
        ("lut_cycles.dense", DENSE, MAIN, "lut_cycles"),
        ("lut_cycles.dense_no_basis", DENSE, "no_basis", "lut_cycles"),
        ("energy.dense", DENSE, MAIN, "energy"),
        ("energy.rebuild", "rebuild", MAIN, "energy"),
    ):
        one, two = f"{first}.{over}.{quantity}", f"{first}.{under}.{quantity}"
        yield f"ratio.{short}", _quotient, (one, two), "1", "more", f"{one} ÷ {two}"
    for name in TITLES:
        it = f"{AREA}.{name}"
        macs, cycles, rate = f"{first}.{name}.macs", f"{first}.{name}.cycles", f"{it}.mac_rate"
        yield rate, _quotient, (macs, cycles), "1", "more", f"{macs} ÷ {cycles}"
        yield (
            f"{it}.sites_per_rate",
            _quotient,
            (f"{it}.sites", rate),
            "LUT4 sites",
            "less",
            f"{it}.sites ÷ {rate}",
        )
    for name in PEERS:
        luts, rate = f"peers.{name}.luts", f"peers.{name}.rate"
        yield f"peers.{name}.luts_per_rate", _quotient, (luts, rate), "LUT4 sites", "less", f"{luts} ÷ {rate}"


def derived(found: Mapping[str, Metric]) -> list[Metric]:
    """The formulas whose metrics are all there, in order; later ones may take earlier ones."""
    known = dict(found)
    made = []
    for name, function, names, unit, better, words in formulas():
        if all(it in known for it in names):
            known[name] = Metric(name, function(*(known[it].value for it in names)), unit, better, words)
            made.append(known[name])
    return made
