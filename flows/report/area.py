"""Area of the accelerators on ECP5: whole ones without memories, by block, and what the multipliers cost."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from flows.base.metrics import Metric
from flows.base.progress import step
from flows.report.names import AREA
from flows.studies.contestants import matched
from flows.synth.netlist import Synthesis, synthesise
from golden.cycles.timing import count_cycles
from golden.spec.config import SMALL, Config
from golden.spec.program import Program
from hw.core.accelerator import Accelerator
from hw.engine.engine import Engine
from hw.writeback.basis import BasisStage
from hw.writeback.output import OutputPipeline

TARGET = "ecp5"
WIDTHS = {"smartdeal": (4, 8, 16), "no_basis": (2, 4, 8)}
"""Arithmetic → numbers of multipliers behind the array that are compared."""


def source_of(result: Synthesis, config: Config, extra: str = "") -> str:
    """Command, versions and configuration of a synthesis."""
    boxes = ", memories as black boxes" if result.macros else ""
    return (
        f"{result.versions}: {result.command}{boxes}{extra}; configuration {config.name} {config.digest:08x}"
    )


def accelerator(config: Config, dsp: bool, out: Path) -> Synthesis:
    """The whole accelerator, flattened, and without DSPs by block; memories are black boxes."""
    with step(f"synthesis of {config.name}, {'with' if dsp else 'no'} DSP"):
        return synthesise(
            Accelerator(config), "accelerator", TARGET, dsp=dsp, macros=True, blocks=not dsp, out=out
        )


def accelerator_metrics(name: str, config: Config, dsp: bool, out: Path) -> Iterator[Metric]:
    """Of the arithmetic `name`, whole, and without DSPs by block; `ecp5.small.NAME.sites` is without DSPs."""
    result = accelerator(config, dsp, out)
    source = source_of(result, config)
    prefix = f"{AREA}.{name}.{'dsp.' if dsp else ''}"
    area = result.area
    yield Metric(f"{prefix}sites", area.sites, "LUT4 sites", "less", source)
    for count in ("flip_flops", "lut_rams", "dsps"):
        yield Metric(f"{prefix}{count}", getattr(area, count), "1", "less", source)
    for block, counts in result.blocks.items():
        full = f"{prefix}blocks.{block.replace(' ', '_')}"
        yield Metric(full, counts.sites, "LUT4 sites", "less", f"{source}; hierarchy kept")


def adder_metrics(config: Config, out: Path) -> Iterator[Metric]:
    """LUT4 sites and DSPs of a shift-adder: its share of the engines and of the basis stage."""
    engine = synthesise(Engine(config, 0), "engine", TARGET, dsp=False, macros=True, out=out)
    yield Metric(f"{AREA}.engine.sites", engine.area.sites, "LUT4 sites", "less", source_of(engine, config))
    for dsp, suffix in ((True, ""), (False, "_no_dsp")):
        basis = synthesise(BasisStage(config), "basis", TARGET, dsp=dsp, macros=True, out=out)
        source = source_of(basis, config)
        yield Metric(f"{AREA}.basis{suffix}.sites", basis.area.sites, "LUT4 sites", "less", source)
        share = (config.engines * engine.area.sites + basis.area.sites) / config.adders
        formula = f"({config.engines} × engine + basis stage) ÷ {config.adders}; {source}"
        yield Metric(f"{AREA}.lut4_per_adder{suffix}", share, "LUT4 sites", "less", formula)
        if dsp:
            dsps = basis.area.dsps / config.adders
            yield Metric(
                f"{AREA}.dsps_per_adder",
                dsps,
                "1",
                "less",
                f"DSPs of the basis stage ÷ {config.adders}; {source}",
            )


def width_metrics(programs: dict[str, Program], out: Path) -> Iterator[Metric]:
    """Cycles and sites with other numbers of multipliers behind the array.

    Sites are those of the whole accelerator with the output pipeline of the other width in place of its own.

    Parameters
    ----------
    programs: arithmetic → the program of the network that decides.
    """
    usual = matched(SMALL)
    pipelines: dict[int, Synthesis] = {}
    for name, widths in WIDTHS.items():
        whole = accelerator(usual[name], False, out)
        for width in {*widths, usual[name].basis} - set(pipelines):
            with step(f"synthesis of the output pipeline, {width} multipliers, no DSP"):
                config = replace(SMALL, name=f"small, {width} multipliers", basis=width)
                pipelines[width] = synthesise(
                    OutputPipeline(config), "output_stage", TARGET, dsp=False, macros=True, out=out
                )
        own = pipelines[usual[name].basis].area.sites
        for width in widths:
            config = replace(programs[name].config, basis=width)
            cycles = count_cycles(replace(programs[name], config=config)).cycles
            sites = whole.area.sites - own + pipelines[width].area.sites
            prefix = f"widths.{name}.{width}"
            source = source_of(pipelines[width], config, ", output pipeline")
            yield Metric(f"{prefix}.cycles", cycles, "cycles", "less", f"golden.cycles; {config.digest:08x}")
            yield Metric(
                f"{prefix}.sites",
                sites,
                "LUT4 sites",
                "less",
                f"whole − own output pipeline + this one; {source}",
            )
            yield Metric(f"{prefix}.lut_cycles", sites * cycles, "site·cycles", "less", "sites × cycles")
