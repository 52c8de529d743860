"""The blocks of README.md and docs/: name → text, from kept metrics alone."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps

from flows.base.metrics import percent, table
from flows.base.sources import ROOT
from flows.figures.groups import GROUPS
from flows.figures.kept import Kept
from flows.studies import study
from flows.studies.lightnorm import area, traffic
from flows.studies.lightnorm import study as norms
from flows.studies.lightnorm.commands import LIGHTNORM_RUNS, LightNormScreen, LightNormTrain
from flows.studies.lightnorm.report import kept_results
from flows.studies.lightnorm.settings import CHOSEN, confirmation, screening
from flows.synth.route import AIM_MHZ
from golden.spec import memories as spec
from golden.spec.config import DEFAULT, SMALL, TINY
from golden.spec.memories import Memory

Groups = Mapping[str, Kept]
Block = Callable[[Groups], str]

RUNS = ROOT / LIGHTNORM_RUNS


def _of(*names: str) -> Callable[[Callable[..., str]], Block]:
    """A block of these groups; where one is missing it says how to measure it."""
    commands = {group.name: group.command for group in GROUPS}

    def decorate(make: Callable[..., str]) -> Block:
        @wraps(make)
        def made(kept: Groups) -> str:
            if missing := [name for name in names if name not in kept]:
                return f"Not measured: `{'; '.join(commands[name] for name in missing)}`."
            return make(*(kept[name] for name in names))

        return made

    return decorate


def _made(kept: Kept, tool: str = "") -> str:
    """When, with what, on what code; and on which processor, where no tool decides."""
    used = f"{tool} {kept.made['packages'][tool]}" if tool else kept.made["processor"]
    return f"Measured {kept.made['date']}, {used}, code {kept.digest[:8]}."


@_of("demo")
def results(demo: Kept) -> str:
    """What the main job prints, without its tables of layers and tensors."""
    parts = demo.text.strip().split("\n\n")
    short = [it for it in parts if not it.startswith(("| layer", "| tensor"))]
    return "\n\n".join([*short, _made(demo)])


@_of("demo")
def demo_report(demo: Kept) -> str:
    """All that the main job prints."""
    return f"{demo.text}\n{_made(demo)}"


@_of("accuracy")
def accuracy(kept: Kept) -> str:
    """Mean accuracies over the seeds."""
    names = {"float": "float", "int8": "dense int8", "po2": "no basis", "smartdeal": "SmartDeal"}
    rows = [[title, percent(kept.values[f"accuracy.mean.{name}"])] for name, title in names.items()]
    loss = kept.metrics["accuracy.mean.loss"]
    text = f"SmartDeal loses {100 * loss.value:.2f} points on average ({loss.source})"
    if "gap.worst" in kept.values:
        text += f", {100 * kept.values['gap.worst']:.2f} with the worst seed"
    return f"{table(['network', 'mean accuracy'], rows)}\n\n{text}. {_made(kept)}"


ECP5 = "ecp5.small.accelerator"


def costs(kept: Groups) -> str:
    """What SMALL costs, and what it saves beside a dense array."""
    # Two lines of a group that is missing say the same.
    lines = dict.fromkeys((_frequency(kept), _adder(kept), _digits(kept), _fashion(kept)))
    return "\n".join(f"* {line}" for line in lines)


@_of("ecp5")
def _frequency(kept: Kept) -> str:
    mhz = kept.values[f"{ECP5}.fmax_mhz"]
    return f"ECP5 of speed grade 6: {mhz:.1f} MHz after place and route. {_made(kept, 'pyosys')}"


@_of("report")
def _adder(kept: Kept) -> str:
    with_dsp, dsps, without = (
        kept.values[f"ecp5.small.{it}"]
        for it in ("lut4_per_adder", "dsps_per_adder", "lut4_per_adder_no_dsp")
    )
    return (
        f"A shift-adder: {with_dsp:.0f} LUT4 sites with {dsps:g} DSP blocks, {without:.0f} without. "
        f"{_made(kept, 'pyosys')}"
    )


def _ratios(title: str, data: str, kept: Kept) -> str:
    of = {name.removeprefix(f"ratio.{data}."): f"{value:.1f}" for name, value in kept.values.items()}
    return (
        f"{title}, beside a dense int8 array from the same template: {of['smartdeal.lut_cycles']} times "
        f"fewer LUT·cycles an image and {of['smartdeal.energy']} times less energy by a table of 45 nm, DRAM "
        f"included; without a basis {of['no_basis.lut_cycles']} and {of['no_basis.energy']} times. "
        f"{_made(kept, 'pyosys')}"
    )


@_of("report")
def _digits(kept: Kept) -> str:
    return _ratios("Digits", "digits", kept)


@_of("report_fashion")
def _fashion(kept: Kept) -> str:
    return _ratios("Fashion-MNIST", "fashion-mnist", kept)


def _parts(values: Mapping[str, float], prefix: str) -> list[list[str]]:
    """Resource, used, on the part: what the router says of each kind in use."""
    head = f"{prefix}.used."
    return [
        [name.removeprefix(head), f"{used:,.0f}", f"{values[name.replace('.used.', '.part.')]:,.0f}"]
        for name, used in values.items()
        if name.startswith(head)
    ]


@_of("ecp5")
def ecp5(kept: Kept) -> str:
    """The accelerator alone on an ECP5."""
    rows = [
        *_parts(kept.values, ECP5),
        [f"frequency ({AIM_MHZ:g} MHz asked)", f"{kept.values[f'{ECP5}.fmax_mhz']:.2f} MHz", ""],
    ]
    return f"{table(['`small`, seed 1', 'used', 'on the part'], rows)}\n\n{_made(kept, 'pyosys')}"


def resources(kept: Groups) -> str:
    """Resources on ECP5 by configuration; what was not measured says how."""
    rows: list[list[str]] = []
    if "tiny" in kept:
        of = kept["tiny"].values
        counts = (of[f"ecp5.tiny.accelerator.{it}"] for it in ("sites", "flip_flops", "dsps", "block_rams"))
        rows.append(["`tiny`, 8 shift-adders", *(f"{it:,.0f}" for it in counts)])
    kinds = ("TRELLIS_COMB", "TRELLIS_FF", "MULT18X18D", "DP16KD")
    for name, config in (("ecp5", SMALL), ("ecp5_default", DEFAULT)):
        if name in kept:
            prefix = f"ecp5.{config.name}.accelerator.used"
            counts = (kept[name].values[f"{prefix}.{kind}"] for kind in kinds)
            title = f"`{config.name}`, {config.adders} shift-adders"
            rows.append([title, *(f"{it:,.0f}" for it in counts)])
    missing = [name for name in ("tiny", "ecp5", "ecp5_default") if name not in kept]
    commands = {group.name: group.command for group in GROUPS}
    said = [f"Not measured: `{commands[name]}`." for name in missing]
    said += [_made(kept[name], "pyosys") for name in ("ecp5", "ecp5_default") if name in kept]
    header = ["configuration, ECP5", "LUT4 sites", "flip-flops", "DSP blocks", "block RAMs"]
    return "\n\n".join([*([table(header, rows)] if rows else []), *said])


def memories(_: Groups) -> str:
    """What an image of a program may load, by configuration: computed now."""
    presets = (TINY, SMALL, DEFAULT)
    rows = []
    for number in [it for it in spec.memories(TINY) if it <= Memory.COEFFICIENT]:
        shapes = [spec.memory_shape(config, number) for config in presets]
        name = Memory(number).name.lower()
        label = f"{number} + e" if number == Memory.COEFFICIENT else str(number)
        title = f"{name} memory of engine e" if number == Memory.COEFFICIENT else f"{name} words"
        rows.append([label, title, *(f"{it.depth:,} × {it.bits} bits" for it in shapes)])
    return table(["number", "memory", *(f"`{config.name}`" for config in presets)], rows)


@_of("board")
def board(kept: Kept) -> str:
    """The self-test on a board."""
    values = kept.values
    cycles, clock = values["board.cycles"], values["board.clock_mhz"]
    rows = [
        *_parts(values, "board"),
        ["frequency", f"{values['board.mhz']:.2f} MHz", f"clock {clock:g} MHz"],
        ["the self-test", f"{cycles:,.0f} cycles", f"{cycles / clock / 1000:.1f} ms"],
    ]
    head = f"demo network, configuration `small`, {values['board.images']:.0f} images"
    return f"{table([head, 'used', 'on the part'], rows)}\n\n{_made(kept, 'pyosys')}"


def _small(names: Mapping[str, tuple[Kept, str]]) -> str:
    """A table for each unit on a small part."""
    parts = []
    for title, (kept, prefix) in names.items():
        rows = [
            *_parts(kept.values, prefix),
            ["frequency", f"{kept.values[f'{prefix}.fmax_mhz']:.2f} MHz", ""],
        ]
        parts.append(f"{table([title, 'used', 'on the part'], rows)}\n\n{_made(kept, 'pyosys')}")
    return "\n\n".join(parts)


@_of("up5k_engine", "up5k_whole")
def up5k(engine: Kept, whole: Kept) -> str:
    """An engine, and a whole accelerator, on an iCE40 UP5K."""
    return _small(
        {
            "an engine of `up5k.toml`": (engine, "ice40.up5k.engine"),
            "the accelerator of `up5k_whole.toml`": (whole, "ice40.up5k_whole.accelerator"),
        }
    )


@_of("ecp5_learning")
def learning(kept: Kept) -> str:
    """The device that learns, on an ECP5."""
    prefix = "ecp5.small_learning_85k.learning.accelerator"
    return _small({"the device of `small_learning_85k.toml`": (kept, prefix)})


@_of("gowin")
def gowin(kept: Kept) -> str:
    """An engine on a GW1NR-9."""
    return _small({"an engine of `tiny`": (kept, "gowin.tiny.engine.nodsp")})


@_of("zoo")
def zoo(kept: Kept) -> str:
    """The networks that people have, a row each."""
    return f"{kept.text}\n{_made(kept)}"


@_of("fuzz")
def fuzz(kept: Kept) -> str:
    """Random networks."""
    of = {name.removeprefix("fuzz."): value for name, value in kept.values.items()}
    return (
        f"{of['networks']:,.0f} random networks, {of['rtl']:,.0f} of them on RTL: {of['mismatches']:,.0f} "
        f"mismatches. {_made(kept)}"
    )


@_of("patterns")
def patterns(kept: Kept) -> str:
    """The study of patterns, a row each."""
    rows: dict[str, dict[str, float]] = {}
    for name, value in kept.values.items():
        row, _, column = name.removeprefix("table.").rpartition(".")
        rows.setdefault(row, {})[column] = value
    source = next(iter(kept.metrics.values())).source
    return f"Accuracy on {source}. {_made(kept)}\n\n{study.pattern_rows(rows)}"


@_of("lightnorm")
def lightnorm_area(kept: Kept) -> str:
    """Area of the three norms."""
    values = kept.values
    rows: list[Sequence[object]] = []
    for name, title in area.NORMS.items():
        prefix = name.replace("-", "_")
        cells = values[f"{prefix}.cell_area"]
        counts = (values[f"{prefix}.{it}"] for it in ("luts", "flip_flops", "dsps"))
        ratio = f"{cells / values['lightnorm.cell_area']:.2f}"
        rows.append([title, f"{cells:,.0f}", ratio, *(f"{it:,.0f}" for it in counts)])
    header = ["unit", "cell area, µm²", "÷ LightNorm's", "ECP5 LUT4 sites", "flip-flops", "DSPs"]
    return f"{table(header, rows)}\n\n{_made(kept, 'pyosys')}"


def lightnorm_accuracy(_: Groups) -> str:
    """Test accuracy seed by seed, from the kept trainings."""
    usual = LightNormTrain()
    found, _missing = kept_results(confirmation(usual.images, usual.epochs, range(1, usual.seeds + 1)), RUNS)
    return norms.accuracy_table(found)


def lightnorm_screening(_: Groups) -> str:
    """What the layer was chosen by, from the kept trainings."""
    usual = LightNormScreen()
    found, _missing = kept_results(screening(usual.images, usual.epochs), RUNS)
    return f"{norms.rates_table(found)}\n\n{norms.screening_table(found)}"


def lightnorm_traffic(_: Groups) -> str:
    """Payload for a value, counted now in the integer model's blocks."""
    rows = [[row.name, f"{row.payload:.7g}"] for row in traffic.rows(CHOSEN.spikes).values()]
    return table(["layer", "payload bits for a value"], rows)


BLOCKS: dict[str, Block] = {
    "results": results,
    "demo-report": demo_report,
    "accuracy": accuracy,
    "costs": costs,
    "ecp5": ecp5,
    "area": resources,
    "memories": memories,
    "board": board,
    "ecp5-learning": learning,
    "up5k": up5k,
    "gowin": gowin,
    "zoo": zoo,
    "fuzz": fuzz,
    "patterns": patterns,
    "lightnorm-area": lightnorm_area,
    "lightnorm-accuracy": lightnorm_accuracy,
    "lightnorm-screening": lightnorm_screening,
    "lightnorm-traffic": lightnorm_traffic,
}
