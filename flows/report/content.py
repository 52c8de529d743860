"""What the report says, from metrics alone."""

from collections.abc import Iterator, Mapping

from flows.base.energy import TABLE
from flows.base.metrics import Metric
from flows.report import beside, plots
from flows.report.document import Block, Document, Figure, Heading, Inline, Paragraph, Table, figure, table
from flows.report.gaps import gaps
from flows.report.names import AREA, DENSE, NETWORKS, TITLES, WIDE
from flows.report.programs import COMPONENTS

Metrics = Mapping[str, Metric]

GOALS = (
    ("ecp5.small.fmax_mhz", "frequency of SMALL on ECP5, speed grade 6, MHz", "≥", 80, 100),
    ("ecp5.small.lut4_per_adder", "LUT4 sites of a shift-adder, DSPs in the basis stage", "≤", 190, 120),
    ("ecp5.small.dsps_per_adder", "DSPs of a shift-adder", "≤", 0.5, 0.5),
    ("ecp5.small.lut4_per_adder_no_dsp", "LUT4 sites of a shift-adder, no DSP", "≤", 260, 180),
    ("ratio.lut_cycles.dense", "LUT·cycles of dense int8 ÷ SmartDeal's", "≥", 2, 4),
    ("ratio.lut_cycles.dense_no_basis", "LUT·cycles of dense int8 ÷ those without a basis", "≥", 3, 6),
    ("ratio.energy.dense", "energy of dense int8 ÷ SmartDeal's", "≥", 3, 4),
    ("area_model.worst_error", "worst error of the area model, share", "≤", 0.1, 0.1),
    ("ratio.energy.rebuild", "energy of rebuild first ÷ SmartDeal's", "", 0, 0),
    ("power.gates_over_table", "energy from gates, scaled ÷ the table's", "", 0, 0),
)
"""Metric, what it is, and what is asked: at least or at most a bound, and the aim; or nothing."""

CARD = (
    ("accuracy", "accuracy"),
    ("macs", "MACs, dense"),
    ("kept_macs", "kept MACs (steps of a lane)"),
    ("cycles", "cycles"),
    ("latency", "latency, µs"),
    ("throughput", "images a second"),
    ("utilisation", "utilisation of the lanes"),
    ("on_chip_bytes", "on-chip memories, bytes"),
    ("dram_bytes_per_kept_mac", "DRAM bytes for each kept MAC"),
    ("energy", "energy, nJ"),
)


def document(metrics: Metrics) -> Document:
    """The whole report; equal metrics give an equal document."""
    sections = (
        _goals,
        _cards,
        _layers,
        _areas,
        _lut_cycles,
        beside.power,
        beside.peers,
        beside.lightnorm,
        _gaps,
    )
    blocks = tuple(measured(block) for section in sections for block in section(metrics))
    return Document("LightDeal: accelerators and what they cost", blocks, metrics)


NOTHING = "Nothing of this table has been measured yet; the end of the report says what measures it."


def measured(block: Block) -> Block:
    """The block; a table of which every figure is missing, or that has no rows, as a line that says so."""
    if not isinstance(block, Table):
        return block
    cells = [cell for row in block.rows for cell in row]
    if any(isinstance(cell, Figure) for cell in cells) or (cells and "missing" not in cells):
        return block
    return Paragraph((NOTHING,))


def reached(value: float, sign: str, bound: float, aim: float) -> str:
    """ "yes" from the bound on, "aim" from the aim on, else "no"; nothing where nothing is asked."""
    if not sign:
        return ""
    factor = 1 if sign == "≥" else -1
    if factor * value < factor * bound:
        return "no"
    return "yes" if factor * value < factor * aim or aim == bound else "aim"


def by_arithmetic(metrics: Metrics, first: str, rows: Mapping[str, str]) -> Table:
    """Title → name with {} for the arithmetic; one column for each arithmetic."""
    cells: list[list[Inline]] = [
        [title, *(figure(metrics, name.format(it)) for it in TITLES)] for title, name in rows.items()
    ]
    return table([first, *TITLES.values()], cells)


def _goals(metrics: Metrics) -> Iterator[Block]:
    yield Heading(2, "What was asked, and what there is")
    yield Paragraph(
        (
            "Every figure leads to its source at the end: command, versions, digest of the configuration. "
            "Networks: digits decides the ratios. Area: ECP5, LUT4 sites (a CCU2C counts as 2, a cell of "
            "LUT RAM as 6), accelerators of configuration SMALL without memories, without DSPs unless said "
            "otherwise.",
        )
    )
    rows: list[list[Inline]] = [
        [
            what,
            figure(metrics, name),
            f"{sign}\u00a0{bound:g}" if sign else "",
            f"{sign}\u00a0{aim:g}" if sign else "",
            reached(metrics[name].value, sign, bound, aim) if name in metrics else "",
        ]
        for name, what, sign, bound, aim in GOALS
    ]
    yield table(["", "there is", "asked", "aim", "reached"], rows)


