"""Random networks through all machines: what differs, and how often each option occurred."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from flows.base.files import write_all
from flows.base.metrics import Metric, metrics_text, table
from flows.base.progress import counted
from flows.fuzz.commands import Fuzz
from flows.fuzz.networks import RandomNetwork, random_images, roomy
from golden.compiler import compile_network
from golden.cycles.timing import count_cycles
from golden.graph.network import Network
from golden.graph.network_file import from_bytes, to_bytes
from golden.graph.reference import run_network
from golden.machine.run import run_frames, run_program
from golden.machine.tensors import image_words, result_tensors
from golden.spec.config import Config, load_config
from golden.spec.errors import ErrorCode, LightDealError
from golden.spec.program import Program
from sim.checks.compare import mismatch_count
from sim.run import run

IMAGES = 2
"""In a row, so that what one leaves behind is seen in the next."""

STALLS = 0.3


@dataclass(frozen=True)
class Case:
    """A network that compiles.

    Parameters
    ----------
    seed: that it was drawn with.  refused: networks drawn before it that no compiler takes.
    options: what it has.
    """

    seed: int
    network: Network
    program: Program
    options: Counter[str]
    refused: int


def draw(seed: int, config: Config) -> Case:
    """The first network of a seed that compiles."""
    rng, refused = np.random.default_rng(seed), 0
    while True:
        made = RandomNetwork(rng, config)
        network = made.draw()
        try:
            return Case(seed, network, compile_network(network, config), made.options, refused)
        except LightDealError:
            refused += 1


def differences(case: Case, rtl: bool) -> Iterator[str]:
    """What two machines say differently of a case, a line each."""
    network, program = case.network, case.program
    images = random_images(np.random.default_rng(case.seed), network, IMAGES)
    expected = run_network(from_bytes(to_bytes(network), "network"), images)
    golden = run_program(program, images)
    if golden.error != ErrorCode.NONE:
        yield f"seed {case.seed}: the golden machine stops with {golden.error.name}"
        return
    if count := mismatch_count(expected, golden, program):
        yield f"seed {case.seed}: reference and golden machine differ in {count} values"
    sent = result_tensors(program, run_frames(program, image_words(program, images)))
    if any((sent[name] != expected[name]).any() for name in network.outputs):
        yield f"seed {case.seed}: the result stream of the golden machine is not the reference's"
    skip = bool(case.seed % 2)
    cycles = [
        count_cycles(
            program, {name: it[number : number + 1] for name, it in golden.tensors.items()} if skip else None
        ).cycles
        for number in range(IMAGES)
    ]
    if not rtl:
        return
    result = run(program, images, on="compiled", skip=skip, stalls=STALLS, seed=case.seed)
    if result.error != ErrorCode.NONE:
        yield f"seed {case.seed}: RTL stops with {result.error.name}"
    elif count := mismatch_count(expected, result, program):
        yield f"seed {case.seed}: reference and RTL differ in {count} values"
    elif list(result.cycles) != cycles:
        yield f"seed {case.seed}: RTL takes {list(result.cycles)} cycles, the model says {cycles}"


def fuzz(options: Fuzz) -> tuple[str, bool]:
    """Runs random networks; returns a text, and whether all machines agree.

    Leaves fuzz.md and metrics.json in `options.out`.
    """
    config = roomy(load_config(options.config))
    found: list[str] = []
    seen: Counter[str] = Counter()
    layers = refused = ran = 0
    with counted("networks", options.networks) as bar:
        for number in range(options.networks):
            case = draw(options.seed + number, config)
            rtl = (number + 1) * options.rtl // options.networks > number * options.rtl // options.networks
            found += differences(case, rtl)
            seen.update(name for name, count in case.options.items() if count)
            layers, refused, ran = layers + len(case.network.layers), refused + case.refused, ran + rtl
            bar.update()
    where = (
        f"networks of {layers / options.networks:.1f} layers on average, {config.name}, {IMAGES} images each"
    )
    lines = [
        f"{options.networks} {where}, {ran} of them in RTL; {refused} others do not compile",
        f"{len(found)} mismatches",
        *found,
        "",
        table(["option", "networks"], [[name, seen[name]] for name in sorted(seen)]),
    ]
    metrics = [
        Metric("fuzz.networks", options.networks, "1", "more", f"flows.fuzz: {where}"),
        Metric("fuzz.rtl", ran, "1", "more", "flows.fuzz: in the compiled simulator"),
        Metric("fuzz.mismatches", len(found), "1", "less", "flows.fuzz: all machines beside each other"),
    ]
    text = "\n".join(lines)
    write_all({options.out / "metrics.json": metrics_text(metrics), options.out / "fuzz.md": text + "\n"})
    return text, not found
