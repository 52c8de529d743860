"""What the report wants and the metrics lack, with the command that makes it."""

from collections.abc import Mapping
from dataclasses import dataclass

from flows.base.metrics import Metric
from flows.report.names import AREA, NETWORKS, TITLES, WIDE

MEASURE = "`lightdeal report`"


@dataclass(frozen=True)
class Gap:
    """Names of metrics that one command makes, and what they are, in words."""

    what: str
    command: str
    names: tuple[str, ...]


def _wanted() -> list[Gap]:
    wanted = [
        Gap(
            f"the five arithmetics on {title}",
            f"`lightdeal arithmetics --data {data}`, then {MEASURE}",
            tuple(f"{data}.{name}.{it}" for name in TITLES for it in ("accuracy", "cycles", "energy")),
        )
        for data, title in NETWORKS.items()
    ]
    areas = tuple(f"{AREA}.{name}.{it}" for it in ("sites", "dsp.sites") for name in TITLES)
    return [
        *wanted,
        Gap("the layer of 64 channels", MEASURE, tuple(f"{WIDE}.{name}.cycles" for name in TITLES)),
        Gap("area of the accelerators", MEASURE, areas),
        Gap("area of a shift-adder", MEASURE, (f"{AREA}.lut4_per_adder", f"{AREA}.lut4_per_adder_no_dsp")),
        Gap(
            "other numbers of multipliers",
            MEASURE,
            ("widths.smartdeal.8.lut_cycles", "widths.no_basis.8.lut_cycles"),
        ),
        Gap(
            "frequency after place and route",
            "`lightdeal synth --config small --target ecp5 --route`",
            (f"{AREA}.fmax_mhz",),
        ),
        Gap(
            "power from gates",
            f"{MEASURE}; it needs the Debian packages iverilog, opensta and qflow-tech-osu018",
            ("power.gates_over_table",),
        ),
        Gap("error of the area model", "`lightdeal area`", ("area_model.worst_error",)),
        Gap("LightNorm", "`lightdeal report lightnorm`", ("lightnorm.accuracy", "lightnorm.cell_area")),
    ]


def gaps(metrics: Mapping[str, Metric]) -> list[Gap]:
    """The wanted ones of which something is missing, cut down to what is missing."""
    found = [Gap(it.what, it.command, tuple(n for n in it.names if n not in metrics)) for it in _wanted()]
    return [gap for gap in found if gap.names]
