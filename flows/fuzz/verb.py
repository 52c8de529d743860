"""Random networks through all machines: what differs, and how often each option occurred."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from flows.base.files import write_all, write_whole
from flows.base.kept import digest
from flows.base.metrics import Metric, metrics_text, table
from flows.base.progress import counted
from flows.base.provenance import write_provenance
from flows.base.roots import FUZZ
from flows.base.sources import sources_digest
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

KEPT = 10
"""Networks after which what was found is kept, so that a run that was stopped goes on."""


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


@dataclass
class _Found:
    """What networks have shown so far.

    Parameters
    ----------
    done: networks.  rtl: of them in RTL.  layers, refused: of all of them.
    wrong: what differs.  seen: networks by option.
    """

    done: int = 0
    rtl: int = 0
    layers: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)

    def add(self, case: Case, rtl: bool) -> None:
        """Runs one more."""
        self.wrong += differences(case, rtl)
        for name, count in case.options.items():
            if count:
                self.seen[name] = self.seen.get(name, 0) + 1
        self.done, self.rtl = self.done + 1, self.rtl + rtl
        self.layers, self.refused = self.layers + len(case.network.layers), self.refused + case.refused


def fuzz(options: Fuzz) -> tuple[str, bool]:
    """Runs random networks; returns a text, and whether all machines agree.

    Leaves fuzz.md, metrics.json and about.json in `options.out`. A run that was stopped goes on, if code and
    options are the same.
    """
    config = roomy(load_config(options.config))
    path = options.out / "unfinished.json"
    asked = {name: value for name, value in asdict(options).items() if name != "out"}
    key = digest(sources_digest(FUZZ), repr(sorted(asked.items())))
    found = _unfinished(path, key)
    with counted("networks", options.networks) as bar:
        bar.update(found.done)
        for number in range(found.done, options.networks):
            case = draw(options.seed + number, config)
            rtl = (number + 1) * options.rtl // options.networks > number * options.rtl // options.networks
            found.add(case, rtl)
            if found.done % KEPT == 0:
                write_whole(path, json.dumps({"key": key, "found": asdict(found)}) + "\n")
            bar.update()
    average = found.layers / options.networks
    where = f"networks of {average:.1f} layers on average, {config.name}, {IMAGES} images each"
    lines = [
        f"{options.networks} {where}, {found.rtl} of them in RTL; {found.refused} others do not compile",
        f"{len(found.wrong)} mismatches",
        *found.wrong,
        "",
        table(["option", "networks"], sorted(found.seen.items())),
    ]
    metrics = [
        Metric("fuzz.networks", options.networks, "1", "more", f"flows.fuzz: {where}"),
        Metric("fuzz.rtl", found.rtl, "1", "more", "flows.fuzz: in the compiled simulator"),
        Metric(
            "fuzz.mismatches", len(found.wrong), "1", "less", "flows.fuzz: all machines beside each other"
        ),
    ]
    text = "\n".join(lines)
    write_all({options.out / "metrics.json": metrics_text(metrics), options.out / "fuzz.md": text + "\n"})
    write_provenance(options, config, options.out / "about.json", FUZZ)
    path.unlink(missing_ok=True)
    return text, not found.wrong


def _unfinished(path: Path, key: str) -> _Found:
    """What a run with this key had found when it was stopped; nothing of another or a damaged one."""
    try:
        kept = json.loads(path.read_text())
        return _Found(**kept["found"]) if kept["key"] == key else _Found()
    except (OSError, ValueError, TypeError, KeyError):
        return _Found()