def _cards(metrics: Metrics) -> Iterator[Block]:
    yield Heading(2, "Report card")
    yield Paragraph(
        (
            "One image, weights from external memory once an image, zero rows not skipped. Latency and "
            "throughput of all five are at the frequency at which SmartDeal's accelerator was routed: ",
            figure(metrics, f"{AREA}.fmax_mhz"),
            f" MHz. Energy: counts × one table of one process, DRAM included. The table: {TABLE.source}.",
        )
    )
    for network, title in NETWORKS.items():
        yield Heading(3, title)
        yield by_arithmetic(metrics, title, {row: f"{network}.{{}}.{name}" for name, row in CARD})
        yield Heading(3, f"{title}: energy by component, nJ")
        yield by_arithmetic(
            metrics, "component", {row: f"{network}.{{}}.energy.{name}" for name, row in COMPONENTS.items()}
        )
        yield from plots.stacks(
            metrics,
            f"energy-{network}",
            f"Energy of an image by component, {title}",
            "nJ",
            {row: f"{network}.{{}}.energy.{name}" for name, row in COMPONENTS.items()},
        )
    yield from plots.accuracy_energy(metrics)


def _layers(metrics: Metrics) -> Iterator[Block]:
    yield Heading(2, "Layer by layer")
    yield Paragraph(
        (
            "Layers overlap: the cycles of a layer are what it added to the run. The roof of the last "
            "plots: one step a lane and cycle, and one word of the feature memory a cycle.",
        )
    )
    for network, title in NETWORKS.items():
        for quantity, unit in (("cycles", "cycles"), ("energy", "nJ")):
            yield from plots.by_layer(metrics, network, title, quantity, unit)
        yield from plots.roofline(metrics, network, title)


def _blocks(metrics: Metrics) -> list[str]:
    """Names of blocks of any arithmetic, in the order of the alphabet."""
    found = {
        name.rpartition(".")[2]
        for name in metrics
        for it in TITLES
        if name.startswith(f"{AREA}.{it}.blocks.")
    }
    return sorted(found)


def _areas(metrics: Metrics) -> Iterator[Block]:
    yield Heading(2, "Area by block")
    yield Paragraph(
        (
            "Same buffers, same sequencer; lanes with their accumulators. The blocks come from runs that "
            "keep the hierarchy, the totals from flattened ones, where logic is shared across blocks. "
            "On-chip memories are black boxes and in no figure.",
        )
    )
    blocks = {name.replace("_", " "): f"{AREA}.{{}}.blocks.{name}" for name in _blocks(metrics)}
    rows = {
        "flattened, no DSP": f"{AREA}.{{}}.sites",
        "flip-flops": f"{AREA}.{{}}.flip_flops",
        "flattened, with DSPs": f"{AREA}.{{}}.dsp.sites",
        "DSPs": f"{AREA}.{{}}.dsp.dsps",
    }
    yield by_arithmetic(metrics, "LUT4 sites", blocks | rows)
    yield from plots.stacks(metrics, "area", "Area by block, no DSP", "LUT4 sites", blocks)


def _lut_cycles(metrics: Metrics) -> Iterator[Block]:
    yield Heading(2, "LUT·cycles of an image")
    yield Paragraph(
        (
            "Area × time without DSPs, and how many times more dense int8 takes. The layer of 64 channels "
            "has random weights of a stated density, so it has cycles and no accuracy; the areas are those "
            "of SMALL. Its sources say more.",
        )
    )
    rows = {"LUT4 sites": f"{AREA}.{{}}.sites"}
    for network, title in (NETWORKS | {WIDE: "64 channels"}).items():
        rows[f"cycles, {title}"] = f"{network}.{{}}.cycles"
        rows[f"LUT·cycles, {title}"] = f"{network}.{{}}.lut_cycles"
    yield by_arithmetic(metrics, "", rows)
    others = {name: title for name, title in TITLES.items() if name != DENSE}
    cells: list[list[Inline]] = [
        [
            f"{what}, {title}",
            *(figure(metrics, f"ratio.{network}.{name}.{quantity}") for name in others),
        ]
        for network, title in (NETWORKS | {WIDE: "64 channels"}).items()
        for quantity, what in (("cycles", "cycles"), ("lut_cycles", "LUT·cycles"), ("energy", "energy"))
    ]
    yield table(["dense int8 ÷ this", *others.values()], cells)
    yield Heading(3, "How many multipliers behind the array")
    yield Paragraph(
        ("Digits; estimated from the whole accelerator with another output pipeline in its place.",)
    )
    names = list(dict.fromkeys(name.rpartition(".")[0] for name in metrics if name.startswith("widths.")))
    yield table(
        ["arithmetic, multipliers", "cycles", "LUT4 sites", "LUT·cycles"],
        [
            [
                f"{TITLES[name.split('.')[1]]}, {name.split('.')[2]}",
                *(figure(metrics, f"{name}.{it}") for it in ("cycles", "sites", "lut_cycles")),
            ]
            for name in names
        ],
    )


def _gaps(metrics: Metrics) -> Iterator[Block]:
    missing = gaps(metrics)
    yield Heading(2, "What is missing")
    if not missing:
        yield Paragraph(("Nothing.",))
        return
    yield table(
        ["what", "names", "made by"], [[gap.what, ", ".join(gap.names), gap.command] for gap in missing]
    )
