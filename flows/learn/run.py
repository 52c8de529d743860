"""`lightdeal learn classes`, `data`, `scratch`: a training by the device's rule, shown as it goes."""

import json
import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from flows.base.files import read_json, save_whole, write_whole
from flows.base.kept import digest
from flows.base.metrics import Metric, percent, write_metrics
from flows.base.progress import bar, say
from flows.base.provenance import write_provenance
from flows.learn.commands import LearnClasses, LearnData, LearnScratch
from flows.learn.pictures import course, memory_picture
from flows.learn.rows import judged
from flows.learn.tasks import CALIBRATION, Task, task
from golden.graph import network_file
from golden.learning import (
    Plan,
    Report,
    Scheme,
    State,
    Statistics,
    everything,
    last_blocks,
    load_state,
    pixels,
    save_state,
    train,
)
from golden.learning.choose import choose, sensitivity
from golden.learning.finish import finish
from golden.learning.memory import step_memory
from golden.learning.ranks import joined, speaks
from golden.learning.scheme import Head, LayerScheme
from golden.progress import Progress, silent
from golden.spec.config import SMALL
from golden.spec.errors import LightDealError
from golden.spec.learning import LearningError
from golden.workloads import Dataset

EVERY = 50
"""Steps between two checkpoints."""
TRIAL = 16
"""Steps of each trial of the choice by memory."""


@dataclass
class Course:
    """What a training was like so far.

    Parameters
    ----------
    losses: nats, a step each.  moved: codes moved of those that learn, a step each.
    judged: (step, accuracy on the test images).
    """

    losses: list[float] = field(default_factory=list)
    moved: list[float] = field(default_factory=list)
    judged: list[tuple[int, float]] = field(default_factory=list)

    def until(self, steps: int) -> "Course":
        """The first so many steps."""
        seen = [(step, right) for step, right in self.judged if step <= steps]
        return Course(self.losses[:steps], self.moved[:steps], seen)


def learn_classes(options: LearnClasses) -> str:
    """`learn` of five classes more."""
    return learn(options)


def learn_data(options: LearnData) -> str:
    """`learn` of other data."""
    return learn(options)


def learn_scratch(options: LearnScratch) -> str:
    """`learn` from nothing."""
    return learn(options)


def learn(options: LearnClasses) -> str:
    """Trains, or goes on; returns what came out. Of processes that share a training one speaks and writes."""
    torch.set_num_threads(1)
    memory = bytes_of(options.memory) if options.memory else None
    with _bar("start") as progress:
        found = task(options.task, options.out, options.seed, options.images, progress)
    folder = options.out / options.task
    with joined():
        scheme, said = _scheme(options, found, memory, folder)
        state, so_far = _trained(options, found, scheme, folder)
        right, before = judged(found, state, found.test), judged(found, found.state, found.test)
    if not speaks():
        return ""
    lives, placement = step_memory(found.network, found.state, scheme, options.batch)
    metrics = [
        Metric(f"learn.{found.name}.accuracy", right, "1", "more", "the device's rule, test images"),
        Metric(f"learn.{found.name}.before", before, "1", "more", "its start, test images"),
        Metric(f"learn.{found.name}.peak_bytes", placement.size, "bytes", "less", "planned memory of a step"),
    ]
    write_metrics(metrics, folder / "metrics.json")
    write_provenance(options, SMALL, folder / "about.json", ["flows.learn.run"])
    save_state(folder / "learnt.npz", found.network, state)
    made = finish(found.network, state, pixels(found.train.images[:CALIBRATION]))
    save_whole(folder / "learnt.net", partial(network_file.save, made))
    course(folder / "course.svg", found.name, so_far.losses, so_far.moved, so_far.judged)
    memory_picture(folder / "memory.svg", lives, placement)
    steps = len(so_far.losses)
    return "\n".join(
        [
            *said,
            f"{found.name}: {percent(before)} → {percent(right)}, {steps} steps of {options.batch} images",
            f"loss {so_far.losses[0]:.3f} → {so_far.losses[-1]:.3f}; codes moved a step "
            f"{percent(so_far.moved[0])} → {percent(so_far.moved[-1])}",
            f"memory of a step: {placement.size:,} bytes; {folder / 'memory.svg'}, {folder / 'course.svg'}",
            f"what was learnt, for compile: {folder / 'learnt.net'}",
        ]
    )


