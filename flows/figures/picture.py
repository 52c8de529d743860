"""The picture of README.md: what matters, from kept metrics alone."""

from collections.abc import Iterator, Mapping

from flows.base.plots import Panel
from flows.figures.groups import LEARN
from flows.figures.kept import Kept
from flows.report.names import AREA, TITLES

OWN = ("SmartDeal", "no basis", "LightNorm", "after")
"""What has colour."""


def panels(kept: Mapping[str, Kept]) -> list[Panel]:
    """Cycles and area beside the rivals, the norm beside batch norm, learning; what was measured of them."""
    makers = {"demo": _cycles, "report": _area, "lightnorm": _norms, LEARN: _learning}
    return [panel for name, make in makers.items() if name in kept for panel in make(kept[name].values)]


def _cycles(values: Mapping[str, float]) -> Iterator[Panel]:
    lines = {
        "dense int8, ideal": values["cycles.dense"],
        "no basis": values["cycles.per_image_no_basis"],
        "SmartDeal": values["cycles.per_image"],
    }
    yield Panel("cycles of an image,\n64 adders each", lines, ",.0f", OWN)


def _area(values: Mapping[str, float]) -> Iterator[Panel]:
    lines = {title: values[f"{AREA}.{name}.sites"] for name, title in TITLES.items()}
    yield Panel(
        "LUT4 sites on ECP5,\nno DSP, no memories", lines, ",.0f", (TITLES["smartdeal"], TITLES["no_basis"])
    )


def _norms(values: Mapping[str, float]) -> Iterator[Panel]:
    names = {"batchnorm_fp32": "FP32", "batchnorm_bf16": "bfloat16", "lightnorm": "LightNorm"}
    lines = {title: values[f"{name}.cell_area"] / 1e6 for name, title in names.items()}
    yield Panel("area of a norm that trains,\nmm² in 0.18 µm", lines, ".2f", OWN)


def _learning(values: Mapping[str, float]) -> Iterator[Panel]:
    lines = {when: 100 * values[f"learn.scratch.digits.{name}"] for when, name in _COURSE.items()}
    yield Panel("digits learnt by the device's rule,\n% right, from nothing", lines, ".1f", OWN)


_COURSE = {"before": "before", "after": "accuracy"}
