"""What a unit of a configuration costs on a target."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from flows.asic.engine import EngineCost, engine_cost
from flows.asic.sta import Timing
from flows.asic.unit import unit_timing
from flows.base.files import write_whole
from flows.base.metrics import Metric, read_metrics, write_metrics
from flows.base.progress import say, step
from flows.base.provenance import is_current, write_provenance
from flows.base.roots import SYNTHESIS
from flows.base.sources import ROOT
from flows.base.tools import MissingTool
from flows.base.units import make_unit
from flows.cost.commands import Synth
from flows.cost.tables import area_table, columns_of, power_table, route_table, timing_table
from flows.synth.area import Area
from flows.synth.netlist import ASIC, Synthesis, synthesise, target_library
from flows.synth.route import AIM_MHZ, Route, place_and_route
from flows.synth.wrap import TwoPins
from golden.machine.tensors import quantise
from golden.spec.config import load_config
from golden.spec.errors import LightDealError
from golden.spec.program import Program


def metrics_of(
    prefix: str,
    area: Synthesis,
    routed: Sequence[Route] = (),
    timed: Sequence[Timing] = (),
    powered: Sequence[EngineCost] = (),
) -> Iterator[Metric]:
    """The counts as metrics, named `prefix`.<count> and `prefix`.<block>.<count>, and what else there is."""
    source = f"{area.versions}: {area.command}"
    for name in columns_of(area.area):
        unit = "µm²" if name == "cell_area" else "1"
        yield Metric(f"{prefix}.{name}", getattr(area.area, name), unit, "less", source)
        for block, counts in area.blocks.items():
            full = f"{prefix}.{block.replace(' ', '_')}.{name}"
            yield Metric(full, getattr(counts, name), unit, "less", f"{source} (hierarchy kept)")
    for route in routed:
        where = f"{route.versions}: {route.command}"
        yield Metric(f"{prefix}.fmax_mhz", route.mhz, "MHz", "more", where)
        for kind, (used, there) in route.used.items():
            yield Metric(f"{prefix}.used.{kind}", used, "1", "less", where)
            yield Metric(f"{prefix}.part.{kind}", there, "1", "neither", f"on {route.part}")
    for timing in timed:
        yield Metric(f"{prefix}.period", timing.period, "ns", "less", f"{timing.versions}; {source}")
    for cost in powered:
        where = f"{cost.power.versions}, toggles of {cost.activity.cycles} cycles; {source}"
        yield Metric(f"{prefix}.power", cost.power.total * 1000, "mW", "less", where)


def still_routed(path: Path, found: Sequence[Metric]) -> list[Metric]:
    """What an earlier place and route left in `path`, if all that was found now is as it was then."""
    old = read_metrics(path) if path.is_file() else {}
    if any(metric.name not in old or old[metric.name].value != metric.value for metric in found):
        return []
    return [
        it for name, it in old.items() if name.endswith(".fmax_mhz") or ".used." in name or ".part." in name
    ]


def synth_unit(options: Synth) -> tuple[str, Area]:
    """Synthesis, and what else is asked for; the text of the result, and the counts of all of the unit.

    Beside the runs, `out` gets <target>-<configuration>-<unit>[-nodsp] with .md (the text), .json (the
    metrics) and .provenance.json. Raises LightDealError for options that do not go together.
    """
    config = load_config(options.config or "small")
    target, chosen = options.target or "ecp5", options.unit or "accelerator"
    # What is wrong is said before hardware is made.
    library = target_library(target, options.liberty)
    if library is None and (options.timing or options.power):
        raise LightDealError(f"--timing and --power go with --target {ASIC}; --route says more of an FPGA")
    if options.power and chosen != "engine":
        raise LightDealError(f"--power goes with --unit engine, whose inputs a Program gives; not {chosen!r}")
    if options.mhz is not None and not options.route:
        raise LightDealError("--mhz goes with --route: it is what the router aims at")
    if not options.ripup and not options.route:
        raise LightDealError("--no-ripup goes with --route: it is how the router works")
    program = Program.load(options.power, config) if options.power else None
    unit = make_unit(chosen, config)
    name = chosen.replace("-", "_")
    with step(f"{chosen} of {config.name} on {target}"):
        area = synthesise(
            unit,
            name,
            target,
            dsp=options.dsp,
            liberty=options.liberty,
            blocks=options.blocks,
            out=options.out,
        )
    parts = [area_table(area, library)]
    timed: list[Timing] = []
    powered: list[EngineCost] = []
    routed: list[Route] = []
    if options.timing and library is not None:
        parts += _attempt("Static timing", lambda: timed.append(unit_timing(area, library)))
        parts += map(timing_table, timed)
    if program is not None:
        parts += _attempt("Power", lambda: powered.append(_power(options, program)))
        parts += map(power_table, powered)
    if options.route:
        parts += _attempt("Place and route", lambda: routed.append(_route(options, name, target)))
        parts += map(route_table, routed)
    text = "\n\n".join(parts)
    stem = f"{area.target}-{config.name}-{chosen}{'' if options.dsp else '-nodsp'}"
    found = list(metrics_of(stem.replace("-", "."), area, routed, timed, powered))
    about = options.out / f"{stem}.provenance.json"
    if not options.route and is_current(about):
        found += still_routed(options.out / f"{stem}.json", found)
    write_metrics(found, options.out / f"{stem}.json")
    roots = (*SYNTHESIS, type(unit).__module__, *_inside(options.config))
    write_provenance(options, config, about, roots)
    path = write_whole(options.out / f"{stem}.md", text + "\n")
    return f"{text}\n\n{path}", area.area


def _inside(config: str | None) -> list[str]:
    """A configuration's file in the repository, as a root of `flows.base.sources`."""
    path = Path(config).resolve() if config else ROOT
    return [path.relative_to(ROOT).as_posix()] if path.is_file() and path.is_relative_to(ROOT) else []


def _attempt(what: str, make: Callable[[], None]) -> list[str]:
    """What `make` was skipped for, where it lacks a tool."""
    try:
        make()
    except MissingTool as missing:
        say(f"skipped: {missing}")
        return [f"{what}: skipped: {missing}"]
    return []


def _power(options: Synth, program: Program) -> EngineCost:
    from flows.studies.training import load  # loads torch

    _, _, test = load(options.data)
    image = quantise(test.images[:1].numpy(), program.tensor(program.input).scale)
    with step("gates beside RTL, power"):
        return engine_cost(program, image, options.out / "power", liberty=options.liberty, out=options.out)


def _route(options: Synth, name: str, target: str) -> Route:
    wrapped = TwoPins(make_unit(options.unit or "accelerator", load_config(options.config or "small")))
    with step(f"{name} between two pins, on {target}"):
        netlist = synthesise(wrapped, f"{name}_two_pins", target, dsp=options.dsp, out=options.out)
    with step("place and route (the first run of a tool takes a minute or two more)"):
        return place_and_route(netlist, options.mhz or AIM_MHZ, ripup=options.ripup, out=options.out)