def bytes_of(text: str) -> int:
    """ "64K" → 65,536. Raises LightDealError for what is no number of bytes."""
    found = re.fullmatch(r"([0-9]{1,9})([KM]?)", text)
    if found is None:
        raise LightDealError(f"memory: {text[:40]!r}; legal: bytes, such as 65536, 64K or 1M")
    return int(found[1]) << {"": 0, "K": 10, "M": 20}[found[2]]


def _bar(said: str) -> AbstractContextManager[Progress]:
    return bar(said) if speaks() else nullcontext(silent)


def _scheme(options: LearnClasses, found: Task, memory: int | None, folder: Path) -> tuple[Scheme, list[str]]:
    """What learns, and the lines that say why; a choice by memory is kept beside the training."""
    statistics = Statistics.BATCH if options.batch > 1 else Statistics.RUNNING
    if memory is None:
        scheme = last_blocks(found.network, options.last) if options.last else everything(found.network)
        return replace(scheme, statistics=statistics), []
    kept = folder / f"choice-{_key(options, found)}.json"
    if kept.is_file() and not options.fresh:
        return read_json(kept, "choice", _from_plain, f"remove {kept} to choose again")
    plan = _plan(options)
    with _bar("sensitivity") as progress:
        parts = sensitivity(
            found.network, found.state, _int8(found.train), _int8(found.held), plan, TRIAL, progress
        )
    chosen = choose(found.network, found.state, parts, options.batch, memory)
    scheme = replace(chosen.scheme, statistics=statistics)
    said = [f"chosen for {memory:,} bytes:", *(f"  {line}" for line in chosen.reasons)]
    if speaks():
        write_whole(kept, json.dumps({"scheme": asdict(scheme), "said": said}, indent=1) + "\n")
    return scheme, said


def _from_plain(values: dict[str, Any]) -> tuple[Scheme, list[str]]:
    plain = values["scheme"]
    layers = tuple(LayerScheme(**layer) for layer in plain["layers"])
    return Scheme(layers, Head(plain["head"]), Statistics(plain["statistics"])), list(values["said"])


def _int8(data: Dataset) -> Dataset:
    return Dataset(data.name, pixels(data.images), data.labels)


def _plan(options: LearnClasses) -> Plan:
    return Plan(options.epochs, options.batch, options.seed, options.rate, regrow=options.regrow)


def _key(options: LearnClasses, found: Task) -> str:
    """What a training that goes on must agree with."""
    plain = {name: value for name, value in asdict(options).items() if name not in ("fresh", "out")}
    return digest(json.dumps(plain, sort_keys=True), found.network.digest)


def _trained(options: LearnClasses, found: Task, scheme: Scheme, folder: Path) -> tuple[State, Course]:
    """The training, from its checkpoint on where there is one."""
    checkpoint = folder / f"cut-{_key(options, found)}.npz"
    beside = checkpoint.with_suffix(".json")
    state, so_far = found.state, Course()
    if checkpoint.is_file() and beside.is_file() and not options.fresh:
        state = load_state(checkpoint, found.network)
        so_far = read_json(beside, "course", lambda it: Course(**it), f"remove {beside}, or give --fresh")
        if len(so_far.losses) < state.steps:
            raise LearningError(
                f"{beside}: {len(so_far.losses)} steps, its checkpoint has {state.steps}; begin with --fresh"
            )
        so_far = so_far.until(state.steps)
        if speaks():
            say(f"goes on after step {state.steps}")
    plan = _plan(options)
    total = plan.epochs * plan.steps(len(found.train))
    if not so_far.judged:
        so_far.judged.append((0, judged(found, state, found.test)))

    def after(state: State, report: Report) -> None:
        so_far.losses.append(report.loss)
        so_far.moved.append(report.moved / report.kept if report.kept else 0.0)
        whole = state.steps == total
        if whole or state.steps % plan.steps(len(found.train)) == 0:
            so_far.judged.append((state.steps, judged(found, state, found.test)))
        if speaks() and (whole or state.steps % EVERY == 0):
            # The course first: what it has beyond the checkpoint is dropped.
            write_whole(beside, json.dumps(asdict(so_far)) + "\n")
            save_state(checkpoint, found.network, state)

    with _bar(found.name) as progress:
        state = train(
            found.network,
            state,
            pixels(found.train.images),
            found.train.labels,
            plan,
            progress,
            scheme=scheme,
            after=after,
        )
    return state, so_far
