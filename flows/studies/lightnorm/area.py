"""Area of the LightNorm unit and of the batch-norm units beside it, by one flow."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flows.base.metrics import Metric
from flows.base.progress import step
from flows.base.units import UNITS, make_unit
from flows.synth.area import Area
from flows.synth.netlist import ASIC, Synthesis, synthesise
from golden.spec.config import load_config

NORMS = {
    "lightnorm": "LightNorm",
    "batchnorm-fp32": "batch norm, FP32",
    "batchnorm-bf16": "batch norm, bfloat16",
}
"""Name in `flows.base.units` → title."""

FPGA = "ecp5"
CONFIG = "small"
"""The units of `NORMS` have 8 lanes in any configuration of the accelerator."""


@dataclass(frozen=True)
class Cost:
    """A unit's syntheses: to standard cells, and to an FPGA with DSP blocks."""

    cells: Synthesis
    fpga: Synthesis


def costs(out: Path) -> dict[str, Cost]:
    """The units of `NORMS` that exist, synthesised; equal earlier runs in `out` are taken as they are.

    Raises LightDealError if the library of standard cells is missing.
    """
    found = {}
    for name in NORMS:
        if name in UNITS:
            with step(f"synthesis of {name}"):
                unit, module = make_unit(name, load_config(CONFIG)), name.replace("-", "_")
                both = [synthesise(unit, module, target, out=out) for target in (ASIC, FPGA)]
            found[name] = Cost(*both)
    return found


def metrics(found: dict[str, Cost]) -> Iterator[Metric]:
    """`lightnorm.cell_area` and its like, and counts of LUT sites, flip-flops and DSPs on the FPGA."""
    for name, cost in found.items():
        prefix = name.replace("-", "_")
        source = f"{cost.cells.target}, {cost.cells.versions}"
        yield Metric(f"{prefix}.cell_area", cost.cells.area.cell_area, "µm²", "less", source)
        area: Area = cost.fpga.area
        source = f"{cost.fpga.target}, {cost.fpga.versions}"
        for short, value in (("luts", area.sites), ("flip_flops", area.flip_flops), ("dsps", area.dsps)):
            yield Metric(f"{prefix}.{short}", value, "1", "less", source)
