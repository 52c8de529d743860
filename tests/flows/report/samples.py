"""Metrics of every name that the report knows, with random values."""

import random

from flows.base.metrics import Metric
from flows.report.collect import FMAX, LIGHTNORM, derived
from flows.report.content import CARD
from flows.report.names import AREA, NETWORKS, TITLES, WIDE
from flows.report.peers import peer_metrics
from flows.report.programs import COMPONENTS

SHARES = ("accuracy", "utilisation", "worst_error")
LAYERS = ("conv", "block1.conv1", "fc")
POWER = (
    *("cell_area", "flip_flops", "compared", "mhz", "internal", "switching", "leakage", "total"),
    *("clock", "sequential", "combinational", "gates", "table", "unclocked_over_table"),
)


def sample_metrics(seed: int, without: str = "nothing") -> dict[str, Metric]:
    """Measured and derived metrics by name; those whose names begin with `without` are left out."""
    generator = random.Random(seed)
    names = [
        f"{network}.{name}.{quantity}"
        for network in (*NETWORKS, WIDE)
        for name in TITLES
        for quantity in (
            *(it for it, _ in CARD if it not in ("latency", "throughput")),
            "words",
            *(f"energy.{it}" for it in COMPONENTS),
            *(f"layers.{path}.{it}" for path in LAYERS for it in ("cycles", "energy", "intensity", "rate")),
        )
    ]
    names += [
        f"{AREA}.{name}.{it}"
        for name in TITLES
        for it in ("sites", "flip_flops", "dsp.sites", "dsp.dsps", "blocks.array", "blocks.basis")
    ]
    names += [
        f"widths.{it}.8.{quantity}"
        for it in ("smartdeal", "no_basis")
        for quantity in ("cycles", "sites", "lut_cycles")
    ]
    names += [f"{AREA}.{it}" for it in ("lut4_per_adder", "lut4_per_adder_no_dsp", "dsps_per_adder")]
    names += [f"power.{it}" for it in (*POWER, "scale", "gates_scaled", "gates_over_table")]
    names += [FMAX, "area_model.worst_error", *LIGHTNORM]
    found = {}
    for name in names:
        share = name.rpartition(".")[2] in SHARES
        value = generator.random() if share else round(generator.uniform(1, 5e4), 3)
        found[name] = Metric(name, value, "1", "neither", f"command of {name}, seed {seed}")
    found |= {metric.name: metric for metric in peer_metrics()}
    found = {name: it for name, it in found.items() if not name.startswith(without)}
    return found | {metric.name: metric for metric in derived(found)}
