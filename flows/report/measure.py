"""Everything that the report measures, step by step; a step that is up to date is not repeated."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from flows.base.files import read_json
from flows.base.kept import code, digest, kept
from flows.base.metrics import Metric
from flows.base.progress import say
from flows.report.area import accelerator_metrics, adder_metrics, width_metrics
from flows.report.names import NETWORKS, WIDE
from flows.report.power import power_metrics
from flows.report.programs import CODE, program_metrics
from flows.report.wide import WHAT, wide_programs
from flows.studies.arithmetics import arithmetics
from flows.studies.commands import Arithmetics
from flows.studies.contestants import NAMES, matched
from flows.studies.training import load
from golden.machine.tensors import quantise
from golden.progress import Progress
from golden.spec.config import SMALL
from golden.spec.errors import LightDealError, ProgramError
from golden.spec.program import Program
from sim.drivers.ports import ToolError

ARITHMETICS = Path("build/arithmetics")
MEASURED = Path("build/report/measured")
SYNTH = Path("build/synth")

_HARDWARE = ("hw", "golden/spec", "flows/synth", "flows/studies/contestants.py", "flows/report/area.py")


def program_file(data: str, name: str, folder: Path = ARITHMETICS) -> Path:
    """Where `lightdeal arithmetics` leaves a program."""
    return folder / f"{data}-{name}.ldp"


def load_program(data: str, name: str, folder: Path = ARITHMETICS) -> Program:
    """A program of `lightdeal arithmetics`. Raises ProgramError if it is missing or of other sizes."""
    return Program.load(program_file(data, name, folder), matched(SMALL)[name])


def accuracy_metrics(data: str, results: Path) -> Iterator[Metric]:
    """What `lightdeal arithmetics` left in DATA.json that the programs themselves do not say."""

    def parse(values: dict[str, Any]) -> list[Metric]:
        made = []
        for entry in values["results"]:
            where = (
                f"lightdeal arithmetics --data {data}: golden on all test images, RTL equal to it on the "
                f"first {entry['rtl_images']}; configuration {entry['config']}"
            )
            made.append(Metric(f"{data}.{entry['name']}.accuracy", entry["accuracy"], "1", "more", where))
        return made

    again = f"make it again with: lightdeal arithmetics --data {data}"
    yield from read_json(results, "results", parse, again)


def measure_network(data: str, programs: Path = ARITHMETICS, measured: Path = MEASURED) -> None:
    """Counts, cycles and energy of a network's five programs, and their accuracies.

    Raises ProgramError where a program is missing or stale.
    """
    results = programs / f"{data}.json"
    if not results.is_file():
        raise ProgramError(f"{results}: missing; make it with: lightdeal arithmetics --data {data}")
    own = code(*CODE, "flows/report/programs.py")
    for name in NAMES:
        program, file = load_program(data, name, programs), program_file(data, name, programs)
        make = partial(
            program_metrics, f"{data}.{name}", program, f"{file} of lightdeal arithmetics --data {data}"
        )
        kept(measured, f"program-{data}-{name}", digest(own, file.read_bytes()), make)
    kept(measured, f"accuracy-{data}", digest(results.read_bytes()), partial(accuracy_metrics, data, results))


def measure_wide(measured: Path = MEASURED) -> None:
    """Cycles and energy of the layer of 64 channels."""

    def make() -> Iterator[Metric]:
        for name, program in wide_programs().items():
            yield from program_metrics(f"{WIDE}.{name}", program, WHAT)

    kept(
        measured, "program-wide", code("golden", *CODE, "flows/report", "flows/studies/contestants.py"), make
    )


def measure_accelerator(name: str, dsp: bool, measured: Path = MEASURED, synth: Path = SYNTH) -> None:
    """The accelerator of an arithmetic on ECP5. Raises ToolError when Yosys fails."""
    make = partial(accelerator_metrics, name, matched(SMALL)[name], dsp, synth)
    kept(measured, f"area-{name}-{'dsp' if dsp else 'no-dsp'}", code(*_HARDWARE), make)


def measure_adder(measured: Path = MEASURED, synth: Path = SYNTH) -> None:
    """A shift-adder with its share of the basis stage. Raises ToolError when Yosys fails."""
    kept(measured, "adder", code(*_HARDWARE), partial(adder_metrics, SMALL, synth))


def measure_widths(programs: Path = ARITHMETICS, measured: Path = MEASURED, synth: Path = SYNTH) -> None:
    """Other numbers of multipliers behind the array. Raises ProgramError without the programs."""
    data = next(iter(NETWORKS))
    found = {name: load_program(data, name, programs) for name in ("smartdeal", "no_basis")}
    files = [program_file(data, name, programs).read_bytes() for name in found]
    kept(measured, "widths", digest(code(*_HARDWARE, *CODE), *files), partial(width_metrics, found, synth))


def measure_power(programs: Path = ARITHMETICS, measured: Path = MEASURED, synth: Path = SYNTH) -> None:
    """One engine in standard cells on the first test image. Raises ToolError where a tool is missing."""
    data = next(iter(NETWORKS))
    program, file = load_program(data, "smartdeal", programs), program_file(data, "smartdeal", programs)
    _, _, test = load(data)
    image = quantise(test.images[:1].numpy(), program.tensor(program.input).scale)
    key = digest(
        code("hw", "golden/spec", "flows/synth", "flows/asic", *CODE, "flows/report/power.py"),
        file.read_bytes(),
    )
    make = partial(power_metrics, program, image, str(file), measured.parent / "power", synth)
    kept(measured, "power", key, make)


def _train() -> None:
    """The programs of the first network, where they are missing or stale; minutes."""
    data = next(iter(NETWORKS))
    try:
        for name in NAMES:
            load_program(data, name)
    except ProgramError:
        text, passed = arithmetics(Arithmetics(data=data, out=ARITHMETICS))
        if not passed:
            raise LightDealError(f"arithmetics: not near enough to the float networks\n{text}") from None


POWER = "gates and power"
"""The step that no figure in README.md or docs/ needs."""

FIRST, AFTER = ("programs",), ("multipliers behind the array",)
"""Steps that all others need; steps that need others."""


def steps() -> dict[str, Callable[[], None]]:
    """Name → step, in their order: the ratios that are asked for come first."""
    wanted = [(name, dsp) for dsp in (False, True) for name in NAMES]
    found: dict[str, Callable[[], None]] = dict.fromkeys(FIRST, _train)
    for data in NETWORKS:
        found[f"network {data}"] = partial(measure_network, data)
    found["layer of 64 channels"] = measure_wide
    found["shift-adder"] = measure_adder
    for name, dsp in wanted:
        found[f"area of {name}, {'with' if dsp else 'no'} DSP"] = partial(measure_accelerator, name, dsp)
    found[POWER] = measure_power
    return found | dict.fromkeys(AFTER, measure_widths)


def measure_all(progress: Progress) -> tuple[str, ...]:
    """Run every step that is not up to date; returns what had to be left out, and why.

    Parameters
    ----------
    progress: called with the name of a step and the fraction done, 0…1.
    """
    left_out = []
    all_steps = steps()
    for number, (name, run) in enumerate(all_steps.items()):
        progress(name, number / len(all_steps))
        try:
            run()
        except (ToolError, ProgramError) as missing:
            left_out.append(f"{name}: {missing}")
            say(f"left out: {left_out[-1]}")
    progress("done", 1.0)
    return tuple(left_out)
