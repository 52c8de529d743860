"""The verb synth: what a unit of a configuration costs on a target."""

from collections.abc import Iterator

from flows.files import write_whole
from flows.metrics import Metric, table, write_metrics
from flows.options import Synth
from flows.progress import say, step
from flows.provenance import write_provenance
from flows.synth.area import Area
from flows.synth.netlist import Synthesis, synthesise, target_library
from flows.synth.route import Route, place_and_route
from flows.synth.wrap import TwoPins
from flows.tools import MissingTool
from flows.units import make_unit
from golden.spec.config import load_config

COLUMNS = {
    "sites": "LUT sites",
    "flip_flops": "flip-flops",
    "dsps": "DSPs",
    "block_rams": "block RAMs",
    "lut_rams": "LUT RAMs",
    "cell_area": "cell area, µm²",
}


def _columns(area: Area) -> list[str]:
    """The columns that say something about a target."""
    return [name for name in COLUMNS if (name == "cell_area") == bool(area.cell_area) or name == "flip_flops"]


def area_table(result: Synthesis) -> str:
    """Counts of the flattened design, by block where there are blocks, and memory macros."""
    columns = _columns(result.area)

    def row(name: str, area: Area) -> list[object]:
        return [name, *(f"{getattr(area, column):,.10g}" for column in columns)]

    rows = [row(block, area) for block, area in result.blocks.items()]
    rows.append(row("total, flattened", result.area))
    text = table([f"{result.name} on {result.target}", *(COLUMNS[name] for name in columns)], rows)
    if result.blocks:
        text += (
            "\n\nThe blocks come from a run that keeps the hierarchy; the total from one without it, where "
            "logic is shared across blocks."
        )
    if result.other_area:
        ways = ("with", "without") if " -booth" in result.command else ("without", "with")
        text += (
            f"\n\nMultipliers are mapped {ways[0]} Booth's recoding; {ways[1]} it the total is "
            f"{result.other_area:,.10g} µm². The smaller one counts."
        )
    if result.macros:
        kinds = sorted({macro.kind for macro in result.macros})
        macros = [[macro for macro in result.macros if macro.kind == kind] for kind in kinds]
        text += "\n\n" + table(
            ["memory macros", "number", "words", "bits", "read ports", "write ports"],
            [
                [kind[0].kind, len(kind), kind[0].words, kind[0].bits, kind[0].reads, kind[0].writes]
                for kind in macros
            ],
        )
    cells = ", ".join(f"{name} {number:,}" for name, number in result.area.cells.items())
    return f"{text}\n\nCells: {cells}.\nMade with {result.versions}: {result.command}; run in {result.folder}"


def route_table(result: Route) -> str:
    """Frequency and utilisation."""
    rows = [
        [name, f"{used:,}", f"{all_:,}", f"{100 * used / all_:.1f} %"]
        for name, (used, all_) in result.used.items()
    ]
    text = table([f"on {result.part}", "used", "there are", "share"], rows)
    return (
        f"Frequency: {result.mhz:.2f} MHz\n\n{text}\n\nBitstream: {result.bitstream}\n"
        f"Made with {result.versions}: {result.command}"
    )


def metrics_of(prefix: str, area: Synthesis, route: Route | None) -> Iterator[Metric]:
    """The counts as metrics, named `prefix`.<count> and `prefix`.<block>.<count>."""
    source = f"{area.versions}: {area.command}"
    for name in _columns(area.area):
        unit = "µm²" if name == "cell_area" else "1"
        yield Metric(f"{prefix}.{name}", getattr(area.area, name), unit, "less", source)
        for block, counts in area.blocks.items():
            full = f"{prefix}.{block.replace(' ', '_')}.{name}"
            yield Metric(full, getattr(counts, name), unit, "less", f"{source} (hierarchy kept)")
    if route:
        yield Metric(f"{prefix}.fmax_mhz", route.mhz, "MHz", "more", f"{route.versions}: {route.command}")


def synth(options: Synth) -> str:
    """Synthesis, and place and route if asked for; the text of the result.

    Beside the runs, `out` gets <target>-<configuration>-<unit>[-nodsp] with .md (the text), .json (the
    metrics) and .provenance.json. Raises LightDealError for options that do not go together.
    """
    config = load_config(options.config)
    # What is wrong is said before hardware is made.
    target_library(options.target, options.liberty)
    unit = make_unit(options.unit, config)
    name = options.unit.replace("-", "_")
    with step(f"{options.unit} of {config.name} on {options.target}"):
        area = synthesise(
            unit,
            name,
            options.target,
            dsp=options.dsp,
            liberty=options.liberty,
            blocks=options.blocks,
            out=options.out,
        )
    text = area_table(area)
    routed = None
    if options.route:
        try:
            routed = _route(options, name)
            text += f"\n\n{route_table(routed)}"
        except MissingTool as missing:
            text += f"\n\nPlace and route: skipped: {missing}"
            say(f"skipped: {missing}")
    stem = f"{area.target}-{config.name}-{options.unit}{'' if options.dsp else '-nodsp'}"
    write_metrics(metrics_of(stem.replace("-", "."), area, routed), options.out / f"{stem}.json")
    write_provenance(options, config, options.out / f"{stem}.provenance.json")
    path = write_whole(options.out / f"{stem}.md", text + "\n")
    return f"{text}\n\n{path}"


def _route(options: Synth, name: str) -> Route:
    wrapped = TwoPins(make_unit(options.unit, load_config(options.config)))
    with step(f"{options.unit} between two pins, on {options.target}"):
        netlist = synthesise(wrapped, f"{name}_two_pins", options.target, dsp=options.dsp, out=options.out)
    with step("place and route (the first run of a tool takes a minute or two more)"):
        return place_and_route(netlist, out=options.out)
