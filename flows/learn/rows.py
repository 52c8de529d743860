"""One training as a row of the table: what was trained, by which rule, how well it went; kept in a file."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from flows.base.files import read_json, write_whole
from flows.learn.commands import REGROW
from flows.learn.controls import Masters, truncation
from flows.learn.floats import FloatNet, measured, train_float
from flows.learn.tasks import Task
from golden.learning import (
    Plan,
    Report,
    Scheme,
    State,
    accuracy,
    everything,
    head_only,
    last_blocks,
    norms_only,
    pixels,
    step,
    train,
)
from golden.learning.loop import Step
from golden.progress import Progress
from golden.workloads import Dataset

TRAINED = ("all", "last", "head", "norms")
"""What learns: everything, the last block and the head, the head, gammas with betas and biases."""
FLOAT_RULES = ("dense", "masked")
DEVICE_RULES = ("device", "regrow", "fixed", "masters", "truncation")
"""The device's rule, as its task plans it; the same with masks that change, and that stay, whatever the task
says; with float masters, whose masks stay; with roundings that cut."""
RULES = (*FLOAT_RULES, *DEVICE_RULES)
CONTROLS = ("regrow", "fixed", "truncation", "masters")
"""Rules that only show a difference: one rate, one seed."""


def columns(task: str) -> list[tuple[str, str]]:
    """(what learns, rule) of all that is measured of a task. From nothing, all learns, and masks change."""
    found = [("all", rule) for rule in ("device", "masked", "dense")]
    scratch = task.startswith("scratch")
    if not scratch:
        found += [("last", rule) for rule in ("device", "masked", "dense")]
        found += [("head", "device"), ("norms", "device")]
    return [*found, ("all", "fixed" if scratch else "regrow"), ("all", "truncation"), ("all", "masters")]


@dataclass(frozen=True)
class Row:
    """A finished training.

    Parameters
    ----------
    task, trained, rule, seed: what was done; `rate` is L of the device's codes, or the float's first rate.
    images, epochs, batch: how long.
    held, accuracy: on the held-out and the test images, fraction of 1.
    loss: mean over the last epoch, nats.  moved: codes moved a step in the last epoch, of those that learn.
    regrow: share of the kept codes whose places changed at first.
    """

    task: str
    trained: str
    rule: str
    seed: int
    rate: float
    images: int
    epochs: int
    batch: int
    held: float
    accuracy: float
    loss: float
    moved: float
    regrow: float = 0.0

    @property
    def kind(self) -> tuple[float, int, float]:
        """In what else trainings of one rule may differ: rate, batch, masks that change."""
        return self.rate, self.batch, self.regrow

    @property
    def merit(self) -> tuple[float, float]:
        """What rates are chosen by: right answers on held-out images; of equals, the loss in training."""
        return self.held, -self.loss

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.task}-{self.trained}-{self.rule}-{self.rate:g}-{self.epochs}x{self.images}-{self.seed}"


def scheme_of(task: Task, trained: str) -> Scheme:
    """What learns, by its word."""
    return {
        "all": everything,
        "last": lambda network: last_blocks(network, 1),
        "head": head_only,
        "norms": norms_only,
    }[trained](task.network)


def blank_row(task: Task, trained: str, rule: str, rate: float, seed: int, epochs: int) -> Row:
    """A training that is still to be done."""
    device = rule in DEVICE_RULES
    regrow = {"regrow": REGROW, "fixed": 0.0, "masters": 0.0}.get(rule, task.regrow) if device else 0.0
    return Row(
        task=task.name,
        trained=trained,
        rule=rule,
        seed=seed,
        rate=rate,
        images=len(task.train),
        epochs=epochs,
        batch=task.batch if device else Plan.batch,
        held=0,
        accuracy=0,
        loss=0,
        moved=0,
        regrow=regrow,
    )


def run_row(task: Task, row: Row, progress: Progress) -> Row:
    """`row`, a blank one, trained and judged by the held-out and the test images."""
    plan = Plan(row.epochs, row.batch, row.seed, regrow=row.regrow)
    if row.rule in FLOAT_RULES:
        return _float_row(task, row, plan)
    return _device_row(task, row, plan, progress)


def _float_row(task: Task, row: Row, plan: Plan) -> Row:
    masked = row.rule == "masked"
    net = FloatNet(task.masked if masked else task.dense, masked)
    train_float(net, task.train, plan, row.rate, scheme_of(task, row.trained))
    return replace(
        row,
        held=measured(net, task.held)[0],
        accuracy=measured(net, task.test)[0],
        loss=measured(net, task.train)[1],
    )


def _device_row(task: Task, row: Row, plan: Plan, progress: Progress) -> Row:
    by: Step = {"masters": Masters(row.rate).step, "truncation": truncation}.get(row.rule, step)
    code = int(row.rate) if row.rule != "masters" else -2
    reports: list[Report] = []
    state = train(
        task.network,
        task.state,
        pixels(task.train.images),
        task.train.labels,
        replace(plan, code_rate=code),
        progress,
        scheme=scheme_of(task, row.trained),
        after=lambda _, report: reports.append(report),
        by=by,
    )
    last = reports[-plan.steps(len(task.train)) :]
    kept = sum(report.kept for report in last)
    return replace(
        row,
        held=judged(task, state, task.held),
        accuracy=judged(task, state, task.test),
        loss=sum(report.loss for report in last) / len(last),
        moved=sum(report.moved for report in last) / kept if kept else 0.0,
    )


def judged(task: Task, state: State, data: Dataset) -> float:
    """Accuracy on images."""
    return accuracy(task.network, state, pixels(data.images), data.labels)


def kept_row(folder: Path, row: Row) -> Row | None:
    """The row that `folder` keeps under the name of this one, or None; one of another kind is none."""
    path = folder / f"{row.name}.json"
    if not path.is_file():
        return None
    found = read_json(path, "training", lambda values: Row(**values), f"remove {path} to train again")
    return found if found.kind == row.kind else None


def keep_row(folder: Path, row: Row) -> None:
    """Write a row."""
    write_whole(folder / f"{row.name}.json", json.dumps(asdict(row), indent=1) + "\n")


def kept_rows(folder: Path) -> list[Row]:
    """All rows of a folder."""
    again = "remove it to train again"
    return [
        read_json(path, "training", lambda values: Row(**values), again)
        for path in sorted(folder.glob("*.json"))
    ]
